"""The API that Optimizely's tutorial "CMP REST API Integration" describes (seed 001).

The official specification does not contain it (facts.md 8): it knows neither the host nor the paths
nor the scopes. So the address is a setting, and `cmp_v3` is the API that CMP documents. Requests
and answers are the tutorial's; where it shows no answer, the one that comes is given on as it is.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from cmp_relay import pages
from cmp_relay.client_tokens import ClientTokens
from cmp_relay.credentials import Credentials
from cmp_relay.endpoint import Endpoint, moment
from cmp_relay.errors import CircleError
from cmp_relay.exchanges import build_client
from cmp_relay.fields import at
from cmp_relay.forms import Form, SteadyFile
from cmp_relay.oauth import TokenEndpoint
from cmp_relay.open_api import OpenApi
from cmp_relay.origins import Origins
from cmp_relay.pages import Row
from cmp_relay.patience import Patience

BASE = "https://api.optimizely.com"
SCOPE = "cmp:read cmp:write"
PER_PAGE = 100
UPLOAD_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class ContentApi:
    """Content items, assets and publishing as the tutorial has them."""

    endpoint: Endpoint

    def page(
        self,
        page: int = 1,
        per_page: int = 25,
        *,
        status: str | None = None,
        content_type: str | None = None,
        campaign_id: str | None = None,
    ) -> Mapping[str, Any]:
        """Return one page of content items: `items`, and `pagination` with `has_next`.

        There is no parameter to sort by: the tutorial speaks of sorting and shows none.
        """
        link = self.endpoint.link(
            "content",
            page=page,
            per_page=per_page,
            status=status,
            content_type=content_type,
            campaign_id=campaign_id,
        )
        return self.endpoint.get(link)

    def list(
        self,
        *,
        status: str | None = None,
        content_type: str | None = None,
        campaign_id: str | None = None,
    ) -> Iterator[Row]:
        """Yield all content items that fit, such as those that are `approved`."""
        wanted = {"status": status, "content_type": content_type, "campaign_id": campaign_id}
        return pages.joined(self._lists(wanted))

    def get(self, content_id: str) -> Mapping[str, Any]:
        """Return a content item: fields, metadata, workflow state, assets and campaigns."""
        return self.endpoint.get(self.endpoint.link("content", content_id))

    def upload(
        self,
        path: Path,
        title: str | None = None,
        *,
        description: str = "",
        tags: Sequence[str] = (),
        folder_id: str = "",
    ) -> Mapping[str, Any]:
        """Upload a file as an asset; UnavailableError leaves open whether it is there now.

        Raises OSError for a file that cannot be read, or changes meanwhile.
        """
        fields = {
            "title": title or path.name,
            "description": description,
            "tags": json.dumps([*tags]),
            "folder_id": folder_id,
        }
        with SteadyFile(path) as file:
            form = Form(fields, path.name, file)
            return self.endpoint.submit(self.endpoint.link("assets"), form, UPLOAD_SECONDS)

    def publish(
        self,
        content_id: str,
        channel_id: str,
        *,
        schedule_at: datetime | None = None,
        target_location: str | None = None,
    ) -> Mapping[str, Any]:
        """Publish approved content on a channel, now or at a moment, which needs a zone.

        Raises RequestRefusedError with status 422 and CMP's words if it is not approved;
        UnavailableError leaves open whether it is published.
        """
        body = {
            "channel_id": channel_id,
            "schedule_at": moment(schedule_at) if schedule_at else None,
            "target_location": target_location,
        }
        return self.endpoint.tell(
            "POST", self.endpoint.link("content", content_id, "publish"), body
        )

    def _lists(self, wanted: Mapping[str, str | None]) -> Iterator[object]:
        before: object = None
        for number in count(1):
            page = self.page(number, PER_PAGE, **wanted)
            items = page.get("items")
            if items and items == before:
                raise CircleError(f"page {number} of the content is the one before once more")
            yield items
            if at(page, "pagination", "has_next") is not True:
                return
            before = items


def connect(
    credentials: Credentials,
    *,
    base: str = BASE,
    client: httpx.Client | None = None,
    patience: Patience | None = None,
) -> ContentApi:
    """Use an app's credentials at the address `base`; raises SettingsError for an unusable one.

    `client` is as for `cmp_v3.connect`. With a patience that has the permits of a stack, requests
    count in its API budget too, and their answers tell its workers nothing: it is another API.
    """
    base = base.rstrip("/")
    client = client or build_client()
    token_endpoint = TokenEndpoint(client, f"{base}/oauth/token", "client_credentials", scope=SCOPE)
    api_base = f"{base}/v1/cmp"
    api = OpenApi(
        client, ClientTokens(token_endpoint, credentials), Origins.parse((base,)), api_base
    )
    return ContentApi(Endpoint(api, api_base, (patience or Patience()).counting()))
