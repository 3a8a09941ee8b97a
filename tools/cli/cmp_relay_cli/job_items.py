"""The JOB items of the catalogue table: what is known of each job."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cmp_relay import routing
from cmp_relay_cli.output import moment
from cmp_relay_cli.stack import Stack

OWN_QUEUES = {
    "files": "AssetFile",
    "command": "Command",
    "ticket": "Ticket",
    "reconcile": "LibraryAsset",
}
"""The queues of jobs that no delivery is the cause of."""
MOST_KEYS = 100  # of one BatchGetItem
TIMES = ("received_at", "first_seen_at", "ended_at", "discarded_at")


@dataclass(frozen=True, slots=True)
class JobItem:
    """One JOB item; times are ms, and without `outcome` the job is in flight."""

    job_id: str
    delivery_id: str
    event_name: str
    cause: str
    received_at: int
    attempts: int
    first_seen_at: int | None = None
    asset_id: str | None = None
    archive_key: str | None = None
    waits_for: str | None = None
    outcome: str | None = None
    text: str | None = None
    ended_at: int | None = None
    discarded_at: int | None = None

    @property
    def reason(self) -> str:
        """Return the short reason of a dead letter, what comes before the colon."""
        return (self.text or "-").partition(":")[0]

    @property
    def detail(self) -> str:
        """Return what comes after it."""
        return (self.text or "").partition(": ")[2]

    @property
    def queue(self) -> str:
        """Return the name of the job's work queue."""
        own = OWN_QUEUES.get(self.cause)
        words = routing.route(self.event_name).split("_")
        return own or "".join(word.capitalize() for word in words)

    def document(self) -> dict[str, Any]:
        """Return it as programs read it, times as text."""
        facts = {**asdict(self), "queue": self.queue}
        facts["reason"] = facts.pop("text")
        return {name: moment(value) if name in TIMES else value for name, value in facts.items()}


def get(stack: Stack, job_ids: Iterable[str]) -> dict[str, JobItem]:
    """Read items by their ids; those that are not there are left out."""
    ids = list(dict.fromkeys(job_ids))
    found: dict[str, JobItem] = {}
    for start in range(0, len(ids), MOST_KEYS):
        keys = [_key(job_id) for job_id in ids[start : start + MOST_KEYS]]
        while keys:
            answer = stack.dynamodb.batch_get_item(
                RequestItems={stack.table: {"Keys": keys, "ConsistentRead": True}}
            )
            items = map(_item, answer["Responses"].get(stack.table, []))
            found |= {item.job_id: item for item in items}
            left: Any = answer.get("UnprocessedKeys", {}).get(stack.table, {})
            keys = left.get("Keys", [])
    return found


def scan(
    stack: Stack, condition: str, values: Mapping[str, str], step: Callable[[int], None]
) -> Iterator[JobItem]:
    """Yield the items that a condition holds for; reads the whole table, `step` by `step`."""
    pages = stack.dynamodb.get_paginator("scan").paginate(
        TableName=stack.table,
        ConsistentRead=True,
        FilterExpression=f"sk = :job AND {condition}",
        ExpressionAttributeValues={
            ":job": {"S": "JOB"},
            **{name: {"S": value} for name, value in values.items()},
        },
    )
    for page in pages:
        step(page["ScannedCount"])
        yield from map(_item, page["Items"])


def discard(stack: Stack, job_ids: Iterable[str], now: int) -> None:
    """Note that a person has thrown dead letters away; their outcome stays what it is."""
    for job_id in job_ids:
        try:
            stack.dynamodb.update_item(
                TableName=stack.table,
                Key=_key(job_id),
                UpdateExpression="SET discarded_at = :now",
                ConditionExpression="outcome = :dead",
                ExpressionAttributeValues={
                    ":now": {"N": str(now)},
                    ":dead": {"S": "dead_lettered"},
                },
            )
        except stack.dynamodb.exceptions.ConditionalCheckFailedException:
            continue  # somebody has sent it back meanwhile


def _key(job_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"JOB#{job_id}"}, "sk": {"S": "JOB"}}


def _item(item: Mapping[str, Any]) -> JobItem:
    def text(name: str) -> str | None:
        value: str | None = item.get(name, {}).get("S")
        return value

    def number(name: str) -> int | None:
        value = item.get(name, {}).get("N")
        return None if value is None else int(value)

    return JobItem(
        job_id=item["pk"]["S"].removeprefix("JOB#"),
        delivery_id=text("delivery_id") or "-",
        event_name=text("event_name") or "-",
        cause=text("cause") or "delivery",
        received_at=number("received_at") or 0,
        attempts=number("attempts") or 0,
        first_seen_at=number("first_seen_at"),
        asset_id=text("asset_id"),
        archive_key=text("archive_key"),
        waits_for=text("waits_for"),
        outcome=text("outcome"),
        text=text("reason"),
        ended_at=number("ended_at"),
        discarded_at=number("discarded_at"),
    )
