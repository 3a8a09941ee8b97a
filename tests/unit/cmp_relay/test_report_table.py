from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay.report import Report, Verdict
from cmp_relay.report_table import ReportTable, Window, window_of
from tests.support.clock import NOON
from tests.support.worker_stack import WorkerStack

ENTRY: Mapping[str, str] = {"asset_id": "a", "status": "published", "locale": "en"}
REPORT = Report("job-1", "event-1", "https://cmp.test/m", ENTRY, issued_at=5, registered_at=NOON)
RESULT: Mapping[str, Any] = {"id": "m1", "locale": None, "changed": ["locale"]}


@pytest.fixture
def table(stack: WorkerStack) -> ReportTable:
    return ReportTable(stack.dynamodb, "catalogue", stack.clock)


@pytest.mark.parametrize(
    "report",
    [
        REPORT,
        replace(REPORT, keep_existing=True, changed=frozenset({"locale", "public_url"})),
        REPORT.ended(Verdict("applied", result=RESULT)),
        REPORT.ended(Verdict("dead_lettered", "words", "unknown-asset")),
    ],
    ids=["waiting", "amended", "applied", "refused"],
)
def test_reads_what_it_wrote(table: ReportTable, report: Report) -> None:
    table.settle([report])

    assert table.find("event-1", "job-1") == report
    assert table.of("event-1") == [report]
    assert table.of("event-2") == []


def test_another_message_of_the_same_job_changes_nothing(table: ReportTable) -> None:
    ended = REPORT.ended(Verdict("applied"))
    table.settle([ended])

    table.add(REPORT)

    assert table.of("event-1") == [ended]


def test_what_is_forgotten_is_not_there(table: ReportTable) -> None:
    table.add(REPORT)
    table.forget(REPORT)

    assert table.find("event-1", "job-1") is None


def test_more_reports_than_a_transaction_takes_are_written(table: ReportTable) -> None:
    reports = [replace(REPORT, job_id=f"job-{number:03}") for number in range(101)]

    table.settle(iter(reports))

    assert table.of("event-1") == reports


def test_a_window_moves_on_with_each_report(table: ReportTable, stack: WorkerStack) -> None:
    assert table.window("event-1") is None
    assert table.extend("event-1") == Window(NOON, NOON, 1)

    stack.clock.advance(10)

    assert table.extend("event-1") == Window(NOON, NOON + 10_000, 2) == table.window("event-1")


def test_a_window_that_has_moved_on_is_not_closed(table: ReportTable) -> None:
    read = table.extend("event-1")
    moved = table.extend("event-1")

    assert table.close("event-1", read) is False
    assert table.window("event-1") == moved
    assert table.close("event-1", moved) is True
    assert table.window("event-1") is None
    assert table.close("event-1", None) is True
    assert table.close("event-1", moved) is False


def test_a_window_begins_anew_only_while_there_is_one(table: ReportTable) -> None:
    table.reopen("event-1", NOON + 7)
    assert table.window("event-1") is None

    table.extend("event-1")
    table.reopen("event-1", NOON + 7)

    assert table.window("event-1") == Window(NOON + 7, NOON, 1)


@given(st.lists(st.integers(0, 100_000), min_size=1))
def test_reports_are_due_after_a_quarter_of_a_minute_of_quiet_and_after_a_minute(
    moments: list[int],
) -> None:
    window = window_of([replace(REPORT, registered_at=moment) for moment in moments])

    assert window.due <= min(moments) + 60_000
    assert window.due <= max(moments) + 15_000
    assert window.due >= min(moments) + 15_000
