"""CMP's Open API, version 3, for people and programs: the official specification's (facts.md 4).

What it gives is JSON as CMP shows it, which may hold more from one day to the next. Operations that
CMP calls Experimental say so: they may change or vanish.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from cmp_relay.client_tokens import ClientTokens
from cmp_relay.cmp_assets import Assets
from cmp_relay.credentials import Credentials
from cmp_relay.endpoint import Endpoint
from cmp_relay.exchanges import build_client
from cmp_relay.fields import without_none
from cmp_relay.file_uploads import FileUploads
from cmp_relay.listing import PAGE_SIZE
from cmp_relay.lookup import Access
from cmp_relay.oauth import TokenEndpoint
from cmp_relay.open_api import OpenApi
from cmp_relay.origins import FileOrigins, Origins
from cmp_relay.pages import Row
from cmp_relay.patience import Patience
from cmp_relay.storage import Storage

BASE = "https://api.cmp.optimizely.com/v3"
TOKEN_URL = "https://accounts.cmp.optimizely.com/o/oauth2/v1/token"  # noqa: S105 - a URL
ORIGINS = ("https://api.cmp.optimizely.com", "https://api.welcomesoftware.com")
UPLOAD_ORIGINS = ("https://*.s3-accelerate.amazonaws.com", "https://*.s3.amazonaws.com")
"""As the stack's parameters are by default."""
CHANNEL_PAGE_SIZE = 1000
CUSTOM_FIELD_TYPES = (
    "checkbox",
    "currency",
    "date",
    "dropdown",
    "image",
    "multi_select_dropdown",
    "multichoice",
    "number",
    "percentage",
    "richtext",
    "string",
    "textarea",
    "video",
)
SETTINGS: Mapping[str, Any] = {
    **{name: [] for name in ("labels", "workflows", "templates", "apps", "webhooks")},
    "routing_rules": [],
    "custom_fields": {name: [] for name in CUSTOM_FIELD_TYPES},
}
"""Settings that change nothing: CMP wants every key to be there."""


@dataclass(frozen=True, slots=True)
class LibraryFolders:
    """The folders of the library."""

    endpoint: Endpoint

    def list(self, parent_id: str | None = None) -> Iterator[Row]:
        """Yield all folders, or those right below one."""
        link = self.endpoint.link("folders", parent_folder_id=parent_id, page_size=PAGE_SIZE)
        return self.endpoint.rows(link)

    def get(self, folder_id: str) -> Mapping[str, Any]:
        """Return a folder."""
        return self.endpoint.get(self.endpoint.link("folders", folder_id))

    def add(self, name: str, parent_id: str | None = None) -> Mapping[str, Any]:
        """Make a folder, at the top without a parent."""
        body = without_none(name=name, parent_folder_id=parent_id)
        return self.endpoint.tell("POST", self.endpoint.link("folders"), body)

    def rename(self, folder_id: str, name: str) -> Mapping[str, Any]:
        """Call a folder otherwise (Experimental)."""
        return self.endpoint.tell("PATCH", self.endpoint.link("folders", folder_id), {"name": name})


@dataclass(frozen=True, slots=True)
class Labels:
    """The groups of labels that assets and tasks can have."""

    endpoint: Endpoint

    def list(self) -> Iterator[Row]:
        """Yield the groups by name, each with its values."""
        return self.endpoint.rows(self.endpoint.link("label-groups", page_size=PAGE_SIZE))


@dataclass(frozen=True, slots=True)
class WorkTasks:
    """Tasks: where content is worked on, and what is published from."""

    endpoint: Endpoint

    def list(
        self,
        *,
        statuses: Sequence[str] = (),
        title: str | None = None,
        campaign_id: str | None = None,
        workflow_id: str | None = None,
        milestone_id: str | None = None,
        starts_at: datetime | None = None,
        due_at: datetime | None = None,
    ) -> Iterator[Row]:
        """Yield the tasks that fit (Experimental); statuses such as `In Progress`, `Overdue`."""
        link = self.endpoint.link(
            "tasks",
            status=[*statuses] or None,
            search_key=title,
            campaign=campaign_id,
            workflow=workflow_id,
            milestone=milestone_id,
            start_date=starts_at,
            due_date=due_at,
            page_size=PAGE_SIZE,
        )
        return self.endpoint.rows(link)

    def get(self, task_id: str) -> Mapping[str, Any]:
        """Return a task with its workflow."""
        return self.endpoint.get(self.endpoint.link("tasks", task_id))

    def update(self, task_id: str, changes: Mapping[str, object]) -> Mapping[str, Any]:
        """Change a task: title, campaign_id, workflow_id, owner_id, labels, start_at, due_at."""
        return self.endpoint.tell("PATCH", self.endpoint.link("tasks", task_id), changes)

    def assets(self, task_id: str) -> Iterator[Row]:
        """Yield the assets of a task."""
        link = self.endpoint.link("tasks", task_id, "assets", page_size=PAGE_SIZE)
        return self.endpoint.rows(link)

    def custom_fields(self, task_id: str) -> Iterator[Row]:
        """Yield the custom fields of a task."""
        link = self.endpoint.link("tasks", task_id, "custom-fields", page_size=PAGE_SIZE)
        return self.endpoint.rows(link)

    def set_custom_field(
        self, task_id: str, field_id: str, values: Sequence[str]
    ) -> Mapping[str, Any]:
        """Set a custom field of a task; one of choices by the ids of those."""
        link = self.endpoint.link("tasks", task_id, "custom-fields", field_id)
        return self.endpoint.tell("PATCH", link, {"values": [*values]})


@dataclass(frozen=True, slots=True)
class Channels:
    """Publishing channels, and tasks that are to be published on them."""

    endpoint: Endpoint

    def list(self) -> Iterator[Row]:
        """Yield the channels (Experimental)."""
        link = self.endpoint.link("publishing-channels", page_size=CHANNEL_PAGE_SIZE)
        return self.endpoint.rows(link)

    def publish(self, task_id: str, channel_id: str) -> Mapping[str, Any]:
        """Have a task published on a channel now (Experimental): CMP knows neither time nor place.

        After UnavailableError look first whether it is published: CMP does it once more.
        """
        link = self.endpoint.link("tasks", task_id, "publishing-intents")
        return self.endpoint.tell("POST", link, {"channel_id": channel_id})


@dataclass(frozen=True, slots=True)
class PublishingEvents:
    """What was published together, and what is reported of it (facts.md 5)."""

    endpoint: Endpoint

    def get(self, event_id: str) -> Mapping[str, Any]:
        """Return a publishing event with its assets."""
        return self.endpoint.get(self.endpoint.link("publishing-events", event_id))

    def reports(
        self,
        event_id: str,
        *,
        status: str | None = None,
        kind: str | None = None,
        asset_id: str | None = None,
        locale: str | None = None,
    ) -> Iterator[Row]:
        """Yield the reports that CMP has of an event."""
        link = self.endpoint.link(
            *("publishing-events", event_id, "publishing-metadata"),
            status=status,
            asset_type=kind,
            asset_id=asset_id,
            locale=locale,
        )
        return self.endpoint.rows(link)

    def report(self, event_id: str, reports: Sequence[Mapping[str, object]]) -> Mapping[str, Any]:
        """Report what became of assets; `errors` of the answer holds the reports refused."""
        link = self.endpoint.link("publishing-events", event_id, "publishing-metadata")
        return self.endpoint.tell("POST", link, {"data": [*reports]})


@dataclass(frozen=True, slots=True)
class OrganizationSettings:
    """The organization's settings (Experimental). They hold webhooks' secrets: not to be logged."""

    endpoint: Endpoint

    def get(self) -> Mapping[str, Any]:
        """Return all settings."""
        return self.endpoint.get(self.endpoint.link("settings"))

    def preview(self, changes: Mapping[str, object]) -> Mapping[str, Any]:
        """Return what some settings would change (`changeset`), and change nothing."""
        return self._post(changes)

    def apply(
        self, changes: Mapping[str, object], *, overwrite_workflows: bool = False
    ) -> Mapping[str, Any]:
        """Change some settings: CMP finds them by name, and merges a webhook's events."""
        overwrite = True if overwrite_workflows else None
        return self._post(changes, execute=True, overwrite_workflows=overwrite)

    def _post(self, changes: Mapping[str, object], **query: bool | None) -> Mapping[str, Any]:
        link = self.endpoint.link("settings", **query)
        return self.endpoint.tell("POST", link, {**SETTINGS, **changes})


@dataclass(frozen=True, slots=True)
class Cmp:
    """CMP's Open API, part by part; `endpoint.get` follows any link that CMP gives."""

    endpoint: Endpoint
    assets: Assets
    folders: LibraryFolders
    labels: Labels
    tasks: WorkTasks
    channels: Channels
    events: PublishingEvents
    settings: OrganizationSettings


def assemble(endpoint: Endpoint, storage: Storage) -> Cmp:
    """Put all parts together around one address."""
    return Cmp(
        endpoint=endpoint,
        assets=Assets(endpoint, FileUploads(endpoint, storage)),
        folders=LibraryFolders(endpoint),
        labels=Labels(endpoint),
        tasks=WorkTasks(endpoint),
        channels=Channels(endpoint),
        events=PublishingEvents(endpoint),
        settings=OrganizationSettings(endpoint),
    )


def beside(access: Access, upload_origins: Sequence[str] = UPLOAD_ORIGINS) -> Cmp:
    """Use the token and the API budget of a stack (`lookup.build_access`), in its lane.

    The stack's limits hold for both then, so no worker gets a 429 for what is asked here.
    """
    endpoint = Endpoint(access.api, access.base, Patience(access.permits))
    return assemble(endpoint, _storage(build_client(), upload_origins))


def connect(
    credentials: Credentials,
    *,
    base: str = BASE,
    token_url: str = TOKEN_URL,
    origins: Sequence[str] = ORIGINS,
    upload_origins: Sequence[str] = UPLOAD_ORIGINS,
    client: httpx.Client | None = None,
) -> Cmp:
    """Use an app's own credentials, without a stack; raises SettingsError for unusable URLs.

    A 429 is waited for, but the organization's other programs are not known here. A `client` has
    to follow no redirects and to bring nothing along (`exchanges.build_client`).
    """
    client = client or build_client()
    tokens = ClientTokens(TokenEndpoint(client, token_url, "client_credentials"), credentials)
    api = OpenApi(client, tokens, Origins.parse(origins), base)
    return assemble(Endpoint(api, base), _storage(client, upload_origins))


def _storage(client: httpx.Client, upload_origins: Sequence[str]) -> Storage:
    return Storage(client, FileOrigins.parse(upload_origins, "UPLOAD_ORIGINS"))
