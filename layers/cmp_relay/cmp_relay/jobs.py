"""The job: the part of a delivery that concerns one thing, as it travels on SQS (design.md 5).

The relay gives itself jobs of the same shape, whose `cause` is no delivery, and a replay gives jobs
of old deliveries once more, with ids of their own. The receiver writes
plain dicts (`deliveries.split`), so that its cold start does not pay for pydantic; tests/contract
checks them against this model.
"""

from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cmp_relay.errors import UnreadableJobError
from cmp_relay.slots import Lane

YEAR_3000 = 32_503_680_000_000
Identifier = Annotated[str, Field(min_length=1, max_length=256)]
JobIdentifier = Annotated[str, Field(min_length=1, max_length=512)]
"""Of a job that the relay gave itself it holds an asset's."""


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


class Linked(_Part):
    """A task, step, sub-step or comment of a delivery with the links that it came with."""

    id: Identifier
    href: str | None = None


class Task(Linked):
    """The task of a delivery."""

    assets_href: str | None = None


class SubStep(Linked):
    """The sub-step of a delivery."""

    external_work_href: str | None = None
    comments_href: str | None = None


class ExternalWork(_Part):
    """Which other system a sub-step is worked on in, as its delivery says."""

    external_system: str | None = None
    href: str | None = None


class Job(_Part):
    """One message of a work queue; `received_at` is ms UTC, `entry` a pointer into the body.

    Only a job caused by a delivery, or by the replay of one, has a body, in the archive.
    """

    schema_version: Literal[1] = Field(alias="schema")
    job_id: JobIdentifier
    delivery_id: JobIdentifier
    received_at: int = Field(gt=0, lt=YEAR_3000)
    event_name: Identifier
    channel: Identifier
    cause: Literal["delivery", "files", "reconcile", "command", "ticket", "replay"] = "delivery"
    organization_id: str | None = None
    archive_key: Identifier | None = None
    entry: str | None = None
    asset: Asset | None = None
    publishing_event: PublishingEvent | None = None
    triggered_from: TriggeredFrom | None = None

    @property
    def is_delivered(self) -> bool:
        """Tell whether a delivery told of it, now or before."""
        return self.cause in {"delivery", "replay"}

    @property
    def original_id(self) -> str:
        """Return the id of the job that a replay gives once more; any other job has its own."""
        if self.cause != "replay":
            return self.job_id
        return f"{self.delivery_id}.{self.job_id.rpartition('.')[2]}"

    @property
    def lane(self) -> Lane | None:
        """Return the lane of the API budget that it must keep to, None for that of its worker."""
        return "bulk" if self.cause == "replay" else None

    @model_validator(mode="after")
    def _a_delivery_is_archived(self) -> Self:
        if self.is_delivered and (self.archive_key is None or self.entry is None):
            msg = "a delivered job has its place in the archive"
            raise ValueError(msg)
        return self


class AssetJob(Job):
    """A job that concerns one asset."""

    asset: Asset


class PublishJob(AssetJob):
    """A job of asset_published, asset_synced or asset_unpublished."""

    publishing_event: PublishingEvent
    archive_key: Identifier
    entry: str


class LibraryJob(AssetJob):
    """A job of one of the library's events: nothing but an asset's ids."""


class FileJob(AssetJob):
    """A job to make an asset's files what they have to be since change `wanted` of the asset."""

    wanted: int = Field(gt=0)


class OtherEventJob(Job):
    """A job of an event that has no worker of its own; only its place in the archive is known."""

    archive_key: Identifier
    entry: str


class ExternalWorkJob(Job):
    """A job of one of the events of external steps."""

    task: Task
    step: Linked | None = None
    sub_step: SubStep
    external_work: ExternalWork | None = None
    comment: Linked | None = None
    archive_key: Identifier
    entry: str


AnyJob = TypeVar("AnyJob", bound=Job)


def read_publish_job(body: str) -> PublishJob:
    """Read a queue message's body; raises UnreadableJobError naming fields, never values."""
    return _read(PublishJob, body)


def read_library_job(body: str) -> LibraryJob:
    """Read a queue message's body; raises UnreadableJobError naming fields, never values."""
    return _read(LibraryJob, body)


def read_file_job(body: str) -> FileJob:
    """Read a queue message's body; raises UnreadableJobError naming fields, never values."""
    return _read(FileJob, body)


def read_other_event_job(body: str) -> OtherEventJob:
    """Read a queue message's body; raises UnreadableJobError naming fields, never values."""
    return _read(OtherEventJob, body)


def read_external_work_job(body: str) -> ExternalWorkJob:
    """Read a queue message's body; raises UnreadableJobError naming fields, never values."""
    return _read(ExternalWorkJob, body)


def _read(kind: type[AnyJob], body: str) -> AnyJob:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        fields = sorted(
            {".".join(map(str, problem["loc"])) or "body" for problem in error.errors()}
        )
        raise UnreadableJobError(f"unreadable: {', '.join(fields)}") from None
