"""The echoes of what the relay told CMP: events of its own comments and changes of sub-steps.

CMP does not say who caused an event (facts.md 6), so what will very likely come back is noted
before CMP is told. To take somebody else's event for an echo loses it, which is worse than an echo
on the bus: in doubt there is none.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# The client repeats a call whose answer was lost: what it did itself must not stop it.
_STILL = "attribute_not_exists(consumed_by) OR consumed_by = :job"
_PATH = re.compile(r"\A(?:https?://[^/?#]*)?([^?#]*).*", re.IGNORECASE | re.DOTALL)
Move = Literal["started", "completed"]
What = Literal["modified"] | Move
CONTRARY: Mapping[Move, Move] = {"started": "completed", "completed": "started"}
AWAITED_SECONDS = 3600
"""How long after CMP was told an event may be its echo."""
NOBODY = ""
REMEMBERED = 10
"""So many jobs of a kind of change are known to have met an echo."""
KEPT_SECONDS = 60 * 24 * 3600
"""How long a mark is known: longer than the archive from which a delivery could be sent again."""


@dataclass(frozen=True, slots=True)
class ExpectedComment:
    """A comment that CMP was told, or was to be told; its id is None until CMP has answered."""

    command_id: str
    place: str
    comment_id: str | None = None

    def is_met_by(self, comment_id: str, comments_link: str) -> bool:
        """Tell whether a comment with this one's mark is it, and no copy by somebody else."""
        return self.place == place(comments_link) and self.comment_id in {None, comment_id}


class Echoes:
    """The ECHO items of the catalogue table; `now` is in ms."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """Use `table` through `client`."""
        self._client = client
        self._table = table
        self._now = now
        self._write = TypeSerializer()
        self._read = TypeDeserializer()

    def expect_comment(self, mark: str, command_id: str, comments_link: str) -> bool:
        """Note that a comment is to be written; tell whether that was noted before.

        If so, an attempt before this one may have written it.
        """
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(mark),
                UpdateExpression="SET command_id = :command, place = :place, expires_at = :expires",
                ConditionExpression="attribute_not_exists(pk)",
                ExpressionAttributeValues={
                    ":command": {"S": command_id},
                    ":place": {"S": place(comments_link)},
                    ":expires": self._expiry(),
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return True
        return False

    def forget_comment(self, mark: str) -> None:
        """Expect no comment with a mark: CMP has written none."""
        self._client.delete_item(TableName=self._table, Key=_key(mark))

    def note_comment(self, mark: str, comment_id: str) -> None:
        """Note by which id CMP goes for the comment with a mark."""
        answer = self._client.update_item(
            TableName=self._table,
            Key=_key(mark),
            UpdateExpression="SET comment_id = :comment",
            ExpressionAttributeValues={":comment": {"S": comment_id}},
            ReturnValues="ALL_NEW",
        )
        where = answer["Attributes"]["place"]["S"]
        key = _key(_comment(where, comment_id))
        self._client.put_item(
            TableName=self._table, Item={**key, "mark": {"S": mark}, "expires_at": self._expiry()}
        )

    def wrote(self, comments_link: str, comment_id: str) -> bool:
        """Tell whether a comment is one that the relay wrote, if CMP has answered with its id.

        If not, only the mark in its text can tell (`comment`).
        """
        return self._item(_comment(place(comments_link), comment_id)) is not None

    def comment(self, mark: str) -> ExpectedComment | None:
        """Return the comment that a mark stands for, None if the relay wrote none with it."""
        item = self._item(mark)
        if item is None:
            return None
        return ExpectedComment(item["command_id"], item["place"], item.get("comment_id"))

    def expect(
        self, sub_step_link: str, what: What, change: Mapping[str, Any] | None = None
    ) -> bool:
        """Note that CMP is about to be told a change of a sub-step.

        Tell whether its echo was awaited before: CMP may have been told already.
        """
        name = _sub_step(sub_step_link, what)
        before = self._item(name) or {}
        awaited = "consumed_by" not in before and before.get("until", 0) >= self._now()
        item = {
            "since": int(before["since"]) if awaited else self._now(),
            "until": self._now() + AWAITED_SECONDS * 1000,
            "change": dict(change or {}),
            "met_by": _met_by(before),
        }
        if self._replaced(name, item, before.get("consumed_by", NOBODY)):
            return awaited
        return self.expect(sub_step_link, what, change)

    def forget(self, sub_step_link: str, what: What) -> None:
        """Expect nothing more: CMP has changed nothing. Which jobs met an echo stays known."""
        self.give_up(sub_step_link, what, self._now())

    def give_up(self, sub_step_link: str, what: What, received_at: int) -> None:
        """Await no echo of a change that was expected before an event came (ms)."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(_sub_step(sub_step_link, what)),
                UpdateExpression="SET #until = :never",
                ConditionExpression="#since <= :received AND attribute_not_exists(consumed_by)",
                ExpressionAttributeNames={"#since": "since", "#until": "until"},
                ExpressionAttributeValues={
                    ":received": {"N": str(received_at)},
                    ":never": {"N": "0"},
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def consume(
        self,
        sub_step_link: str,
        what: What,
        job_id: str,
        received_at: int,
        shown: Mapping[str, Any] | None,
    ) -> bool:
        """Tell whether the event of a job, received then (ms), is the echo of a change.

        It is the first one of its kind; a repeated job is told the same. The event of a
        modification counts only if CMP shows of the sub-step what it was told: without an effect
        there is no echo, and the next event is somebody else's.
        """
        name = _sub_step(sub_step_link, what)
        item = self._item(name)
        if item is None:
            return False
        if job_id in _met_by(item):
            return True
        is_shown = what != "modified" or (
            shown is not None
            and all(shown.get(key) == told for key, told in item["change"].items())
        )
        if "consumed_by" in item or not item["since"] <= received_at <= item["until"]:
            return False
        return is_shown and self._consumed(name, job_id)

    def came_again(self, sub_step_link: str, what: Move, received_at: int, told_at: int) -> bool:
        """Tell whether an event is an echo that was met before, and delivered once more.

        Not so if the bus was told of the sub-step since (`told_at`), or CMP the contrary: then a
        person can have made the same change anew. All moments are ms.
        """
        met = self._item(_sub_step(sub_step_link, what))
        if met is None or "consumed_by" not in met:
            return False
        contrary = self._item(_sub_step(sub_step_link, CONTRARY[what])) or {"since": 0}
        is_last = max(told_at, contrary["since"]) < met["since"]
        return bool(is_last and met["since"] <= received_at <= met["until"])

    def _replaced(self, name: str, item: Mapping[str, Any], consumer: str) -> bool:
        """Write an expectation over the one that was read; tell whether no echo came meanwhile."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    **_key(name),
                    **{key: self._write.serialize(value) for key, value in item.items()},
                    "expires_at": self._expiry(),
                },
                ConditionExpression=_STILL,
                ExpressionAttributeValues={":job": {"S": consumer}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _consumed(self, name: str, job_id: str) -> bool:
        """Consume what is expected; tell whether nobody else has."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(name),
                UpdateExpression="SET consumed_by = :job",
                ConditionExpression=f"attribute_exists(pk) AND ({_STILL})",
                ExpressionAttributeValues={":job": {"S": job_id}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _item(self, name: str) -> dict[str, Any] | None:
        answer = self._client.get_item(TableName=self._table, Key=_key(name), ConsistentRead=True)
        if "Item" not in answer:
            return None
        return {key: self._read.deserialize(value) for key, value in answer["Item"].items()}

    def _expiry(self) -> Any:  # noqa: ANN401 - an attribute value
        return {"N": str(self._now() // 1000 + KEPT_SECONDS)}


def place(link: str) -> str:
    """Return what a link names wherever CMP serves it: two hosts show the same (facts.md C-01)."""
    return _PATH.sub(r"\1", link).rstrip("/")


def _met_by(item: Mapping[str, Any]) -> list[str]:
    """List the latest jobs that met an echo: one that was killed then asks once more.

    Meanwhile CMP may have been told again, by a command whose answer was lost.
    """
    consumer = [item["consumed_by"]] if "consumed_by" in item else []
    return [*item.get("met_by", []), *consumer][-REMEMBERED:]


def _sub_step(link: str, what: What) -> str:
    return f"{_short(place(link))}#{what}"


def _comment(where: str, comment_id: str) -> str:
    return f"{_short(where)}#comment#{comment_id}"


def _short(where: str) -> str:
    """Return what stands for a path: a link may be longer than a key."""
    return sha256(where.encode()).hexdigest()[:32]


def _key(name: str) -> Any:  # noqa: ANN401 - a key
    return {"pk": {"S": f"ECHO#{name}"}, "sk": {"S": "ECHO"}}
