"""Permits: what a job needs before each of its requests to CMP.

A permit waits inside the function for a moment that is near, else it makes an appointment: its slot
is kept in the lease of the resource, so that whoever comes next for the resource, the same job or
another one, uses it and reserves nothing (design.md rule 7).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NoReturn, Protocol, TypeVar

from aws_lambda_powertools.metrics import MetricUnit

from cmp_relay import quota, slots
from cmp_relay.breaker import Breaker
from cmp_relay.budget import Budget
from cmp_relay.errors import (
    AppointmentError,
    CredentialsError,
    PostponedError,
    UnavailableError,
)
from cmp_relay.slots import Lane, Slot, State
from cmp_relay.telemetry import logger, metrics

PATIENCE = 1_500
"""How long (ms) a first request waits in the function, where an appointment costs a receive."""
FOLLOW_UP_PATIENCE = 5_000
"""How long a further request waits: an appointment would begin the whole job anew."""
LONGEST_STAY = 10_000
"""How long a job stays altogether if its moment is put back again and again."""

Prepared = TypeVar("Prepared")


class Keeper(Protocol):
    """What keeps slots from one visit of a resource to the next: its lease."""

    kept: Slot | None


@dataclass(frozen=True, slots=True)
class Permits:
    """The permits of one function, all in one lane.

    Who asks another API than the one that the breaker watches does not heed it: such a permit has
    its slots in the budget like any other, and neither waits for a probe nor sends one.
    """

    budget: Budget
    breaker: Breaker
    lane: Lane
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    sleep: Callable[[float], None] = time.sleep
    heeds_breaker: bool = True

    def of(self, keeper: Keeper, errand: int, lane: Lane | None = None) -> "Permit":
        """Return the permit of a job that expects to send so many requests in a row.

        `lane` is another lane than that of the function.
        """
        return Permit(
            self.budget,
            self.breaker,
            lane or self.lane,
            keeper,
            errand,
            self.now,
            self.sleep,
            self.heeds_breaker,
        )


@dataclass(slots=True)
class Permit:
    """The requests of one job for one resource, of which it expects `errand` in a row."""

    budget: Budget
    breaker: Breaker
    lane: Lane
    keeper: Keeper
    errand: int = 1
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    sleep: Callable[[float], None] = time.sleep
    heeds_breaker: bool = True
    _slot: Slot | None = field(default=None, init=False)
    _state: State = field(default_factory=State, init=False)
    _read_at: int = field(default=0, init=False)
    _patience: int = field(default=PATIENCE, init=False)
    _sent: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Take over the slot that the resource has, unless it is one of a slower lane."""
        kept = self.keeper.kept
        if kept and (kept.lane == "live" or self.lane == "bulk"):
            self._slot = kept
        self.keeper.kept = None

    def take(self, prepare: Callable[[], Prepared], probe: Callable[[], bool]) -> Prepared:
        """Return, at the moment at which a request may go out, what it needs (`prepare`).

        While the breaker is open, one job at a time finds out (`probe`) whether CMP answers again.
        Raises AppointmentError if the moment is not near, QuotaError if the month has none left,
        and what `prepare` raises.
        """
        prepared: list[Prepared] = []
        began = self.now()
        while True:
            slot = self._at_hand()
            stays = self.now() - began
            if self._wait(slot) > min(self._patience, LONGEST_STAY - stays):
                self._appoint(slot)
            if not (prepared or self._is_stopped()):
                try:
                    prepared.append(prepare())
                except (CredentialsError, UnavailableError) as error:
                    self._without_token(error)
                    continue
                except PostponedError:
                    self.keeper.kept = slot
                    raise
            if self._wait(slot) > 0:
                self.sleep(self._wait(slot) / 1000)
            elif not self._is_good(slot):
                continue
            elif slot.month != slots.month(self.now()):
                self._slot = self.budget.recount(slot)
            elif self._is_stopped():
                self._probe(slot, probe)
            else:
                self._use(slot)
                return prepared[0]

    def answered(self) -> None:
        """Tell the budget that CMP answered the request."""
        self.breaker.answered(self._state)

    def throttled(self, retry_after: float | None) -> NoReturn:
        """Put everybody's slots back after a 429, and raise AppointmentError for the repeat."""
        metrics.add_metric(name="ApiRequestsThrottled", unit=MetricUnit.Count, value=1)
        self.breaker.pause(self._state, retry_after)
        self._sent -= 1
        self._appoint(self._at_hand())

    def failed(self) -> None:
        """Count a 5xx or a time-out; raises AppointmentError if the breaker is open."""
        if self.breaker.failed():
            self._sent -= 1
            self._appoint(self._at_hand())

    def _at_hand(self) -> Slot:
        """Return the slot to be used next, as the budget has it now."""
        self._read_at = self.now()
        if self._slot is None:
            left = max(1, self.errand - self._sent)
            self._slot, self._state = self.budget.reserve(self.lane, left)
            return self._slot
        self._state = self.budget.read()
        if self._is_late(self._slot):
            metrics.add_metric(name="ApiSlotsLost", unit=MetricUnit.Count, value=self._slot.count)
            self._slot, self._state = self.budget.replace(self._slot)
        else:
            moment = self._state.moment(self._slot.lane, self._slot.first)
            self._slot = replace(self._slot, due=moment)
        return self._slot

    def _is_good(self, slot: Slot) -> bool:
        """Tell whether the slot may be used now, and is known to be still where it was."""
        known = slot.lane == "live" or self.now() - self._read_at <= slots.NOTICE
        return known and not self._is_late(slot)

    def _is_stopped(self) -> bool:
        return self.heeds_breaker and self._state.open_reason is not None

    def _is_late(self, slot: Slot) -> bool:
        return self.now() > slot.due + self.budget.limits.lateness

    def _wait(self, slot: Slot) -> int:
        return slot.due - self.now()

    def _appoint(self, slot: Slot) -> NoReturn:
        """Keep what the whole job needs, which begins anew: with less it might never end."""
        needed = max(self.errand, self._sent + 1)
        if slot.count < needed:
            slot, self._state = self.budget.reserve(self.lane, needed)
        self.keeper.kept = slot
        delay = max(0, self._wait(slot)) / 1000
        raise AppointmentError(
            "the next slot is not near", delay=min(delay, slots.LONGEST_APPOINTMENT)
        )

    def _without_token(self, error: CredentialsError | UnavailableError) -> None:
        """Open the breaker: what keeps this job from its token keeps every other one from it."""
        logger.error("no token to be had", detail=str(error))
        self.breaker.open(error.reason)

    def _probe(self, slot: Slot, probe: Callable[[], bool]) -> None:
        """Use the slot for a probe, unless somebody else probes."""
        claimed = self.breaker.claim_probe(self._state)
        if claimed is None:
            return
        self._slot = slot.after_first(self.budget.limits.spacing)
        if probe():
            logger.info("CMP answers again", reason=claimed.open_reason)
            self.breaker.close(claimed)
        else:
            logger.warning("CMP does not answer yet", reason=claimed.open_reason)
            metrics.add_metric(name="ApiProbesFailed", unit=MetricUnit.Count, value=1)
            self.breaker.keep_open(claimed)

    def _use(self, slot: Slot) -> None:
        self._slot = slot.after_first(self.budget.limits.spacing)
        self._sent, self._patience = self._sent + 1, FOLLOW_UP_PATIENCE
        used, limit = self._state.used.get(slot.month, 0), self.budget.limits.per_month
        metrics.add_metric(name="ApiRequests", unit=MetricUnit.Count, value=1)
        metrics.add_metric(
            name="ApiQuotaUsed", unit=MetricUnit.Percent, value=quota.percent(used, limit)
        )
        metrics.add_metric(
            name="ApiQuotaDaysLeft",
            unit=MetricUnit.Count,
            value=quota.days_left(used, limit, self.now()),
        )
