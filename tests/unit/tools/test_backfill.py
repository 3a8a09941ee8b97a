"""What a backfill costs, how far it is, and when it is complete."""

from dataclasses import replace
from typing import Any

import pytest

from cmp_relay import runs
from cmp_relay.runs import Checkpoint, Counts
from tools.backfill import verdict
from tools.backfill.cost import Cost, Defaults, spoken
from tools.backfill.observation import Kept, Observation
from tools.backfill.plan import Plan
from tools.backfill.standing import Standing
from tools.backfill.stops import Stop

PLAN = Plan(assets=200, level="full")
IDS = [f"a{number}" for number in range(PLAN.assets)]
LIMITS = Defaults(
    per_second=10, per_minute=100, per_month=200_000, bulk_share=70, reconcile_share=25
)
HALF = Standing(listed=100, enqueued=100, ended=40)
DONE = Standing(listed=200, enqueued=200, ended=200, report={"status": "finished"})
STOP = Stop("listed", HALF, {"reconcile_library": 1, "on_library_asset": 5})
FOUND = Observation(
    titles={one: f"title of {one}" for one in IDS},
    kept={one: Kept("present", f"title of {one}", sequence=1) for one in IDS},
    jobs={"applied": 200},
    standing=DONE,
    stops=[STOP],
    requests=202,
    levels=frozenset({"full"}),
)


@pytest.mark.parametrize(
    ("level", "requests", "said", "least"),
    [("full", 5050, "3 h 22 min", "1 h 14 min"), ("list", 50, "2 min", "1 min")],
)
def test_a_backfill_takes_what_its_share_of_a_minute_allows(
    level: Any,  # noqa: ANN401 - a literal
    requests: int,
    said: str,
    least: str,
) -> None:
    cost = Cost.of(Plan(5000, level), LIMITS)

    assert cost.requests == requests
    assert cost.of_month == requests / 200_000
    assert (spoken(cost.minutes), spoken(cost.least_minutes)) == (said, least)


def test_limits_are_those_of_the_template() -> None:
    parameters = {
        "ApiRequestsPerSecond": "10",
        "ApiRequestsPerMinute": "100",
        "ApiRequestsPerMonth": "200000",
        "BulkShare": "70",
        "ReconcileShare": "25",
        "CmpScope": "",
    }

    assert Defaults.of(parameters) == LIMITS


def test_a_library_has_all_kinds_and_no_title_twice() -> None:
    orders = Plan(10, "full").orders()

    assert len({order["title"] for order in orders}) == 10
    assert len({order["kind"] for order in orders}) == 5


def test_a_run_is_over_once_its_last_job_has_ended() -> None:
    counts = Counts(matched=1, missing=199, enqueued=199)
    begun = Checkpoint().begun(replace(runs.begin("full", 0, "https://cmp/assets"), counts=counts))
    finished = begun.finished(1)

    assert Standing.of(Checkpoint(), 0) == Standing()
    assert Standing.of(begun, 199) == Standing(listed=200, enqueued=199, ended=199)
    assert not Standing.of(begun, 199).is_over
    assert not Standing.of(finished, 198).is_over
    assert Standing.of(finished, 199).is_over


def test_a_library_that_was_brought_once_in_spite_of_a_stop_is_complete() -> None:
    assert verdict.judge(PLAN, FOUND) == []


def test_a_stop_costs_a_page_and_what_the_workers_had_asked() -> None:
    assert verdict.judge(PLAN, replace(FOUND, requests=208)) == []
    assert verdict.judge(PLAN, replace(FOUND, requests=209)) != []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"standing": HALF}, "did not come to its end"),
        ({"standing": replace(DONE, report={"status": "stopped"})}, "did not come to its end"),
        ({"standing": replace(DONE, listed=199)}, "199 assets of 200"),
        ({"waiting": 1}, "1 messages still wait"),
        ({"kept": {one: FOUND.kept[one] for one in IDS[1:]}}, "not in the catalogue: a0"),
        ({"titles": {one: FOUND.titles[one] for one in IDS[1:]}}, "but not in CMP: a0"),
        ({"kept": {**FOUND.kept, "a1": Kept("archived", "title of a1", 1)}}, "not present: a1"),
        ({"kept": {**FOUND.kept, "a1": Kept("present", "another", 1)}}, "not as in CMP: a1"),
        (
            {"kept": {**FOUND.kept, "a1": Kept("present", "title of a1", 2)}},
            "told of more than once: a1",
        ),
        ({"jobs": {"applied": 199, "dead_lettered": 1}}, "199 applied, 1 dead_lettered"),
        ({"jobs": {"applied": 201}}, "not one applied for each asset"),
        ({"dead_letters": {"LIBRARY_ASSET": 2}}, "2 dead letters in LIBRARY_ASSET"),
        ({"levels": frozenset({"full", "list"})}, "kept at level full, list"),
        ({"stops": []}, "reconcile_library was not stopped"),
        ({"stops": [replace(STOP, standing=DONE)]}, "on_library_asset was not stopped"),
    ],
)
def test_what_is_wrong_is_named(wrong: dict[str, Any], said: str) -> None:
    problems = verdict.judge(PLAN, replace(FOUND, **wrong))

    assert any(said in problem for problem in problems)
