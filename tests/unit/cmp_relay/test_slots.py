import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay import slots, times
from cmp_relay.slots import IDLE, MINUTE, NOTICE, SECOND, SLACK, Limits, Slot, State
from tests.support.clock import NOON

DEFAULT = Limits(per_second=10, per_minute=100, per_month=200_000, bulk_share=0.7)
SPACING = DEFAULT.spacing


@pytest.mark.parametrize(
    ("per_second", "per_minute", "lateness", "spacing"),
    [
        (10, 100, 1000, 619),
        (10, 600, 250, 167),
        (1000, 60_000, 250, 2),
        (2, 2, 1000, 61_250),
        (2, 1000, 250, 1500),
        (3, 40, 1000, 1571),
    ],
)
def test_slots_are_as_far_apart_as_the_narrower_limit_asks(
    per_second: int, per_minute: int, lateness: int, spacing: int
) -> None:
    limits = Limits(per_second, per_minute, 10**6, 0.7)

    assert (limits.lateness, limits.spacing) == (lateness, spacing)


@given(per_second=st.integers(2, 1000), per_minute=st.integers(2, 60_000))
def test_a_window_holds_all_slots_that_can_be_used_in_it(per_second: int, per_minute: int) -> None:
    limits = Limits(per_second, per_minute, 10**6, 0.7)

    for window, count in ((SECOND, per_second), (MINUTE, per_minute)):
        assert (count - 1) * limits.spacing >= window + limits.lateness + SLACK


def test_what_is_left_of_several_slots_comes_a_distance_later() -> None:
    slot = Slot("live", first=100, month="2026-11", due=NOON, count=2)

    left = slot.after_first(SPACING)

    assert left == Slot("live", 100 + SPACING, "2026-11", NOON + SPACING, 1)
    assert left.after_first(SPACING) is None


def test_pauses_put_both_lanes_back_and_pushes_bulk_alone() -> None:
    state = State(live_next=1, bulk_next=2, pauses=10, pushes=100)

    assert (state.free("live"), state.free("bulk")) == (11, 112)
    assert (state.virtual("live", 11), state.virtual("bulk", 112)) == (1, 2)


def test_no_slot_comes_in_a_pause() -> None:
    state = State(resume_at=NOON)

    assert state.moment("live", NOON - 1) == NOON
    assert state.moment("live", NOON + 1) == NOON + 1


def test_an_idle_lane_can_begin_now_or_after_the_pause() -> None:
    assert State().earliest("live", NOON, SPACING) == NOON
    assert State(resume_at=NOON + 5).earliest("live", NOON, SPACING) == NOON + 5
    assert State(resume_at=NOON + 5).earliest("bulk", NOON, SPACING) == NOON + 5


def test_bulk_comes_after_all_of_lives_slots() -> None:
    assert State(live_next=NOON + 5000).earliest("bulk", NOON, SPACING) == NOON + 5000


@given(ahead=st.integers(1, 1_000_000))
def test_live_takes_the_next_place_of_bulk_whose_holder_can_still_learn_of_it(ahead: int) -> None:
    state = State(bulk_next=NOON + ahead)

    moment = state.earliest("live", NOON, SPACING)

    assert NOTICE <= moment - NOON < NOTICE + SPACING
    assert moment >= state.free("bulk") or (state.free("bulk") - moment) % SPACING == 0


@pytest.mark.parametrize(
    ("since", "count", "pushed"),
    [(0, 1, SPACING), (0, 3, 3 * SPACING), (5000, 1, 1500), (IDLE, 1, 3000), (60_000, 1, 3000)],
)
def test_live_puts_bulk_back_by_its_own_share_of_the_time_since_it_asked_last(
    since: int, count: int, pushed: int
) -> None:
    assert State(live_at=NOON - since).push(DEFAULT, NOON, count) == pushed


def test_a_clock_that_is_behind_pushes_no_less_than_a_slot() -> None:
    assert State(live_at=NOON + 50).push(DEFAULT, NOON, 1) == SPACING


@pytest.mark.parametrize(
    ("moment", "month", "following"),
    [
        ("2026-11-30T23:59:59.999", "2026-11", "2026-12-01"),
        ("2026-12-01", "2026-12", "2027-01-01"),
        ("2027-02-28T12:00", "2027-02", "2027-03-01"),
        ("2028-02-29T12:00", "2028-02", "2028-03-01"),
    ],
)
def test_months_are_those_of_the_calendar(moment: str, month: str, following: str) -> None:
    read = at(moment)

    assert slots.month(read) == month
    assert slots.month_began(read) == at(f"{month}-01")
    assert slots.next_month(read) == at(following)


def at(text: str) -> int:
    return times.read(text) or 0
