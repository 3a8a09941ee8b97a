"""What the bus was told of each external step, and of each comment on one: an item for each.

`STEP#{sub_step_id}` holds the item `STEP` and one item `COMMENT#{comment_id}` each. Whoever holds
the lease of a subject reads and writes its item; an event that the bus has not confirmed is part of
it, together with the job that it came from.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from cmp_relay.catalogue import Announcement
from cmp_relay.errors import ConflictError
from cmp_relay.jobs import ExternalWorkJob, read_external_work_job

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Subject:
    """What an event is about: a sub-step, or a comment on it."""

    sub_step_id: str
    comment_id: str | None = None

    @property
    def name(self) -> str:
        """Name the subject, as its lease does."""
        comment = f"#{self.comment_id}" if self.comment_id else ""
        return f"step#{self.sub_step_id}{comment}"


@dataclass(frozen=True, slots=True)
class Owed:
    """An event that the bus, and the ticket system after it, has not confirmed; its job as JSON."""

    announcement: Announcement
    job: str

    @classmethod
    def of(cls, job: ExternalWorkJob, announcement: Announcement) -> "Owed":
        """Return the event that a job owes."""
        return cls(announcement, job.model_dump_json(by_alias=True))

    def read_job(self) -> ExternalWorkJob:
        """Return the job that owes the event."""
        return read_external_work_job(self.job)


@dataclass(frozen=True, slots=True)
class StepState:
    """What is known of a subject; moments are ms.

    `seen_at` is when the newest look for an event's name began, `told` what the bus was told last
    (a hash), `told_as` by which event unless an echo came after it, `settled` the job that told it,
    `sequence` the number of its event. Of a sub-step, `beside_assignee` is a hash of what of `told`
    an assignment leaves alone; of a comment, `shown` is what CMP showed last, and `removed` whether
    it is gone.
    """

    subject: Subject
    revision: int = 0
    sequence: int = 0
    seen_at: Mapping[str, int] = field(default_factory=dict)
    told: str | None = None
    told_as: str | None = None
    beside_assignee: str | None = None
    settled: str | None = None
    shown: Mapping[str, Any] | None = None
    removed: bool = False
    owed: Owed | None = None

    @property
    def told_at(self) -> int:
        """Return when the newest look began of which the bus was told (ms), 0 if there is none."""
        return max(self.seen_at.values(), default=0)


class Steps:
    """The STEP and COMMENT items of the catalogue table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use `table` through `client`."""
        self._client = client
        self._table = table
        self._write = TypeSerializer()
        self._read = TypeDeserializer()

    def read(self, subject: Subject) -> StepState:
        """Read what is known of a subject, a blank state if that is nothing."""
        answer = self._client.get_item(
            TableName=self._table, Key=self._serialized(_key(subject)), ConsistentRead=True
        )
        if "Item" not in answer:
            return StepState(subject)
        raw = answer["Item"]
        item = {name: self._read.deserialize(value) for name, value in raw.items()}
        return _state_from(subject, item)

    def write(self, state: StepState) -> StepState:
        """Write the state that follows the one that was read; raises ConflictError if one did."""
        after = replace(state, revision=state.revision + 1)
        try:
            self._client.put_item(
                TableName=self._table,
                Item=self._serialized(_item(after)),
                ConditionExpression="attribute_not_exists(pk) OR revision = :read",
                ExpressionAttributeValues={":read": {"N": str(state.revision)}},
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise ConflictError("another worker wrote of this step first") from error
        return after

    def _serialized(self, item: Mapping[str, object]) -> dict[str, Any]:
        present = {name: value for name, value in item.items() if value is not None}
        return {name: self._write.serialize(value) for name, value in present.items()}


def _key(subject: Subject) -> dict[str, str]:
    name = f"COMMENT#{subject.comment_id}" if subject.comment_id else "STEP"
    return {"pk": f"STEP#{subject.sub_step_id}", "sk": name}


def _item(state: StepState) -> dict[str, object]:
    return {
        **_key(state.subject),
        "revision": state.revision,
        "sequence": state.sequence,
        "seen_at": dict(state.seen_at),
        "told": state.told,
        "told_as": state.told_as,
        "beside_assignee": state.beside_assignee,
        "settled": state.settled,
        "shown": state.shown and dict(state.shown),
        "removed": state.removed,
        "pending": state.owed and asdict(state.owed),
    }


def _state_from(subject: Subject, item: Mapping[str, Any]) -> StepState:
    owed = item.get("pending")
    return StepState(
        subject,
        revision=int(item["revision"]),
        sequence=int(item["sequence"]),
        seen_at={name: int(moment) for name, moment in item["seen_at"].items()},
        told=item.get("told"),
        told_as=item.get("told_as"),
        beside_assignee=item.get("beside_assignee"),
        settled=item.get("settled"),
        shown=item.get("shown"),
        removed=item["removed"],
        owed=owed and Owed(Announcement(**owed["announcement"]), owed["job"]),
    )
