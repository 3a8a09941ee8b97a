import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from random import Random
from statistics import median, quantiles

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmp_relay import slots
from cmp_relay.budget import TRIES, Budget
from cmp_relay.errors import PostponedError, QuotaError
from cmp_relay.slots import LONGEST_APPOINTMENT, Lane, Limits, Slot, State
from cmp_relay.telemetry import metrics
from tests.support.budget_world import BudgetWorld, Faults, Job, Resource, Span, most_within
from tests.support.clock import NOON, Clock
from tools.simulation.memory_store import MemoryStore

DEFAULT = Limits(per_second=10, per_minute=100, per_month=200_000, bulk_share=0.7)
DECEMBER = slots.next_month(NOON)
SECOND, MINUTE = 1_000, 60_000


@pytest.fixture(autouse=True, scope="module")
def silence() -> Iterator[None]:
    """Tell nobody of the thousands of requests."""
    logging.disable()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "add_metric", lambda **_: None)
        yield
    logging.disable(logging.NOTSET)


# Whatever happens


def spans() -> st.SearchStrategy[tuple[Span, ...]]:
    """Make up when something is not to be had: up to ten minutes of the first quarter hour."""
    begin, length = st.integers(0, 5 * MINUTE), st.integers(SECOND, 10 * MINUTE)
    return st.tuples(begin, length).map(lambda span: ((span[0], sum(span)),)) | st.just(())


def limits() -> st.SearchStrategy[Limits]:
    return st.builds(
        Limits,
        per_second=st.sampled_from([2, 3, 5, 10]),
        per_minute=st.sampled_from([2, 3, 20, 60, 100, 600]),
        per_month=st.sampled_from([20, 10**6]),
        bulk_share=st.sampled_from([0.5, 0.7, 1]),
    )


def faults() -> st.SearchStrategy[Faults]:
    return st.builds(
        Faults,
        slow=st.sampled_from([0, 0.1, 0.5]),
        repeated=st.sampled_from([0, 0.2]),
        throttled=st.sampled_from([0, 0.05]),
        failed=st.sampled_from([0, 0.1]),
        late=st.sampled_from([0, 0.3]),
        lost=st.sampled_from([0, 0.1]),
        crashed=st.sampled_from([0, 0.01]),
        outages=spans(),
        refused=spans(),
    )


@st.composite
def worlds(draw: st.DrawFn) -> BudgetWorld:
    """Make up workers and messages, beginning in the last minutes of a month as a rule."""
    limited = draw(limits())
    world = BudgetWorld(
        limited,
        Random(draw(st.integers(0, 2**32))),  # noqa: S311 - not a secret
        start=DECEMBER - draw(st.sampled_from([0, 5 * SECOND, MINUTE, 5 * MINUTE, 20 * MINUTE])),
        faults=draw(faults()),
        workers=draw(st.sampled_from([1, 5, 20, 100])),
    )
    shared = Resource()
    # Requests in a row wait for each other for five seconds at most.
    errands = [1, 1, 3] if limited.spacing < 5 * SECOND else [1]
    for _ in range(draw(st.integers(1, 60))):
        world.send(
            Job(
                lane=draw(st.sampled_from(["live", "bulk"])),
                errand=draw(st.sampled_from(errands)),
                resource=shared if draw(st.booleans()) else Resource(),
            ),
            at=draw(st.just(0) | st.integers(0, 5 * MINUTE)),
        )
    return world


def given_out(world: BudgetWorld) -> list[tuple[Lane, int]]:
    spacing = world.limits.spacing
    return [
        (slot.lane, slot.first + number * spacing)
        for slot in world.given
        for number in range(slot.count)
    ]


@settings(max_examples=60, derandomize=True, deadline=None)
@given(world=worlds())
def test_no_limit_is_ever_exceeded_and_everything_is_sent(world: BudgetWorld) -> None:
    world.run()

    assert world.most_within(SECOND) <= world.limits.per_second
    assert world.most_within(MINUTE) <= world.limits.per_minute
    assert all(count <= world.limits.per_month for count in world.by_month().values())
    assert all(job.is_done for job in world.jobs if not job.is_lost)
    slots_given = given_out(world)
    assert len(slots_given) == len(set(slots_given))


# The two lanes


@pytest.mark.parametrize("per_minute", [20, 100, 600])
def test_a_live_job_goes_out_at_once_behind_1000_waiting_bulk_jobs(per_minute: int) -> None:
    limited = Limits(per_second=10, per_minute=per_minute, per_month=10**6, bulk_share=0.7)
    world = BudgetWorld(limited, Random(1), start=NOON)  # noqa: S311 - not a secret
    for _ in range(1000):
        world.send(Job("bulk"))
    published = [world.send(Job("live"), at=number * 20_300 + MINUTE // 10) for number in range(10)]

    world.run()

    waits = [job.sent_at[0] - job.began_at for job in published]
    assert max(waits) <= 2 * limited.spacing + SECOND


@pytest.mark.parametrize(("share", "gap"), [(0.7, 700), (0.5, 2_000), (0.7, 9_900)])
def test_bulk_has_no_more_than_its_share_while_live_asks_every_ten_seconds(
    share: float, gap: int
) -> None:
    limited = Limits(per_second=10, per_minute=100, per_month=10**6, bulk_share=share)
    world = BudgetWorld(limited, Random(1), start=NOON)  # noqa: S311 - not a secret
    for _ in range(350):
        world.send(Job("bulk"))
    for number in range(6 * MINUTE // gap):
        world.send(Job("live"), at=number * gap)

    world.run()

    sent = [moment for moment in world.sent("bulk") if moment < NOON + 6 * MINUTE - slots.IDLE]
    for window in (MINUTE, 5 * MINUTE):
        # What bulk has had since live's last slot is made up for with the next one.
        allowed = share * window + (1 - share) * slots.IDLE
        assert most_within(sent, window) <= allowed / limited.spacing + 2


def test_bulk_may_have_everything_while_live_is_idle() -> None:
    world = BudgetWorld(DEFAULT, Random(1), start=NOON)  # noqa: S311 - not a secret
    for _ in range(200):
        world.send(Job("bulk"))

    world.run()

    assert world.most_within(MINUTE) >= 0.95 * DEFAULT.per_minute


# What it costs


def few(writes: list[int]) -> bool:
    """Tell whether the writes of each request are as few as they have to be."""
    return median(writes) <= 2 and quantiles(writes, n=100)[98] <= 4


@pytest.mark.parametrize("workers", [1, 20, 100])
@pytest.mark.parametrize("every", [0, 600], ids=["in a burst", "at saturation"])
def test_a_request_costs_few_writes(workers: int, every: int) -> None:
    world = BudgetWorld(DEFAULT, Random(1), start=NOON, workers=workers)  # noqa: S311 - not a secret
    for number in range(400):
        world.send(Job("live" if number % 3 else "bulk"), at=number * every)

    world.run()

    assert few([sum(job.writes) for job in world.jobs])


class GuardedStore(MemoryStore):
    """A store for threads, which counts the writes of each."""

    def __init__(self) -> None:
        super().__init__(lambda: time.sleep(0.0001))
        self.own = threading.local()
        self._lock = threading.Lock()

    def _change(
        self,
        add: Mapping[str, int],
        put: Mapping[str, int | str | None],
        when: Mapping[str, int],
    ) -> tuple[State, bool]:
        self.own.writes = getattr(self.own, "writes", 0) + 1
        with self._lock:
            return super()._change(add, put, when)


def test_twenty_threads_get_slots_of_their_own_for_few_writes() -> None:
    store = GuardedStore()
    budget = Budget(store, DEFAULT)

    def reserve(number: int) -> tuple[Slot, int]:
        before = getattr(store.own, "writes", 0)
        slot, _ = budget.reserve("live" if number % 3 else "bulk")
        return slot, store.own.writes - before

    with ThreadPoolExecutor(20) as threads:
        found = list(threads.map(reserve, range(400)))

    assert few([writes for _, writes in found])
    assert len({(slot.lane, slot.first) for slot, _ in found}) == 400
    real = sorted(store.state.real(slot.lane, slot.first) for slot, _ in found)
    assert all(later - earlier >= DEFAULT.spacing for earlier, later in pairwise(real))


# One reservation


SPACING = DEFAULT.spacing


class InterruptedStore(MemoryStore):
    """Lets something happen once, at the n-th call from now, before it takes effect."""

    def __init__(self) -> None:
        super().__init__(self._pass)
        self._left = -1
        self._deed: Callable[[], object] = lambda: None

    def interrupt(self, call: int, deed: Callable[[], object]) -> None:
        # A call passes twice, on its way and back.
        self._left, self._deed = 2 * call, deed

    def _pass(self) -> None:
        self._left -= 1
        if self._left == -1:
            self._deed()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> InterruptedStore:
    return InterruptedStore()


@pytest.fixture
def budget(store: InterruptedStore, clock: Clock) -> Budget:
    return Budget(store, DEFAULT, now=clock)


def test_slots_of_a_lane_follow_each_other(budget: Budget) -> None:
    found = [budget.reserve("bulk", count)[0] for count in (1, 3, 1)]

    assert [slot.due - NOON for slot in found] == [0, SPACING, 4 * SPACING]
    assert [slot.count for slot in found] == [1, 3, 1]


def test_a_slot_of_live_takes_the_place_of_the_next_of_bulk(
    budget: Budget, store: InterruptedStore
) -> None:
    bulk = [budget.reserve("bulk")[0] for _ in range(3)]

    live, state = budget.reserve("live")

    assert live.due == NOON + SPACING
    # Live has not asked for long: bulk makes up for what it has had meanwhile.
    moved = int(slots.IDLE * (1 - DEFAULT.bulk_share))
    assert state.moment("bulk", bulk[2].first) == bulk[2].due + moved


def test_a_lane_that_was_idle_begins_now(budget: Budget, clock: Clock) -> None:
    budget.reserve("live")
    clock.advance(100)

    assert budget.reserve("live")[0].due == clock()


def test_bulk_that_was_idle_comes_after_live(budget: Budget) -> None:
    budget.reserve("live", 3)

    assert budget.reserve("bulk")[0].due == NOON + 3 * SPACING


def test_what_takes_too_long_to_reserve_is_lost(
    budget: Budget, store: InterruptedStore, clock: Clock
) -> None:
    store.interrupt(1, lambda: clock.advance(2))

    slot, state = budget.reserve("live")

    assert slot.due == NOON + 2000
    assert (state.lost, state.used) == (1, {"2026-11": 1})


def test_who_meets_too_many_others_comes_back(clock: Clock) -> None:
    class Contended(MemoryStore):
        def _change(self, *_: object) -> tuple[State, bool]:
            self.writes += 1
            return self.state, False

    store = Contended()

    with pytest.raises(PostponedError) as caught:
        Budget(store, DEFAULT, now=clock).reserve("live")

    assert 1 <= caught.value.delay <= 3
    assert store.writes == TRIES


# Slots that were lost


def test_who_was_late_gets_the_next_free_place(
    budget: Budget, store: InterruptedStore, clock: Clock
) -> None:
    late, _ = budget.reserve("bulk")
    for _ in range(10):
        budget.reserve("bulk")
    clock.advance(2)

    slot, state = budget.replace(late)

    assert slot.lane == "live"
    assert slot.due - clock() <= SPACING + slots.NOTICE
    assert (state.lost, state.used) == (1, {"2026-11": 11})


def test_who_was_late_goes_to_the_end_while_live_has_a_queue(budget: Budget, clock: Clock) -> None:
    late, _ = budget.reserve("bulk")
    budget.reserve("live", 10)
    clock.advance(2)

    slot, state = budget.replace(late)

    assert slot.lane == "bulk"
    assert slot.due >= state.free("live")
    assert state.lost == 1


def test_who_was_late_goes_to_the_end_if_another_takes_the_free_place(
    budget: Budget, store: InterruptedStore, clock: Clock
) -> None:
    late, _ = budget.reserve("bulk")
    clock.advance(2)
    store.interrupt(1, lambda: Budget(store, DEFAULT, now=clock).reserve("live"))

    slot, state = budget.replace(late)

    assert slot.lane == "bulk"
    assert slot.due >= state.free("live")
    assert state.lost == 1


# The month


def few_left(clock: Clock, store: MemoryStore, limit: int = 2) -> Budget:
    return Budget(store, Limits(10, 100, limit, 0.7), now=clock)


@pytest.mark.parametrize(
    ("left", "delay"), [(3 * 24 * 3600, LONGEST_APPOINTMENT), (3600, 3600), (1, 1)]
)
def test_the_next_month_is_waited_for_when_the_quota_is_used_up(left: int, delay: int) -> None:
    clock = Clock(DECEMBER - left * 1000)
    budget = few_left(clock, MemoryStore(), limit=1)
    budget.reserve("live")

    with pytest.raises(QuotaError) as caught:
        budget.reserve("bulk")

    assert caught.value.delay == delay
    clock.advance(left)
    assert budget.reserve("bulk")[0].month == "2026-12"


def test_several_slots_are_too_many_for_what_is_left(clock: Clock) -> None:
    budget = few_left(clock, MemoryStore())

    with pytest.raises(QuotaError):
        budget.reserve("live", 3)


def test_of_two_who_take_the_last_one_only_one_gets_it(
    clock: Clock, store: InterruptedStore
) -> None:
    budget = few_left(clock, store, limit=3)
    budget.reserve("live", 2)
    store.interrupt(1, lambda: few_left(clock, store, limit=3).reserve("live"))

    with pytest.raises(QuotaError):
        budget.reserve("live")

    assert store.state.used == {"2026-11": 4}


def test_a_slot_is_counted_in_the_month_in_which_it_comes() -> None:
    clock = Clock(DECEMBER - SPACING // 2)
    budget = Budget(MemoryStore(), DEFAULT, now=clock)

    found = [budget.reserve("live")[0] for _ in range(2)]

    assert [slot.month for slot in found] == ["2026-11", "2026-12"]


def test_a_slot_that_moved_into_the_next_month_is_counted_there() -> None:
    clock = Clock(DECEMBER - 1)
    store = MemoryStore()
    budget = Budget(store, DEFAULT, now=clock)
    slot, _ = budget.reserve("live", 2)
    clock.advance(1)

    moved = budget.recount(slot)

    assert (moved.month, moved.first) == ("2026-12", slot.first)
    assert store.state.used == {"2026-11": 2, "2026-12": 2}


def test_a_slot_that_moved_into_a_month_without_quota_is_refused() -> None:
    clock = Clock(DECEMBER - 1)
    store = MemoryStore()
    budget = few_left(clock, store)
    slot, _ = budget.reserve("live")
    clock.advance(1)
    budget.reserve("live", 2)

    with pytest.raises(QuotaError):
        budget.recount(slot)

    assert store.state.used == {"2026-11": 1, "2026-12": 3}
