from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay import runs
from cmp_relay.runs import (
    HOUR,
    MARGIN,
    MOST_RESTARTS,
    TICK,
    Checkpoint,
    Counts,
    Kind,
    Pace,
    Rhythm,
    Run,
)
from tests.support.clock import NOON

DAY = 24 * HOUR
DAILY = Rhythm(hours=24, full_days=7)
RUN = runs.begin("incremental", NOON, "first page")
FULL = runs.begin("full", NOON, "first page")
RAN = Checkpoint(watermark=NOON, began_at=NOON, full_at=NOON)


@pytest.mark.parametrize(
    ("rhythm", "checkpoint", "now", "due"),
    [
        (DAILY, Checkpoint(), NOON, "full"),
        (DAILY, RAN, NOON + DAY - 1, None),
        (DAILY, RAN, NOON + DAY, "incremental"),
        (DAILY, RAN, NOON + 7 * DAY, "full"),
        (DAILY, replace(RAN, began_at=NOON + 6 * DAY + DAY - 1), NOON + 7 * DAY, "full"),
        (Rhythm(0, 7), RAN, NOON + 7 * DAY - 1, None),
        (Rhythm(24, 0), RAN, NOON + 70 * DAY, "incremental"),
        (Rhythm(24, 0), Checkpoint(), NOON, "full"),
        (Rhythm(0, 0), Checkpoint(), NOON, None),
    ],
)
def test_a_run_is_due_by_the_rhythm(
    rhythm: Rhythm, checkpoint: Checkpoint, now: int, due: Kind | None
) -> None:
    assert rhythm.due(checkpoint, now) == due


@pytest.mark.parametrize("rhythm", [DAILY, Rhythm(1, 7), Rhythm(24, 0), Rhythm(0, 7)])
def test_a_backfill_that_stopped_is_tried_again_a_day_later(rhythm: Rhythm) -> None:
    stopped = Checkpoint().begun(FULL).stopped(NOON + HOUR, "why")

    assert rhythm.due(stopped, NOON + HOUR + DAY - 1) is None
    assert rhythm.due(stopped, NOON + HOUR + DAY) == "full"
    assert (stopped.watermark, stopped.full_at) == (None, None)


def test_a_full_run_that_stopped_holds_back_full_runs_alone() -> None:
    week_ago = replace(RAN, watermark=NOON - 7 * DAY, full_at=NOON - 7 * DAY)
    assert DAILY.due(week_ago, NOON) == "full"

    stopped = week_ago.begun(FULL).stopped(NOON + HOUR, "why")
    assert DAILY.due(stopped, NOON + DAY - 1) is None
    assert DAILY.due(stopped, NOON + DAY) == "incremental"

    changes = replace(RUN, began_at=NOON + DAY)
    between = stopped.begun(changes).finished(NOON + DAY + 1)
    assert DAILY.due(between, NOON + DAY + HOUR - 1) is None
    assert DAILY.due(between, NOON + DAY + HOUR) == "full"

    ended = between.begun(replace(FULL, began_at=NOON + 2 * DAY)).finished(NOON + 3 * DAY)
    assert (ended.full_at, ended.stopped_at) == (NOON + 2 * DAY, None)
    assert DAILY.due(ended, NOON + 9 * DAY - 1) == "incremental"
    assert DAILY.due(ended, NOON + 9 * DAY) == "full"


def test_an_incremental_run_that_stopped_holds_back_no_full_one() -> None:
    stopped = RAN.begun(replace(RUN, began_at=NOON + 7 * DAY - HOUR)).stopped(NOON + 7 * DAY, "why")

    assert DAILY.due(stopped, NOON + 7 * DAY) == "full"


def test_what_was_never_listed_in_full_is() -> None:
    assert runs.choose("incremental", Checkpoint()) == "full"
    assert runs.choose("incremental", RAN) == "incremental"


def test_an_incremental_run_lists_from_a_margin_before_the_watermark() -> None:
    assert runs.since("incremental", RAN) == NOON - MARGIN
    assert runs.since("full", RAN) is None


def test_the_watermark_is_when_the_run_began_that_has_ended() -> None:
    ended = Checkpoint().begun(RUN).finished(NOON + HOUR)

    assert (ended.watermark, ended.run) == (NOON, None)


def test_the_report_tells_what_the_run_has_found() -> None:
    run = replace(RUN, pages=3, counts=Counts(matched=5).plus(matched=1, missing=2))

    report = Checkpoint().begun(run).stopped(NOON + HOUR, "why").report

    assert report == {
        "run": "incremental-2026-11-21T12:00:00.000Z",
        "kind": "incremental",
        "status": "stopped",
        "reason": "why",
        "began_at": "2026-11-21T12:00:00.000Z",
        "ended_at": "2026-11-21T13:00:00.000Z",
        "pages": 3,
        "restarts": 0,
        "matched": 6,
        "missing": 2,
        "outdated": 0,
        "candidates": 0,
        "removed": 0,
        "enqueued": 0,
        "unreadable": 0,
        "unsettled": 0,
    }


def follow(links: list[str], leads_to: int | None, earlier: int, most: int) -> tuple[Run, bool]:
    """Read pages until the list ends, a circle is noticed or so many were read."""
    run = replace(RUN, next="lost", previous="before", pages=earlier).restarted(links[0])
    following = [*links[1:], None if leads_to is None else links[leads_to]]
    after = dict(zip(links, following, strict=True))
    for _ in range(most):
        link = after[run.next]
        if run.leads_back(link):
            return run, True
        run = replace(run, next=link or run.next, mark=run.marked(), pages=run.pages + 1)
        if link is None:
            break
    return run, False


PAGES = st.integers(1, 200)


@given(pages=PAGES, earlier=PAGES, data=st.data())
def test_pages_that_lead_in_a_circle_are_noticed(
    pages: int, earlier: int, data: st.DataObject
) -> None:
    links = [f"page {number}" for number in range(pages)]
    leads_to = data.draw(st.integers(0, pages - 1))

    _, is_circle = follow(links, leads_to, earlier, most=3 * pages)

    assert is_circle


@given(pages=PAGES, earlier=PAGES)
def test_a_list_that_ends_is_no_circle(pages: int, earlier: int) -> None:
    links = [f"page {number}" for number in range(pages)]

    run, is_circle = follow(links, None, earlier, most=pages)

    assert (run.pages, is_circle) == (earlier + pages, False)


def test_a_list_begins_anew_a_few_times_and_forgets_nothing_but_its_place() -> None:
    run = replace(
        RUN,
        next="third page",
        previous="second page",
        pages=2,
        total=250,
        recent=("image-1",),
        mark="second page",
        failures=7,
        counts=Counts(missing=1),
    )

    anew = run.restarted("first page")

    assert anew == replace(RUN, pages=2, restarts=1, earlier=2, counts=Counts(missing=1))
    assert run.can_restart()
    assert not anew.can_restart()
    assert not replace(run, restarts=MOST_RESTARTS).can_restart()


def test_a_checkpoint_without_a_run_cannot_end_one() -> None:
    with pytest.raises(ValueError, match="no run"):
        Checkpoint().finished(NOON)


def test_a_tick_spends_what_comes_together_in_its_time() -> None:
    pace, paid_at, spent = Pace(share=25, per_minute=100), 0, 0
    while pace.has_room(paid_at, NOON):
        paid_at, spent = pace.pay(paid_at, NOON, 1), spent + 1

    assert spent == 125


def test_what_goes_beyond_is_paid_for_by_the_next_ticks() -> None:
    pace = Pace(share=25, per_minute=100)

    paid_at = pace.pay(0, NOON, 301)

    assert not pace.has_room(paid_at, NOON + TICK)
    assert pace.has_room(paid_at, NOON + 2 * TICK)


def test_time_without_a_run_saves_nothing_up() -> None:
    pace = Pace(share=25, per_minute=100)

    assert pace.pay(NOON - DAY, NOON, 25) == NOON + 60_000
