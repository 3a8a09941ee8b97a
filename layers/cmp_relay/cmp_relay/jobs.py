"""The job: the part of a delivery that concerns one thing, as it travels on SQS (design.md 5).

The receiver writes the same shape as plain dicts (`deliveries.split`), so that its cold start does
not pay for pydantic; tests/contract checks its dicts against this model.
"""

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cmp_relay.errors import UnreadableJobError

YEAR_3000 = 32_503_680_000_000
Identifier = Annotated[str, Field(min_length=1, max_length=256)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Asset(_Part):
    """One asset of a delivery; `href` is the link as CMP sent it, None if it sent none."""

    id: Identifier
    type: Identifier
    href: str | None = None
    entry_hash: str | None = None


class PublishingEvent(_Part):
    """The publishing event that a publish delivery belongs to."""

    id: Identifier
    href: str | None = None
    metadata_href: str | None = None


class TriggeredFrom(_Part):
    """What the publishing event was started from, usually a task."""

    id: str | None = None
    source_type: str | None = None
    href: str | None = None


class Job(_Part):
    """One message of a work queue; `received_at` is ms UTC, `entry` a pointer into the body."""

    schema_version: Literal[1] = Field(alias="schema")
    job_id: Identifier
    delivery_id: Identifier
    received_at: int = Field(gt=0, lt=YEAR_3000)
    event_name: Identifier
    channel: Identifier
    organization_id: str | None = None
    archive_key: Identifier
    entry: str
    asset: Asset | None = None
    publishing_event: PublishingEvent | None = None
    triggered_from: TriggeredFrom | None = None


class AssetJob(Job):
    """A job that concerns one asset."""

    asset: Asset


class PublishJob(AssetJob):
    """A job of asset_published, asset_synced or asset_unpublished."""

    publishing_event: PublishingEvent


class LibraryJob(AssetJob):
    """A job of asset_added, asset_modified or asset_removed: nothing but an asset's ids."""


AnyJob = TypeVar("AnyJob", bound=Job)


def read_publish_job(body: str) -> PublishJob:
    """Read a queue message's body; raises UnreadableJobError naming fields, never values."""
    return _read(PublishJob, body)


def read_library_job(body: str) -> LibraryJob:
    """Read a queue message's body; raises UnreadableJobError naming fields, never values."""
    return _read(LibraryJob, body)


def _read(kind: type[AnyJob], body: str) -> AnyJob:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        fields = sorted(
            {".".join(map(str, problem["loc"])) or "body" for problem in error.errors()}
        )
        raise UnreadableJobError(f"unreadable: {', '.join(fields)}") from None
