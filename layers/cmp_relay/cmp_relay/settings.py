"""What each function reads from its environment: one frozen dataclass a function, read in one go.

A field `queue_url` is the variable `QUEUE_URL`. The template sets exactly the variables that a
function's class names (tests/template checks both directions). Secrets appear as ARNs, never as
values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TypeVar

from cmp_relay.errors import SettingsError

Settings = TypeVar("Settings")


@dataclass(frozen=True, slots=True)
class ReceiverSettings:
    """Environment of receive_webhook."""

    allow_url_secret: bool
    archive_bucket: str
    asset_published_queue_url: str
    asset_synced_queue_url: str
    asset_unpublished_queue_url: str
    catalogue_table: str
    external_work_queue_url: str
    library_asset_queue_url: str
    other_event_queue_url: str
    quarantine_queue_url: str
    webhook_secret_arn: str


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Environment of every function that works on a queue of jobs."""

    catalogue_table: str
    dead_letter_queue_url: str
    event_bus: str
    queue_url: str
    retry_seconds: int


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Environment of every worker that keeps details or files of assets."""

    asset_bucket: str


@dataclass(frozen=True, slots=True)
class RecordSettings:
    """Environment of every function that writes records of assets; empty: no file is mirrored."""

    asset_file_queue_url: str
    report_publications: bool


@dataclass(frozen=True, slots=True)
class FileSettings:
    """Environment of on_asset_file, beside that of a worker and of the API."""

    file_origins: tuple[str, ...]
    folder_rules: str
    image_repository_bucket: str
    keep_withdrawn: bool
    max_file_megabytes: int


@dataclass(frozen=True, slots=True)
class PublicationSettings:
    """Environment of on_asset_file for the reports that the relay gives by itself."""

    command_queue_url: str
    public_base_url: str
    report_publications: bool


@dataclass(frozen=True, slots=True)
class DetailSettings:
    """Environment of every function that brings details of assets."""

    detail_custom_fields: bool
    detail_renditions: bool


@dataclass(frozen=True, slots=True)
class LibrarySettings:
    """Environment of on_library_asset alone."""

    library_detail: str


@dataclass(frozen=True, slots=True)
class EntrySettings:
    """Environment of every function that reads what was delivered from the archive."""

    archive_bucket: str


@dataclass(frozen=True, slots=True)
class OtherEventSettings:
    """Environment of on_other_event alone."""

    enrich_events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Environment of every function that asks CMP's Open API."""

    api_requests_per_minute: int
    api_requests_per_month: int
    api_requests_per_second: int
    bulk_share: int
    cmp_api_base: str
    cmp_api_origins: tuple[str, ...]
    refresh_token_function: str
    token_secret_arn: str


@dataclass(frozen=True, slots=True)
class LookupSettings:
    """Environment of every function that looks for assets, beside that of the API."""

    gone_recheck_seconds: int


@dataclass(frozen=True, slots=True)
class UploadSettings:
    """Environment of run_command for what it uploads."""

    upload_origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """Environment of run_command, beside that of a worker and of the API."""

    max_report_items: int


@dataclass(frozen=True, slots=True)
class ReconcileSettings:
    """Environment of reconcile_library, beside that of the API."""

    asset_bucket: str
    catalogue_table: str
    full_reconcile_days: int
    library_asset_queue_url: str
    library_detail: str
    max_removal_share: int
    reconcile_hours: int
    reconcile_share: int


@dataclass(frozen=True, slots=True)
class JiraSettings:
    """Environment of on_ticket, beside that of a worker; without an address there is no Jira."""

    command_queue_url: str
    jira_base_url: str
    jira_credentials_secret_arn: str
    jira_issue_type: str
    jira_project: str
    jira_rejected_statuses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TicketQueueSettings:
    """Environment of every function that gives ticket jobs; without an address of Jira, none."""

    jira_base_url: str
    jira_external_system: str
    ticket_queue_url: str


@dataclass(frozen=True, slots=True)
class TicketReceiverSettings:
    """Environment of receive_ticket; without an address of Jira there is none to receive from."""

    archive_bucket: str
    catalogue_table: str
    jira_base_url: str
    jira_webhook_secret_arn: str
    quarantine_queue_url: str
    ticket_queue_url: str


@dataclass(frozen=True, slots=True)
class RefreshSettings:
    """Environment of refresh_token."""

    catalogue_table: str
    cmp_grant_type: str
    cmp_scope: str
    cmp_token_url: str
    credentials_secret_arn: str
    token_secret_arn: str


def read(kind: type[Settings], environment: Mapping[str, str]) -> Settings:
    """Read the variables that `kind` names; raises SettingsError naming every problem.

    An empty value counts as given: whether it makes sense is the template's parameter pattern to
    say.
    """
    values: dict[str, object] = {}
    problems: list[str] = []
    for field in fields(kind):  # type: ignore[arg-type]
        name = field.name.upper()
        if name not in environment:
            problems.append(f"{name} is missing")
            continue
        try:
            values[field.name] = _convert(environment[name], field.type)
        except ValueError:
            problems.append(f"{name} is not a {field.type}")
    if problems:
        raise SettingsError("; ".join(problems))
    return kind(**values)


def _convert(text: str, kind: object) -> object:
    if kind is bool:
        if text.lower() not in {"true", "false"}:
            raise ValueError(text)
        return text.lower() == "true"
    if kind is int:
        return int(text)
    if kind is str:
        return text
    return tuple(part.strip() for part in text.split(",") if part.strip())
