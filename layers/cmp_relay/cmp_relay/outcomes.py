"""What became of each job: begun, closed once, counted in the same transaction.

`JOB#{job_id}` without `outcome` is in flight. `COUNT#{day of receipt}#{shard}` counts what has
ended; sharded, because transactions on one item would get in each other's way. Jobs that the relay
gave itself are counted apart, so that what CMP delivered adds up by itself.
"""

import random
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cmp_relay import times
from cmp_relay.errors import PostponedError
from cmp_relay.jobs import Job

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Outcome = Literal["applied", "superseded", "dead_lettered"]

MOST_ATTEMPTS = 5
LONGEST_REASON = 600
SHARDS = 16
KEPT_SECONDS = 60 * 24 * 3600
"""How long JOB items are kept: longer than queue, dead-letter queue and archive together."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a job: its number, its receive, and what earlier ones left behind."""

    number: int
    receive: str = ""
    outcome: str | None = None
    not_found_at: int | None = None
    waits_for: str | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ended; `reason` says why nothing was changed, `result` what CMP answered."""

    outcome: Outcome
    reason: str | None = None
    result: Mapping[str, Any] | None = None


class Outcomes:
    """The JOB and COUNT items of the catalogue table."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """Use `table` through `client`; `now` is in ms."""
        self._client = client
        self._table = table
        self._now = now

    def begin(self, job: Job, receive: str) -> Attempt:
        """Count an attempt before its work, so that a crash counts too; creates the item.

        `receive` names the receive of the message, which counts once: the client repeats a call
        whose answer was lost.
        """
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_key(job.job_id),
                UpdateExpression=(
                    "SET first_seen_at = if_not_exists(first_seen_at, :now),"
                    " delivery_id = :delivery, event_name = :event, received_at = :received,"
                    " archive_key = :archive, asset_id = :asset, cause = :cause,"
                    " expires_at = if_not_exists(expires_at, :expires)"
                    " ADD attempts :one, receives :receives"
                ),
                ConditionExpression=(
                    "attribute_not_exists(receives) OR NOT contains(receives, :receive)"
                ),
                ExpressionAttributeValues={
                    ":now": {"N": str(self._now())},
                    ":delivery": {"S": job.delivery_id},
                    ":event": {"S": job.event_name},
                    ":received": {"N": str(job.received_at)},
                    ":archive": {"S": job.archive_key} if job.archive_key else {"NULL": True},
                    ":asset": {"S": job.asset.id} if job.asset else {"NULL": True},
                    ":receive": {"S": receive},
                    ":receives": {"SS": [receive]},
                    ":cause": {"S": job.cause},
                    ":expires": {"N": str(self._now() // 1000 + KEPT_SECONDS)},
                    ":one": {"N": "1"},
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            counted: Any = error.response
            item: dict[str, Any] = counted["Item"]
        else:
            item = answer["Attributes"]
        return Attempt(
            number=int(item["attempts"]["N"]),
            receive=receive,
            outcome=item["outcome"]["S"] if "outcome" in item else None,
            not_found_at=int(item["not_found_at"]["N"]) if "not_found_at" in item else None,
            waits_for=item["waits_for"]["S"] if "waits_for" in item else None,
        )

    def take_back(self, job_id: str, attempt: Attempt, waits_for: str) -> None:
        """Take back an attempt that ended in good order without being one, and note why.

        Of a job with two messages each takes back its own, in whatever order, and that once.
        """
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(job_id),
                UpdateExpression=(
                    "SET waits_for = :reason ADD attempts :less DELETE receives :receives"
                ),
                ConditionExpression="contains(receives, :receive)",
                ExpressionAttributeValues={
                    ":less": {"N": "-1"},
                    ":reason": {"S": waits_for},
                    ":receive": {"S": attempt.receive},
                    ":receives": {"SS": [attempt.receive]},
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def note_not_found(self, job_id: str) -> None:
        """Remember that CMP did not find the asset, so that the next attempt is the last look."""
        self._client.update_item(
            TableName=self._table,
            Key=_key(job_id),
            UpdateExpression="SET not_found_at = :now",
            ExpressionAttributeValues={":now": {"N": str(self._now())}},
        )

    def close(self, job: Job, outcome: Outcome, reason: str | None = None) -> None:
        """Give the job its one outcome and count it; a job that has one is left as it is."""
        names = {"#outcome": "outcome"}
        self._transact(
            job,
            update="SET #outcome = :outcome, reason = :reason, ended_at = :now",
            condition="attribute_not_exists(#outcome)",
            names=names,
            values={
                ":outcome": {"S": outcome},
                ":reason": {"S": reason[:LONGEST_REASON]} if reason else {"NULL": True},
                ":now": {"N": str(self._now())},
            },
            count=(outcome, 1),
        )

    def ending(self, job_id: str) -> Ending | None:
        """Return how a job ended, None if it has not, or nobody knows any more."""
        answer = self._client.get_item(TableName=self._table, Key=_key(job_id), ConsistentRead=True)
        item: Any = answer.get("Item", {})
        if "outcome" not in item:
            return None
        return Ending(item["outcome"]["S"], item["reason"].get("S"))

    def reopen(self, job: Job) -> None:
        """Take a dead letter that was sent back out of the count and start its attempts anew."""
        self._transact(
            job,
            update=(
                "SET attempts = :one REMOVE"
                " #outcome, reason, ended_at, not_found_at, waits_for, discarded_at"
            ),
            condition="#outcome = :outcome",
            names={"#outcome": "outcome"},
            values={":outcome": {"S": "dead_lettered"}, ":one": {"N": "1"}},
            count=("dead_lettered", -1),
        )

    def _transact(
        self,
        job: Job,
        *,
        update: str,
        condition: str,
        names: dict[str, str],
        values: dict[str, Any],
        count: tuple[Outcome, int],
    ) -> None:
        shard = zlib.crc32(job.job_id.encode()) % SHARDS
        counter = {
            "pk": {"S": f"COUNT#{times.day(job.received_at)}#{shard:02d}"},
            "sk": {"S": "COUNT" if job.cause == "delivery" else f"COUNT#{job.cause}"},
        }
        for attempt in range(5):
            try:
                self._client.transact_write_items(
                    TransactItems=[
                        {
                            "Update": {
                                "TableName": self._table,
                                "Key": _key(job.job_id),
                                "UpdateExpression": update,
                                "ConditionExpression": condition,
                                "ExpressionAttributeNames": names,
                                "ExpressionAttributeValues": values,
                            }
                        },
                        {
                            "Update": {
                                "TableName": self._table,
                                "Key": counter,
                                "UpdateExpression": "ADD #name :step",
                                "ExpressionAttributeNames": {"#name": count[0]},
                                "ExpressionAttributeValues": {":step": {"N": str(count[1])}},
                            }
                        },
                    ]
                )
            except self._client.exceptions.TransactionCanceledException as error:
                reasons = [reason.get("Code") for reason in error.response["CancellationReasons"]]
                if reasons[0] == "ConditionalCheckFailed":
                    return
                # Two jobs of one shard met: the loser tries again at once, a little apart.
                time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - not a secret
            else:
                return
        # No failed attempt: what the job had to do is done, only its end is not on record yet.
        raise PostponedError("the outcome could not be written for other transactions", delay=1)


def _key(job_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"JOB#{job_id}"}, "sk": {"S": "JOB"}}
