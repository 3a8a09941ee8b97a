"""Workers that share one API budget in virtual time, and a CMP that counts what reaches it.

Their calls of the store interleave in any order, their clocks differ, and what can go wrong does,
as often as `Faults` says.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from cmp_relay import slots
from cmp_relay.breaker import Breaker
from cmp_relay.budget import Budget, Found
from cmp_relay.errors import CredentialsError, PostponedError
from cmp_relay.permits import Permit
from cmp_relay.slots import Lane, Limits, Slot, State
from tests.support.timeline import Timeline
from tools.simulation.memory_store import MemoryStore

LEASE = 60_000
VISIBILITY = 360_000
"""When (ms) a message comes back whose worker has died."""
SKEW = 50
"""By how much (ms) a worker's clock may differ from the true time."""
LONGEST_WAY = 100
"""How long (ms) a request may be on its way to CMP."""
A_YEAR = 366 * 24 * 3600 * 1000
RETRY_AFTER = (None, None, 0.0, 1.0, 5.0, 30.0)

Span = tuple[int, int]


class CrashedError(Exception):
    """The process has died: nothing of what it held is given back."""


class FailedError(Exception):
    """CMP answered with a 5xx or not at all."""


@dataclass(frozen=True)
class Faults:
    """How often things go wrong, each between 0 and 1, and when (ms) CMP is not to be had.

    A write is `repeated` if its answer was lost, as boto3 does on its own.
    """

    slow: float = 0
    repeated: float = 0
    throttled: float = 0
    failed: float = 0
    late: float = 0
    lost: float = 0
    crashed: float = 0
    outages: tuple[Span, ...] = ()
    refused: tuple[Span, ...] = ()


@dataclass
class Resource:
    """What a lease guards; `slot` is what its item keeps, `until` (ms) when it is free."""

    slot: Slot | None = None
    until: int = 0


@dataclass
class Held:
    """A lease that is held."""

    kept: Slot | None


@dataclass
class Job:
    """A message that needs `errand` requests in a row; `writes` are those of its reservations."""

    lane: Lane
    errand: int = 1
    resource: Resource = field(default_factory=Resource)
    began_at: int = 0
    sent_at: list[int] = field(default_factory=list)
    writes: list[int] = field(default_factory=list)
    receives: int = 0
    is_done: bool = False
    is_lost: bool = False


@dataclass(frozen=True)
class Request:
    """A request as CMP gets it (ms); `month` is the sender's, a probe has no lane."""

    at: int
    month: str
    lane: Lane | None


class _Store(MemoryStore):
    """One worker's way to the store that all share; counts its own writes."""

    def __init__(
        self,
        shared: MemoryStore,
        meanwhile: Callable[[], None],
        answer_is_lost: Callable[[], bool],
    ) -> None:
        super().__init__(meanwhile)
        self._shared = shared
        self._answer_is_lost = answer_is_lost

    def _change(
        self,
        add: Mapping[str, int],
        put: Mapping[str, int | str | None],
        when: Mapping[str, int],
    ) -> tuple[State, bool]:
        self.writes += 1
        answer = self._shared.change(add=add, put=put, when=when)
        while self._answer_is_lost():
            self._meanwhile()
            answer = self._shared.change(add=add, put=put, when=when)
        return answer

    def _state(self) -> State:
        return self._shared.read()


class _Budget(Budget):
    """A budget that notes which slots it gives out, and how many writes each took."""

    def __init__(
        self, store: _Store, limits: Limits, now: Callable[[], int], world: "BudgetWorld", job: Job
    ) -> None:
        super().__init__(store, limits, now=now)
        self._own_store, self._world, self._job = store, world, job

    def reserve(self, lane: Lane, count: int = 1) -> Found:
        return self._watched(lambda: super(_Budget, self).reserve(lane, count))

    def replace(self, late: Slot) -> Found:
        return self._watched(lambda: super(_Budget, self).replace(late))

    def _watched(self, reserve: Callable[[], Found]) -> Found:
        before = self._own_store.writes
        try:
            slot, state = reserve()
        finally:
            self._job.writes.append(self._own_store.writes - before)
        self._world.given.append(slot)
        return slot, state


class BudgetWorld:
    """Messages, `workers` that take them, one budget and CMP; `start` is ms."""

    def __init__(
        self,
        limits: Limits,
        chance: Random,
        *,
        start: int,
        faults: Faults = Faults(),
        workers: int = 1_000,
    ) -> None:
        """Begin with a budget that was never used."""
        self.limits = limits
        self.start = start
        self.store = MemoryStore()
        self.requests: list[Request] = []
        self.given: list[Slot] = []
        self.jobs: list[Job] = []
        self._faults = faults
        self._chance = chance
        self._timeline = Timeline(start)
        self._free = workers
        self._visible: list[Job] = []

    def send(self, job: Job, at: int = 0) -> Job:
        """Put a job's message into the queue so many ms after the start."""
        job.began_at = self.start + at
        self.jobs.append(job)
        self._timeline.at(job.began_at, lambda: self._appear(job))
        return job

    def run(self) -> None:
        """Let time pass until every job is done or lost."""
        assert self._timeline.run(self.start + A_YEAR), "some jobs never come to an end"

    def sent(self, lane: Lane | None = None) -> list[int]:
        """Return when (ms, ascending) requests reached CMP: all of them, or those of a lane."""
        return sorted(each.at for each in self.requests if lane in {None, each.lane})

    def most_within(self, window: int) -> int:
        """Return the most requests that reached CMP within any so many ms."""
        return most_within(self.sent(), window)

    def by_month(self) -> dict[str, int]:
        """Return how many requests were sent in each calendar month."""
        found: dict[str, int] = {}
        for each in self.requests:
            found[each.month] = found.get(each.month, 0) + 1
        return found

    # Messages

    def _appear(self, job: Job) -> None:
        self._visible.append(job)
        self._serve()

    def _serve(self) -> None:
        while self._free and self._visible:
            self._free -= 1
            job = self._visible.pop(0)
            self._timeline.at(self._timeline.now, lambda job=job: self._receive(job))  # type: ignore[misc]

    def _receive(self, job: Job) -> None:
        job.receives += 1
        delay = self._visit(job)
        self._free += 1
        if delay is not None:
            self._come_back(job, delay)
        self._serve()

    def _come_back(self, job: Job, delay: int) -> None:
        if self._happens(self._faults.lost):
            job.is_lost = True
            return
        late = self._chance.choice((200, 900, 1_600, 2_500, 8_000))
        delay += late * self._happens(self._faults.late)
        self._timeline.at(self._timeline.now + delay, lambda: self._appear(job))

    # A visit, as a worker makes it

    def _visit(self, job: Job) -> int | None:
        """Do what a worker does with a message; return in how many ms it has to come back."""
        now, resource = self._timeline.now, job.resource
        if resource.until > now:
            return self._chance.randint(1, 4) * 1000
        resource.until = now + LEASE
        lease = Held(resource.slot)
        try:
            self._work(job, lease)
        except CrashedError:
            return VISIBILITY
        except PostponedError as error:
            delay: int | None = max(1, math.floor(error.delay)) * 1000
        except FailedError:
            delay = self._chance.randint(1_000, 20_000)
        else:
            job.is_done, delay = True, None
        resource.slot, resource.until = lease.kept, 0
        return delay

    def _work(self, job: Job, lease: Held) -> None:
        skew = self._chance.randint(-SKEW, SKEW)

        def now() -> int:
            return self._timeline.now + skew

        store = _Store(self.store, self._meanwhile, lambda: self._happens(self._faults.repeated))
        budget = _Budget(store, self.limits, now, self, job)
        breaker = Breaker(store, self.limits, now=now)
        permit = Permit(budget, breaker, job.lane, lease, job.errand, now, self._sleep)
        for _ in range(job.errand):
            permit.take(self._token, lambda: self._probe(slots.month(now())))
            self._ask(permit, job, slots.month(now()))

    def _ask(self, permit: Permit, job: Job, month: str) -> None:
        self._request(month, job.lane)
        job.sent_at.append(self._timeline.now)
        if self._is_in(self._faults.outages) or self._happens(self._faults.failed):
            self._timeline.wait(self._chance.choice((20, 300, 10_000)))
            permit.failed()
            raise FailedError
        self._timeline.wait(self._chance.randint(20, 900))
        if self._happens(self._faults.throttled):
            permit.throttled(self._chance.choice(RETRY_AFTER))
        permit.answered()

    def _token(self) -> None:
        self._meanwhile()
        if self._is_in(self._faults.refused):
            raise CredentialsError("refused", delay=300)

    def _probe(self, month: str) -> bool:
        if self._is_in(self._faults.refused):
            return False
        self._request(month, None)
        self._timeline.wait(self._chance.choice((20, 300, 10_000)))
        return not (self._is_in(self._faults.outages) or self._happens(self._faults.failed))

    def _request(self, month: str, lane: Lane | None) -> None:
        self._timeline.wait(self._chance.randint(0, LONGEST_WAY))
        self.requests.append(Request(self._timeline.now, month, lane))

    # Time and chance

    def _meanwhile(self) -> None:
        if self._happens(self._faults.crashed):
            raise CrashedError
        slow = self._happens(self._faults.slow)
        self._timeline.wait(self._chance.randint(0, 1_500 if slow else 10))

    def _sleep(self, seconds: float) -> None:
        # Whoever wakes up in time is as lucky as who does so a little late.
        slow = self._happens(self._faults.slow)
        self._timeline.wait(math.ceil(seconds * 1000) + self._chance.randint(0, 300 if slow else 5))

    def _happens(self, often: float) -> bool:
        return often > 0 and self._chance.random() < often

    def _is_in(self, spans: tuple[Span, ...]) -> bool:
        now = self._timeline.now - self.start
        return any(begin <= now < end for begin, end in spans)


def most_within(moments: list[int], window: int) -> int:
    """Return how many of the moments (ms, ascending) lie within any so many ms at most."""
    most = first = 0
    for number, moment in enumerate(moments):
        while moments[first] <= moment - window:
            first += 1
        most = max(most, number - first + 1)
    return most
