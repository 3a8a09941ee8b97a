"""Leases in the catalogue table: one owner at a time works on a thing, until a moment at most.

A lease ends by comparing its time: DynamoDB's TTL deletes up to days late and only sweeps up what
crashed owners left. A slot of the API budget that is kept for the next owner is part of the item:
to keep it and to find it costs no request (docs/decisions/0011).
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from cmp_relay.errors import LeaseHeldError
from cmp_relay.slots import Slot
from cmp_relay.telemetry import logger

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_SWEEP_SECONDS = 86_400


@dataclass(slots=True)
class Lease:
    """A lease that is held; `kept` is found in it, and left in it for the next owner."""

    name: str
    owner: str
    kept: Slot | None = None


class Leases:
    """The leases of one table; `now` is epoch seconds."""

    def __init__(
        self, client: "DynamoDBClient", table: str, *, now: Callable[[], float] = time.time
    ) -> None:
        """Keep the table's client and name."""
        self._client = client
        self._table = table
        self._now = now

    def acquire(self, name: str, owner: str, seconds: float) -> Lease:
        """Take the lease for so many seconds; raises LeaseHeldError with the seconds left."""
        now = self._now()
        ends = now + seconds
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_key(name),
                UpdateExpression="SET #owner = :owner, ends_at = :ends, expires_at = :sweep",
                ConditionExpression="attribute_not_exists(pk) OR ends_at < :now",
                ExpressionAttributeNames={"#owner": "owner"},
                ExpressionAttributeValues={
                    ":owner": {"S": owner},
                    ":ends": {"N": _milliseconds(ends)},
                    ":now": {"N": _milliseconds(now)},
                    ":sweep": {"N": str(int(ends + _SWEEP_SECONDS))},
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
            item: Mapping[str, Any] = answer["Attributes"]
        except self._client.exceptions.ConditionalCheckFailedException as error:
            refusal: Any = error.response
            item = refusal["Item"]
            # The client repeats a call whose answer was lost.
            if item.get("owner", {}).get("S") != owner:
                delay = _delay(item, now)
                raise LeaseHeldError(f"{name} is leased", delay=delay) from None
        return Lease(name, owner, _slot_from(item))

    def release(self, lease: Lease) -> None:
        """Give the lease back, with what is kept; does nothing if it has become somebody else's."""
        try:
            # One whose time is over while nobody needed it is of no use to the next owner.
            if lease.kept and lease.kept.due > self._now() * 1000:
                self._leave(lease, lease.kept)
            else:
                self._client.delete_item(
                    TableName=self._table,
                    Key=_key(lease.name),
                    ConditionExpression="#owner = :owner",
                    ExpressionAttributeNames={"#owner": "owner"},
                    ExpressionAttributeValues={":owner": {"S": lease.owner}},
                )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    @contextmanager
    def held(self, name: str, owner: str, seconds: float) -> Iterator[Lease]:
        """Hold the lease while the block runs; raises LeaseHeldError before it."""
        lease = self.acquire(name, owner, seconds)
        try:
            yield lease
        finally:
            self._let_go(lease)

    def _let_go(self, lease: Lease) -> None:
        try:
            self.release(lease)
        except (BotoCoreError, ClientError) as error:
            # It ends by itself; what was done under it counts all the same.
            logger.warning("lease not given back", lease=lease.name, kind=type(error).__name__)

    def _leave(self, lease: Lease, slot: Slot) -> None:
        self._client.update_item(
            TableName=self._table,
            Key=_key(lease.name),
            UpdateExpression=(
                "SET slot = :slot, ends_at = :never, expires_at = :sweep REMOVE #owner"
            ),
            ConditionExpression="#owner = :owner",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={
                ":owner": {"S": lease.owner},
                ":slot": _slot_item(slot),
                ":never": {"N": "0"},
                ":sweep": {"N": str(slot.due // 1000 + _SWEEP_SECONDS)},
            },
        )


def _key(name: str) -> dict[str, "AttributeValueTypeDef"]:
    return {"pk": {"S": f"LEASE#{name}"}, "sk": {"S": "LEASE"}}


def _slot_item(slot: Slot) -> "AttributeValueTypeDef":
    return {
        "M": {
            "lane": {"S": slot.lane},
            "first": {"N": str(slot.first)},
            "month": {"S": slot.month},
            "due": {"N": str(slot.due)},
            "count": {"N": str(slot.count)},
        }
    }


def _slot_from(item: Mapping[str, Any]) -> Slot | None:
    if "slot" not in item:
        return None
    slot = item["slot"]["M"]
    return Slot(
        lane=slot["lane"]["S"],
        first=int(slot["first"]["N"]),
        month=slot["month"]["S"],
        due=int(slot["due"]["N"]),
        count=int(slot["count"]["N"]),
    )


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))


def _delay(item: Mapping[str, Any], now: float) -> float:
    # The holder's item comes with the refusal: no second read that could see another state.
    ends = float(item["ends_at"]["N"]) / 1000
    return max(1.0, ends - now)
