from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from cmp_relay import slots
from cmp_relay.breaker import FAILURES, PROBE, SHORTEST_WAIT, Breaker
from cmp_relay.budget import Budget
from cmp_relay.errors import (
    AppointmentError,
    CredentialsError,
    LeaseHeldError,
    PostponedError,
    QuotaError,
    UnavailableError,
)
from cmp_relay.permits import PATIENCE, Permit, Permits
from cmp_relay.slots import LONGEST_APPOINTMENT, Lane, Limits, Slot
from cmp_relay.telemetry import metrics
from tests.support.clock import NOON, Clock
from tools.simulation.memory_store import MemoryStore

LIMITS = Limits(per_second=10, per_minute=100, per_month=1000, bulk_share=0.7)
SPACING = LIMITS.spacing
DECEMBER = slots.next_month(NOON)


@dataclass
class Lease:
    kept: Slot | None = None


@dataclass
class Desk:
    """Where workers get their permits; to sleep is to move the clock on."""

    clock: Clock = field(default_factory=Clock)
    store: MemoryStore = field(default_factory=MemoryStore)
    limits: Limits = LIMITS
    slept: list[int] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    @property
    def budget(self) -> Budget:
        return Budget(self.store, self.limits, now=self.clock)

    @property
    def breaker(self) -> Breaker:
        return Breaker(self.store, self.limits, now=self.clock)

    def permit(self, lane: Lane = "live", lease: Lease | None = None, errand: int = 1) -> Permit:
        permits = Permits(self.budget, self.breaker, lane, self.clock, self.sleep)
        return permits.of(lease or Lease(), errand)

    def sleep(self, seconds: float) -> None:
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        self.slept.append(round(seconds * 1000))
        self.clock.advance(seconds)

    def queue(self, lane: Lane = "live", count: int = 10) -> None:
        """Let others have the next slots."""
        self.budget.reserve(lane, count)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture(autouse=True)
def counted() -> Iterator[Callable[[], dict[str, float]]]:
    """Return what has been counted since the test began."""
    metrics.clear_metrics()
    yield lambda: {name: sum(metric["Value"]) for name, metric in metrics.metric_set.items()}
    metrics.clear_metrics()


def take(permit: Permit, *, answers: bool = True) -> str:
    return permit.take(lambda: "token", lambda: answers)


def appointed(act: Callable[[], object]) -> float:
    """Return the delay of the appointment that something ends with."""
    with pytest.raises(AppointmentError) as caught:
        act()
    return caught.value.delay


def appointment(desk: Desk, lane: Lane = "live", errand: int = 1) -> Lease:
    """Return a lease that keeps a slot that is not near."""
    desk.queue(lane)
    lease = Lease()
    appointed(lambda: take(desk.permit(lane, lease, errand)))
    return lease


def kept(lease: Lease) -> Slot:
    assert lease.kept
    return lease.kept


# Waiting


def test_the_first_request_goes_out_at_once(desk: Desk) -> None:
    assert take(desk.permit()) == "token"
    assert (desk.slept, desk.store.writes) == ([], 1)


def test_waits_in_the_function_for_a_moment_that_is_near(desk: Desk) -> None:
    desk.queue(count=1)

    take(desk.permit())

    assert desk.slept == [SPACING]
    assert SPACING <= PATIENCE


def test_keeps_a_slot_that_is_not_near_in_the_lease(desk: Desk) -> None:
    desk.queue()
    lease = Lease()

    delay = appointed(lambda: take(desk.permit("live", lease)))

    assert (desk.slept, delay) == ([], 10 * SPACING / 1000)
    assert kept(lease).due == NOON + 10 * SPACING


def test_no_message_is_put_off_for_longer_than_sqs_can(desk: Desk) -> None:
    desk.store.change(add={"live_next": NOON + 24 * 3_600_000})

    assert appointed(lambda: take(desk.permit())) == LONGEST_APPOINTMENT


def test_further_requests_wait_longer_since_the_job_would_begin_anew(desk: Desk) -> None:
    permit = desk.permit()
    take(permit)
    desk.queue(count=4)

    take(permit)

    assert desk.slept == [5 * SPACING]


def test_requests_in_a_row_have_slots_in_a_row(desk: Desk) -> None:
    permit = desk.permit(errand=3)
    take(permit)
    desk.queue()

    take(permit)
    take(permit)

    assert desk.slept == [SPACING, SPACING]
    assert desk.store.state.used == {"2026-11": 13}


def test_a_job_that_breaks_off_gets_slots_for_all_of_it(desk: Desk) -> None:
    lease = Lease()
    permit = desk.permit("live", lease)
    take(permit)
    desk.queue()

    appointed(lambda: take(permit))

    assert kept(lease).count == 2
    desk.clock.milliseconds = kept(lease).due
    desk.queue()
    again = desk.permit("live", lease)
    take(again)
    take(again)


def test_the_quota_of_the_month_is_an_error_of_its_own(desk: Desk) -> None:
    desk.store.change(add={"used#2026-11": 1000})

    with pytest.raises(QuotaError):
        take(desk.permit())


# Appointments


def test_whoever_comes_next_for_the_resource_uses_its_slot_and_writes_nothing(desk: Desk) -> None:
    lease = appointment(desk)
    desk.clock.milliseconds = kept(lease).due - 500
    before = desk.store.writes

    take(desk.permit("live", lease))

    assert (desk.slept, desk.store.writes - before) == ([500], 0)
    assert lease.kept is None


def test_who_comes_early_keeps_the_slot(desk: Desk) -> None:
    lease = appointment(desk)
    before, slot = desk.store.writes, lease.kept

    delay = appointed(lambda: take(desk.permit("live", lease)))

    assert (lease.kept, desk.store.writes) == (slot, before)
    assert delay == 10 * SPACING / 1000


def test_a_job_of_bulk_uses_a_slot_of_live(desk: Desk) -> None:
    lease = appointment(desk)
    desk.clock.milliseconds = kept(lease).due

    take(desk.permit("bulk", lease))

    assert desk.store.state.used == {"2026-11": 11}


def test_a_job_of_live_does_not_wait_for_a_slot_of_bulk(desk: Desk) -> None:
    lease = appointment(desk, "bulk")

    take(desk.permit("live", lease))

    assert desk.clock() - NOON < PATIENCE


def test_a_slot_is_kept_if_its_job_has_to_wait_for_something_else(desk: Desk) -> None:
    lease = Lease()

    def busy() -> None:
        raise LeaseHeldError("somebody refreshes the token", delay=2)

    with pytest.raises(LeaseHeldError):
        desk.permit("live", lease).take(busy, lambda: True)

    assert kept(lease).due == NOON


# Slots that are lost or moved


def test_who_is_late_gets_the_next_free_place(
    desk: Desk, counted: Callable[[], dict[str, float]]
) -> None:
    lease = appointment(desk, "bulk")
    desk.clock.milliseconds = kept(lease).due + LIMITS.lateness + 1
    late_since = desk.clock()

    take(desk.permit("bulk", lease))

    assert desk.clock() - late_since <= SPACING + slots.NOTICE
    assert desk.store.state.lost == 1
    assert counted()["ApiSlotsLost"] == 1


def test_who_is_a_little_late_uses_the_slot(desk: Desk) -> None:
    lease = appointment(desk)
    desk.clock.milliseconds = kept(lease).due + LIMITS.lateness

    take(desk.permit("live", lease))

    assert (desk.slept, desk.store.state.lost) == ([], 0)


def test_who_is_late_goes_to_the_end_while_live_has_a_queue(desk: Desk) -> None:
    lease = appointment(desk, "bulk")
    desk.clock.milliseconds = kept(lease).due + LIMITS.lateness + 1
    desk.queue("live")

    appointed(lambda: take(desk.permit("bulk", lease)))

    assert kept(lease).lane == "bulk"
    assert kept(lease).due >= desk.store.state.free("live")


def test_who_oversleeps_looks_again(desk: Desk) -> None:
    desk.queue(count=1)
    desk.meanwhile = lambda: desk.clock.advance(LIMITS.lateness / 1000 + 1)

    take(desk.permit())

    assert desk.store.state.lost == 1


def test_bulk_waits_again_if_live_takes_its_place_meanwhile(desk: Desk) -> None:
    lease = appointment(desk, "bulk")
    desk.clock.milliseconds = kept(lease).due - 900
    desk.meanwhile = lambda: desk.budget.reserve("live")

    delay = appointed(lambda: take(desk.permit("bulk", lease)))

    assert (desk.slept, delay) == ([900], 3)
    assert desk.store.state.lost == 0


def test_a_slot_that_moved_into_the_next_month_is_counted_there(desk: Desk) -> None:
    desk.clock.milliseconds = DECEMBER - 20_000
    lease = appointment(desk)
    desk.breaker.pause(desk.store.state, 30)
    desk.clock.milliseconds = kept(lease).due + 30_000

    take(desk.permit("live", lease))

    assert desk.store.state.used == {"2026-11": 11, "2026-12": 1}


# 429


def test_a_429_makes_an_appointment_for_the_repeat(
    desk: Desk, counted: Callable[[], dict[str, float]]
) -> None:
    lease = Lease()
    permit = desk.permit("live", lease)
    take(permit)

    delay = appointed(lambda: permit.throttled(30))

    # The slot after the one that was used, and the pause.
    assert delay == 30 + SPACING / 1000
    assert kept(lease).count == 1
    assert counted()["ApiRequestsThrottled"] == 1


def test_a_429_moves_all_appointments_once_for_all_requests_under_way(desk: Desk) -> None:
    waiting = [appointment(desk), appointment(desk, "bulk")]
    promised = [kept(lease).due for lease in waiting]
    desk.clock.milliseconds = max(promised) + 1000
    under_way = [desk.permit() for _ in range(3)]
    desk.clock.milliseconds = NOON + 30_000
    for permit in under_way:
        take(permit)
    began = desk.clock()
    later = Lease(desk.budget.reserve("live")[0])
    before = kept(later).due

    for permit in under_way:
        appointed(lambda permit=permit: permit.throttled(20))  # type: ignore[misc]

    assert desk.store.state.pauses == 20_000
    assert appointed(lambda: take(desk.permit("live", later))) == (before + 20_000 - began) / 1000


def test_a_429_in_the_middle_keeps_slots_for_the_whole_job(desk: Desk) -> None:
    lease = Lease()
    permit = desk.permit("live", lease, errand=3)
    take(permit)
    take(permit)

    appointed(lambda: permit.throttled(None))

    assert kept(lease).count == 3


# The breaker


def opened(desk: Desk) -> None:
    """Open the breaker and wait until it may be probed."""
    desk.breaker.open("unavailable")
    desk.clock.milliseconds = desk.store.state.resume_at


def test_the_third_failure_in_a_row_makes_an_appointment(desk: Desk) -> None:
    for _ in range(FAILURES - 1):
        permit = desk.permit()
        take(permit)
        permit.failed()
    lease = Lease()
    permit = desk.permit("live", lease)
    take(permit)

    delay = appointed(permit.failed)

    assert delay == (SHORTEST_WAIT + SPACING) / 1000
    assert kept(lease).due == desk.clock() + SHORTEST_WAIT + SPACING


def test_an_answer_between_failures_keeps_the_breaker_closed(desk: Desk) -> None:
    for _ in range(2):
        for _ in range(FAILURES - 1):
            permit = desk.permit()
            take(permit)
            permit.failed()
        permit = desk.permit()
        take(permit)
        permit.answered()

    assert desk.store.state.open_reason is None


def test_while_it_is_open_jobs_need_no_token(desk: Desk) -> None:
    desk.breaker.open("unavailable")
    prepared: list[bool] = []

    delay = appointed(lambda: desk.permit().take(lambda: prepared.append(True), lambda: True))

    assert (prepared, delay) == ([], SHORTEST_WAIT / 1000)


def test_a_probe_that_is_answered_closes_it_and_uses_the_slot_up(desk: Desk) -> None:
    opened(desk)
    lease = Lease()

    delay = appointed(lambda: take(desk.permit("live", lease)))

    assert desk.store.state.open_reason is None
    assert desk.store.state.used == {"2026-11": 2}
    assert delay == (PROBE + SPACING) / 1000
    desk.clock.milliseconds = kept(lease).due
    assert take(desk.permit("live", lease)) == "token"


def test_a_probe_without_answer_makes_an_appointment_for_the_next(
    desk: Desk, counted: Callable[[], dict[str, float]]
) -> None:
    opened(desk)
    lease = Lease()

    delay = appointed(lambda: take(desk.permit("live", lease), answers=False))

    assert delay >= 2 * SHORTEST_WAIT / 1000
    assert desk.store.state.open_reason == "unavailable"
    assert counted()["ApiProbesFailed"] == 1


def test_one_at_a_time_probes(desk: Desk) -> None:
    opened(desk)
    probes: list[float] = []

    def probe() -> bool:
        probes.append(appointed(lambda: take(desk.permit())))
        return True

    appointed(lambda: desk.permit().take(lambda: "token", probe))

    assert len(probes) == 1


def test_who_loses_the_probe_to_another_comes_back(desk: Desk) -> None:
    opened(desk)
    seen = desk.store.state
    lease = Lease(desk.budget.reserve("live")[0])
    permit = desk.permit("live", lease)
    # Somebody claims it between this one's look and its own claim.
    store = desk.store
    really = store.change
    desk.breaker.claim_probe(seen)
    store.state, claimed = seen, store.state

    def first(**changes: object) -> object:
        store.state = claimed
        store.change = really  # type: ignore[method-assign]
        return really(**changes)  # type: ignore[arg-type]

    store.change = first  # type: ignore[method-assign, assignment]

    assert appointed(lambda: take(permit)) > 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (CredentialsError("refused", delay=300), "credentials"),
        (UnavailableError("GET: time-out"), "unavailable"),
    ],
)
def test_without_a_token_the_breaker_opens(desk: Desk, error: Exception, reason: str) -> None:
    def fail() -> None:
        raise error

    delay = appointed(lambda: desk.permit().take(fail, lambda: True))

    assert delay == SHORTEST_WAIT / 1000
    assert desk.store.state.open_reason == reason


def test_what_prepares_is_asked_once_however_long_it_takes(desk: Desk) -> None:
    tokens: list[int] = []

    def prepare() -> int:
        desk.clock.advance(LIMITS.lateness / 1000 + 1)
        tokens.append(desk.clock())
        return len(tokens)

    assert desk.permit().take(prepare, lambda: True) == 1
    assert desk.store.state.lost == 1


# What is told


def test_tells_of_each_request_and_of_the_quota(
    desk: Desk, counted: Callable[[], dict[str, float]]
) -> None:
    desk.store.change(add={"used#2026-11": 799})

    take(desk.permit())

    told = counted()
    assert (told["ApiRequests"], told["ApiQuotaUsed"]) == (1, 80)
    # 20.5 days took 800 of 1000: the rest lasts for a quarter of that.
    assert told["ApiQuotaDaysLeft"] == pytest.approx(20.5 / 4, abs=0.001)


def test_whatever_postpones_a_job_is_no_attempt() -> None:
    assert issubclass(AppointmentError, PostponedError)
    assert issubclass(QuotaError, PostponedError)
