from collections.abc import Callable

import pytest

from cmp_relay.breaker import (
    FAILURES,
    LONGEST_WAIT,
    PROBE,
    SHORTEST_PAUSE,
    SHORTEST_WAIT,
    Breaker,
)
from cmp_relay.slots import Limits, State
from tests.support.clock import NOON, Clock
from tools.simulation.memory_store import MemoryStore

LIMITS = Limits(per_second=10, per_minute=100, per_month=200_000, bulk_share=0.7)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def breaker(store: MemoryStore, clock: Clock) -> Breaker:
    return Breaker(store, LIMITS, now=clock)


def opened(breaker: Breaker, store: MemoryStore) -> State:
    breaker.open("unavailable")
    return store.state


# 429


@pytest.mark.parametrize(
    ("retry_after", "pause"),
    [(30, 30_000), (0.2, SHORTEST_PAUSE), (0, SHORTEST_PAUSE), (1e9, LONGEST_WAIT)],
)
def test_a_429_puts_all_slots_back_by_retry_after_within_bounds(
    breaker: Breaker, store: MemoryStore, retry_after: float, pause: int
) -> None:
    breaker.pause(store.read(), retry_after)

    assert (store.state.pauses, store.state.resume_at) == (pause, NOON + pause)


def test_requests_that_were_under_way_together_pause_once(
    breaker: Breaker, store: MemoryStore, clock: Clock
) -> None:
    seen = store.read()

    for _ in range(5):
        breaker.pause(seen, 10)
        clock.advance(0.1)

    assert (store.state.pauses, store.state.generation) == (10_000, 1)


def test_a_pause_in_a_pause_makes_it_longer_by_what_is_missing(
    breaker: Breaker, store: MemoryStore, clock: Clock
) -> None:
    breaker.pause(store.read(), 10)
    clock.advance(4)

    breaker.pause(store.read(), 10)

    assert (store.state.pauses, store.state.resume_at) == (14_000, NOON + 14_000)


def test_a_shorter_pause_in_a_longer_one_changes_nothing(
    breaker: Breaker, store: MemoryStore
) -> None:
    breaker.pause(store.read(), 30)

    breaker.pause(store.read(), 1)

    assert (store.state.pauses, store.state.resume_at) == (30_000, NOON + 30_000)


def test_without_a_header_each_429_in_a_row_waits_twice_as_long(
    breaker: Breaker, store: MemoryStore, clock: Clock
) -> None:
    pauses = []
    for _ in range(12):
        before = clock()
        breaker.pause(store.read(), None)
        pauses.append(store.state.resume_at - before)
        clock.milliseconds = store.state.resume_at

    assert pauses[:4] == [1000, 2000, 4000, 8000]
    assert pauses[-2:] == [LONGEST_WAIT] * 2


def test_an_answer_begins_the_back_off_anew(breaker: Breaker, store: MemoryStore) -> None:
    breaker.pause(store.read(), None)
    breaker.pause(store.read(), None)

    breaker.answered(store.read())

    assert (store.state.throttles, store.state.failures) == (0, 0)


def test_an_answer_that_changes_nothing_writes_nothing(
    breaker: Breaker, store: MemoryStore
) -> None:
    breaker.answered(store.read())

    assert store.writes == 0


# Failures


def test_three_failures_in_a_row_open_the_breaker(breaker: Breaker, store: MemoryStore) -> None:
    failed = [breaker.failed() for _ in range(FAILURES)]

    assert failed == [False, False, True]
    assert store.state.open_reason == "unavailable"
    assert store.state.resume_at == NOON + SHORTEST_WAIT


def test_failures_with_an_answer_between_them_do_not(breaker: Breaker, store: MemoryStore) -> None:
    for _ in range(FAILURES * 2):
        assert not breaker.failed()
        breaker.answered(store.read())


def test_who_fails_while_it_is_open_changes_no_time(breaker: Breaker, store: MemoryStore) -> None:
    before = opened(breaker, store)

    assert breaker.failed()

    assert store.state.resume_at == before.resume_at


def test_credentials_that_are_refused_open_it_with_that_reason(
    breaker: Breaker, store: MemoryStore
) -> None:
    breaker.open("credentials")
    breaker.open("unavailable")

    assert (store.state.open_reason, store.state.generation) == ("credentials", 1)


# Probes


def test_one_at_a_time_probes(breaker: Breaker, store: MemoryStore) -> None:
    seen = opened(breaker, store)

    claims = [breaker.claim_probe(seen) for _ in range(3)]

    assert [claim is None for claim in claims] == [False, True, True]


def test_another_one_probes_if_the_first_has_died(
    breaker: Breaker, store: MemoryStore, clock: Clock
) -> None:
    seen = opened(breaker, store)
    clock.milliseconds = seen.resume_at
    breaker.claim_probe(seen)

    assert store.state.resume_at == clock() + PROBE
    assert breaker.claim_probe(store.read())


def test_a_probe_keeps_the_distance_of_a_very_low_limit(store: MemoryStore, clock: Clock) -> None:
    limits = Limits(per_second=2, per_minute=2, per_month=100, bulk_share=0.7)

    claimed = Breaker(store, limits, now=clock).claim_probe(store.read())

    assert claimed
    assert claimed.resume_at == NOON + limits.spacing


def claimed(breaker: Breaker, store: MemoryStore, clock: Clock) -> State:
    clock.milliseconds = max(clock(), store.state.resume_at)
    state = breaker.claim_probe(store.read())
    assert state
    return state


def test_each_probe_without_answer_waits_twice_as_long_up_to_a_quarter_of_an_hour(
    breaker: Breaker, store: MemoryStore, clock: Clock
) -> None:
    opened(breaker, store)
    waits = []
    for _ in range(9):
        claim = claimed(breaker, store, clock)
        clock.milliseconds = claim.resume_at  # the probe takes as long as it may
        breaker.keep_open(claim)
        waits.append(store.state.resume_at - clock())

    assert waits == [10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000, *[LONGEST_WAIT] * 2]


def test_a_probe_that_is_answered_closes_it(
    breaker: Breaker, store: MemoryStore, clock: Clock
) -> None:
    for _ in range(FAILURES):
        breaker.failed()
    claim = claimed(breaker, store, clock)

    breaker.close(claim)

    state = store.state
    assert (state.open_reason, state.probes, state.failures) == (None, 0, 0)
    assert state.resume_at == clock() + LIMITS.spacing


@pytest.mark.parametrize("end", [Breaker.close, Breaker.keep_open])
def test_a_probe_that_took_too_long_decides_nothing(
    breaker: Breaker, store: MemoryStore, clock: Clock, end: Callable[[Breaker, State], None]
) -> None:
    opened(breaker, store)
    slow = claimed(breaker, store, clock)
    claimed(breaker, store, clock)
    before = store.state

    end(breaker, slow)

    assert store.state == before
