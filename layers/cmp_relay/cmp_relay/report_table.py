"""The reports of each publishing event: one DynamoDB partition, `REPORTS#{event}`.

`REPORT#{job id}` is a report that waits or has ended, `FLUSH` the window in which reports gather.
A report is written before the window is moved on, so that whoever sends what waits either finds it
or finds the window moved on. The window is no more than an appointment: what waits is the truth.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from cmp_relay.outcomes import KEPT_SECONDS
from cmp_relay.report import Report, Verdict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LARGEST_TRANSACTION = 100
LONGEST_MILLISECONDS = 60_000
"""How long a report waits for others at most."""
QUIET_MILLISECONDS = 15_000
"""How long after the last report none is waited for any more."""
_SWEEP_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Window:
    """When the first and the last report came (ms); `count` changes whenever one comes."""

    first_at: int
    last_at: int
    count: int = 0

    @property
    def due(self) -> int:
        """Return when the reports are to be sent (ms)."""
        return min(self.first_at + LONGEST_MILLISECONDS, self.last_at + QUIET_MILLISECONDS)


def window_of(waiting: Sequence[Report]) -> Window:
    """Return the window of what really waits."""
    moments = [report.registered_at for report in waiting]
    return Window(min(moments), max(moments))


class ReportTable:
    """The REPORTS partitions of the catalogue table; `now` is in ms."""

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

    def find(self, event_id: str, job_id: str) -> Report | None:
        """Return the report that a job has brought, None if it has not."""
        answer = self._client.get_item(
            TableName=self._table, Key=_report_key(event_id, job_id), ConsistentRead=True
        )
        return self._report(answer["Item"]) if "Item" in answer else None

    def add(self, report: Report) -> None:
        """Let a report wait, unless another message of the same job has brought it."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item=self._item(report),
                ConditionExpression="attribute_not_exists(pk)",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def settle(self, reports: Iterable[Report]) -> None:
        """Write reports as they are now, as many at once as a transaction takes."""
        puts = [
            {"Put": {"TableName": self._table, "Item": self._item(report)}} for report in reports
        ]
        for start in range(0, len(puts), LARGEST_TRANSACTION):
            chunk: Any = puts[start : start + LARGEST_TRANSACTION]
            self._client.transact_write_items(TransactItems=chunk)

    def forget(self, report: Report) -> None:
        """Forget a report."""
        self._client.delete_item(
            TableName=self._table, Key=_report_key(report.event_id, report.job_id)
        )

    def of(self, event_id: str) -> list[Report]:
        """Return every report of a publishing event, also those that have ended."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :report)",
            ExpressionAttributeValues={
                ":pk": {"S": _partition(event_id)},
                ":report": {"S": "REPORT#"},
            },
        )
        return [self._report(item) for page in pages for item in page["Items"]]

    def window(self, event_id: str) -> Window | None:
        """Return the window of a publishing event, None while no report waits."""
        answer = self._client.get_item(
            TableName=self._table, Key=_window_key(event_id), ConsistentRead=True
        )
        return _window(answer["Item"]) if "Item" in answer else None

    def extend(self, event_id: str) -> Window:
        """Note that a report came now, which opens the window if there is none."""
        now = self._now()
        answer = self._client.update_item(
            TableName=self._table,
            Key=_window_key(event_id),
            UpdateExpression=(
                "SET first_at = if_not_exists(first_at, :now), last_at = :now,"
                " expires_at = :sweep ADD #count :one"
            ),
            ExpressionAttributeNames={"#count": "count"},
            ExpressionAttributeValues={
                ":now": {"N": str(now)},
                ":sweep": {"N": str(now // 1000 + _SWEEP_SECONDS)},
                ":one": {"N": "1"},
            },
            ReturnValues="ALL_NEW",
        )
        return _window(answer["Attributes"])

    def close(self, event_id: str, window: Window | None) -> bool:
        """Close a window, unless a report has come since it was read: tell whether it is closed."""
        if window is None:
            return True
        try:
            self._client.delete_item(
                TableName=self._table,
                Key=_window_key(event_id),
                ConditionExpression="#count = :count",
                ExpressionAttributeNames={"#count": "count"},
                ExpressionAttributeValues={":count": {"N": str(window.count)}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def reopen(self, event_id: str, first_at: int) -> None:
        """Let the window begin with the first report that still waits (ms)."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_window_key(event_id),
                UpdateExpression="SET first_at = :first",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues={":first": {"N": str(first_at)}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # what waits opens another when it is looked at

    def _item(self, report: Report) -> dict[str, Any]:
        content = {
            "link": report.link,
            "event_id": report.event_id,
            "job_id": report.job_id,
            "entry": dict(report.entry),
            "issued_at": report.issued_at,
            "registered_at": report.registered_at,
            "keep_existing": report.keep_existing,
            "changed": sorted(report.changed),
            "verdict": report.verdict and asdict(report.verdict),
            "expires_at": self._now() // 1000 + KEPT_SECONDS,
        }
        written = {name: self._write.serialize(value) for name, value in content.items()}
        return {**_report_key(report.event_id, report.job_id), **written}

    def _report(self, raw: Mapping[str, Any]) -> Report:
        item = {name: self._read.deserialize(value) for name, value in raw.items()}
        return Report(
            job_id=item["job_id"],
            event_id=item["event_id"],
            link=item["link"],
            entry=item["entry"],
            issued_at=int(item["issued_at"]),
            registered_at=int(item["registered_at"]),
            keep_existing=item["keep_existing"],
            changed=frozenset(item["changed"]),
            verdict=Verdict(**item["verdict"]) if item["verdict"] else None,
        )


def _window(item: Mapping[str, Any]) -> Window:
    return Window(*(int(item[name]["N"]) for name in ("first_at", "last_at", "count")))


def _partition(event_id: str) -> str:
    return f"REPORTS#{event_id}"


def _report_key(event_id: str, job_id: str) -> dict[str, Any]:
    return {"pk": {"S": _partition(event_id)}, "sk": {"S": f"REPORT#{job_id}"}}


def _window_key(event_id: str) -> dict[str, Any]:
    return {"pk": {"S": _partition(event_id)}, "sk": {"S": "FLUSH"}}
