"""The look for an asset in CMP: by its link, a minute later again, then wherever CMP says it lives.

Links are used as CMP gave them. Only where a delivery brings none, as a removal does, is one built
from the asset's kind.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cmp_relay import clients, library, settings
from cmp_relay.errors import NotFoundError, PostponedError
from cmp_relay.exchanges import build_client
from cmp_relay.findings import Found
from cmp_relay.jobs import AssetJob
from cmp_relay.open_api import OpenApi
from cmp_relay.origins import Origins
from cmp_relay.outcomes import Attempt, Outcomes
from cmp_relay.tokens import TokenSource

REQUEST_SECONDS = 12
"""Three requests in a row (link, location, what that leads to) fit into a worker's reserve."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Looks into CMP's Open API, whose address is `base`; every look raises its ApiErrors."""

    api: OpenApi
    base: str
    outcomes: Outcomes
    gone_recheck_seconds: int
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def anywhere(self, job: AssetJob, attempt: Attempt) -> Found:
        """Find the job's asset wherever it lives; raises NotFoundError if it lives nowhere.

        Raises PostponedError when its link leads to nothing for the first time.
        """
        found = self._by_link(job, attempt, job.asset.href)
        if found:
            return found
        began_at = self.now()
        location = self.api.locate(job.asset.id)
        return Found(self.api.get(location.href), location.place, began_at)

    def in_library(self, job: AssetJob, attempt: Attempt, href: str | None) -> Found:
        """Find the job's asset in the library; raises NotFoundError if that does not have it.

        Raises PostponedError when the link leads to nothing for the first time.
        """
        return self._by_link(job, attempt, href) or self._located(job.asset.id)

    def once(self, asset_type: str, asset_id: str, href: str | None) -> Found:
        """Look into the library once, by the link or by the kind; raises NotFoundError."""
        path = library.path(asset_type, asset_id)
        if href is None and path is not None:
            href = f"{self.base.rstrip('/')}/{path}"
        return self._at(href) if href else self._located(asset_id)

    def _by_link(self, job: AssetJob, attempt: Attempt, href: str | None) -> Found | None:
        if href is None:
            return None
        try:
            return self._at(href)
        except NotFoundError:
            if attempt.not_found_at is None:
                self.outcomes.note_not_found(job.job_id)
                delay = self.gone_recheck_seconds
                raise PostponedError("not found; asked once more", delay=delay) from None
        return None

    def _at(self, href: str) -> Found:
        began_at = self.now()
        return Found(self.api.get(href), "library", began_at, href)

    def _located(self, asset_id: str) -> Found:
        location = self.api.locate(asset_id)
        if location.place != "library":
            raise NotFoundError("the asset lives elsewhere than in the library")
        return self._at(location.href)


def build(environment: Mapping[str, str]) -> Lookup:
    """Build what a function's environment names; raises SettingsError."""
    own = settings.read(settings.WorkerSettings, environment)
    api = settings.read(settings.LookupSettings, environment)
    tokens = TokenSource(
        clients.secrets(), clients.invoking, api.token_secret_arn, api.refresh_token_function
    )
    origins = Origins.parse(api.cmp_api_origins)
    return Lookup(
        api=OpenApi(build_client(), tokens, origins, api.cmp_api_base, REQUEST_SECONDS),
        base=api.cmp_api_base,
        outcomes=Outcomes(clients.dynamodb(), own.catalogue_table),
        gone_recheck_seconds=api.gone_recheck_seconds,
    )
