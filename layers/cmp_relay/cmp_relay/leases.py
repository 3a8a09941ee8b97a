"""Leases in the catalogue table: one owner at a time works on a thing, until a moment at most.

A lease ends by comparing its time: DynamoDB's TTL deletes up to days late and only sweeps up what
crashed owners left.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cmp_relay.errors import LeaseHeldError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_SWEEP_SECONDS = 86_400


class Leases:
    """The leases of one table; `now` is epoch seconds."""

    def __init__(
        self, client: "DynamoDBClient", table: str, *, now: Callable[[], float] = time.time
    ) -> None:
        """Keep the table's client and name."""
        self._client = client
        self._table = table
        self._now = now

    def acquire(self, name: str, owner: str, seconds: float) -> None:
        """Take the lease for so many seconds; raises LeaseHeldError with the seconds left."""
        now = self._now()
        ends = now + seconds
        try:
            self._client.update_item(
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
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise LeaseHeldError(f"{name} is leased", delay=_delay(error.response, now)) from None

    def release(self, name: str, owner: str) -> None:
        """Give the lease back; does nothing if it has become somebody else's."""
        try:
            self._client.delete_item(
                TableName=self._table,
                Key=_key(name),
                ConditionExpression="#owner = :owner",
                ExpressionAttributeNames={"#owner": "owner"},
                ExpressionAttributeValues={":owner": {"S": owner}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    @contextmanager
    def held(self, name: str, owner: str, seconds: float) -> Iterator[None]:
        """Hold the lease while the block runs; raises LeaseHeldError before it."""
        self.acquire(name, owner, seconds)
        try:
            yield
        finally:
            self.release(name, owner)


def _key(name: str) -> dict[str, "AttributeValueTypeDef"]:
    return {"pk": {"S": f"LEASE#{name}"}, "sk": {"S": "LEASE"}}


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))


def _delay(refusal: Mapping[str, Any], now: float) -> float:
    # The holder's item comes with the refusal: no second read that could see another state.
    ends = float(refusal["Item"]["ends_at"]["N"]) / 1000
    return max(1.0, ends - now)
