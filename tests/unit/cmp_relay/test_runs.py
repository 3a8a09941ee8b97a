from dataclasses import replace

import pytest

from cmp_relay import runs
from cmp_relay.runs import HOUR, MARGIN, TICK, Checkpoint, Counts, Kind, Pace, Rhythm
from tests.support.clock import NOON

DAY = 24 * HOUR
DAILY = Rhythm(hours=24, full_days=7)
RUN = runs.begin("incremental", NOON, "first page")
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


def test_a_run_that_stopped_waits_for_its_time_like_any_other() -> None:
    stopped = Checkpoint().begun(runs.begin("full", NOON, "first")).stopped(NOON + HOUR, "why")

    assert DAILY.due(stopped, NOON + HOUR) is None
    assert DAILY.due(stopped, NOON + DAY) == "full"
    assert stopped.watermark is None


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
        "matched": 6,
        "missing": 2,
        "outdated": 0,
        "candidates": 0,
        "removed": 0,
        "enqueued": 0,
        "unreadable": 0,
        "unsettled": 0,
    }


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
