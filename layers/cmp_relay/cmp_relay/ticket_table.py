"""What the relay keeps of tickets: one item a sub-step, `TICKET#{sub-step}`, and how to find it.

An item is there before its ticket is opened (the claim), and stays if that fails (the ticket is
wanted). It holds what CMP has been told of the ticket, and the commands that are still owed to it.
`ISSUE#{ticket}` leads from a ticket to its sub-step, as `ISSUE#{label}` does before there is one.
`TICKET#{sub-step}`/`COMMENT#{mark}` is there before a comment of ours is written.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from cmp_relay.errors import ConflictError
from cmp_relay.tickets import Verdict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_SECONDS = 90 * 24 * 3600
"""How long items of comments are kept: no ticket system tells of a comment that late."""


@dataclass(frozen=True, slots=True)
class TicketState:
    """What is known of the ticket of one sub-step; times are ms.

    `claimed_at` is when somebody last set out to open it, `opened_by` the job that did; without
    both `claimed_at` and `ticket_id` it is wanted, and surely not open. `status` and `verdict` are
    what CMP was told last, by the commands in `pending` if those are still owed.
    """

    sub_step_id: str
    sub_step_link: str
    external_work_link: str
    comments_link: str
    claimed_at: int | None
    opened_by: str
    ticket_id: str | None = None
    status: str | None = None
    verdict: Verdict = "open"
    pending: tuple[Mapping[str, Any], ...] = ()
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """A comment of ours: since when (ms) it may be there, and its id once that is known."""

    since: int
    comment_id: str | None = None


class TicketTable:
    """The items of tickets in the catalogue table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use `table` through `client`."""
        self._client = client
        self._table = table
        self._write = TypeSerializer()
        self._read = TypeDeserializer()

    def read(self, sub_step_id: str) -> TicketState | None:
        """Read what is known of a sub-step's ticket, None if nobody set out to open one."""
        item = self._get(f"TICKET#{sub_step_id}", "TICKET")
        return _state_from(item) if item else None

    def sub_step_of(self, name: str) -> str | None:
        """Return the sub-step that a ticket's id or label leads to, None if it is none of ours."""
        item = self._get(f"ISSUE#{name}", "ISSUE")
        return str(item["sub_step_id"]) if item else None

    def write(self, state: TicketState) -> TicketState:
        """Write the state that follows the one that was read; raises ConflictError if one did."""
        written = replace(state, revision=state.revision + 1)
        try:
            self._client.put_item(
                TableName=self._table,
                Item=self._serialized(_item(written)),
                ConditionExpression="attribute_not_exists(pk) OR revision = :read",
                ExpressionAttributeValues={":read": {"N": str(state.revision)}},
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise ConflictError("another worker wrote this ticket first") from error
        return written

    def lead_back(self, name: str, sub_step_id: str) -> None:
        """Let the ticket's id, or its label before there is an id, lead to its sub-step."""
        item = {"pk": f"ISSUE#{name}", "sk": "ISSUE", "sub_step_id": sub_step_id}
        self._client.put_item(TableName=self._table, Item=self._serialized(item))

    def drop(self, state: TicketState) -> None:
        """Give up a claim whose ticket was surely not opened; does nothing if it has changed.

        The ticket stays wanted, for what is to be written on it.
        """
        with suppress(ConflictError):
            self.write(replace(state, claimed_at=None))

    def expect_comment(self, sub_step_id: str, mark: str, now: int) -> Written | None:
        """Put on record that a comment of ours is about to be there.

        Returns what was on record before, None if this is the first attempt at that comment.
        """
        item = {
            **_comment_key(sub_step_id, mark),
            "since": now,
            "expires_at": now // 1000 + KEPT_SECONDS,
        }
        try:
            self._client.put_item(
                TableName=self._table,
                Item=self._serialized(item),
                ConditionExpression="attribute_not_exists(pk)",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return self.comment(sub_step_id, mark)
        return None

    def forget_comment(self, sub_step_id: str, mark: str) -> None:
        """Take a comment of ours that was surely not written from the record."""
        key = self._serialized(_comment_key(sub_step_id, mark))
        self._client.delete_item(TableName=self._table, Key=key)

    def note_comment(self, sub_step_id: str, mark: str, comment_id: str) -> None:
        """Put the id of a comment of ours on record."""
        self._client.update_item(
            TableName=self._table,
            Key=self._serialized(_comment_key(sub_step_id, mark)),
            UpdateExpression="SET comment_id = :id",
            ExpressionAttributeValues={":id": {"S": comment_id}},
        )

    def comment(self, sub_step_id: str, mark: str) -> Written | None:
        """Return what is on record of a comment of ours, None if no such is."""
        key = _comment_key(sub_step_id, mark)
        item = self._get(key["pk"], key["sk"])
        return Written(int(item["since"]), item.get("comment_id")) if item else None

    def _get(self, pk: str, sk: str) -> dict[str, Any] | None:
        answer = self._client.get_item(
            TableName=self._table, Key=self._serialized({"pk": pk, "sk": sk}), ConsistentRead=True
        )
        if "Item" not in answer:
            return None
        return {name: self._read.deserialize(value) for name, value in answer["Item"].items()}

    def _serialized(self, item: Mapping[str, object]) -> dict[str, Any]:
        present = {name: value for name, value in item.items() if value is not None}
        return {name: self._write.serialize(value) for name, value in present.items()}


def _key(sub_step_id: str) -> dict[str, str]:
    return {"pk": f"TICKET#{sub_step_id}", "sk": "TICKET"}


def _comment_key(sub_step_id: str, mark: str) -> dict[str, str]:
    return {"pk": f"TICKET#{sub_step_id}", "sk": f"COMMENT#{mark}"}


def _item(state: TicketState) -> dict[str, object]:
    return {
        **_key(state.sub_step_id),
        "sub_step_id": state.sub_step_id,
        "sub_step_link": state.sub_step_link,
        "external_work_link": state.external_work_link,
        "comments_link": state.comments_link,
        "claimed_at": state.claimed_at,
        "opened_by": state.opened_by,
        "ticket_id": state.ticket_id,
        "status": state.status,
        "verdict": state.verdict,
        "pending": json.dumps(state.pending) if state.pending else None,
        "revision": state.revision,
    }


def _state_from(item: Mapping[str, Any]) -> TicketState:
    return TicketState(
        sub_step_id=item["sub_step_id"],
        sub_step_link=item["sub_step_link"],
        external_work_link=item["external_work_link"],
        comments_link=item["comments_link"],
        claimed_at=int(item["claimed_at"]) if "claimed_at" in item else None,
        opened_by=item["opened_by"],
        ticket_id=item.get("ticket_id"),
        status=item.get("status"),
        verdict=item["verdict"],
        pending=tuple(json.loads(item["pending"])) if "pending" in item else (),
        revision=int(item["revision"]),
    )
