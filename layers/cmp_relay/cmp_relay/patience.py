"""Patience: how callers who wait get through the API budget, and through a 429.

A worker gives its message back until its slot comes; a program or a person waits for it here. What
is sent again is known not to have been done: a request that had no slot or no token yet, or that
CMP refused with 429. After a 5xx or a time-out nobody knows, so that is the caller's to decide.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from cmp_relay.errors import (
    CredentialsError,
    NotAskedError,
    PostponedError,
    RateLimitedError,
    UnavailableError,
)
from cmp_relay.open_api import Gate, OpenApi, OpenGate
from cmp_relay.permits import Permit, Permits
from cmp_relay.slots import Slot
from cmp_relay.telemetry import metrics

PATIENCE_SECONDS = 120
"""Twice the minute for which the tutorial's limit holds (facts.md 4)."""
FIRST_BACK_OFF = 1.0
LONGEST_BACK_OFF = 30.0
MEASURES = (
    "ApiProbesFailed",
    "ApiQuotaDaysLeft",
    "ApiQuotaUsed",
    "ApiRequests",
    "ApiRequestsThrottled",
    "ApiSlotsLost",
)
"""The metrics that permits count."""

UNTOLD = (PostponedError, BotoCoreError, ClientError)
"""What comes of telling the budget of an answer, besides that it knows."""

Given = TypeVar("Given")
Prepared = TypeVar("Prepared")


@dataclass(slots=True)
class Memory:
    """Keeps a slot of the budget from one try to the next, as a lease does for workers."""

    kept: Slot | None = None


@dataclass(frozen=True, slots=True)
class TellingGate:
    """A permit as a gate that tells the budget what CMP answered, and leaves the answer as it is.

    Neither the permit's own appointment nor a budget that cannot be told may take its place: who
    waits would not learn that the request was done, or that nobody knows, and might repeat it.
    """

    permit: Permit

    def take(self, prepare: Callable[[], Prepared], probe: Callable[[], bool]) -> Prepared:
        """Return what `prepare` returns once the permit has a slot; raises AppointmentError."""
        return self.permit.take(prepare, probe)

    def answered(self) -> None:
        """Tell the budget that CMP answered."""
        with suppress(*UNTOLD):
            self.permit.answered()

    def throttled(self, retry_after: float | None) -> None:
        """Put everybody's slots back after a 429."""
        with suppress(*UNTOLD):
            self.permit.throttled(retry_after)

    def failed(self) -> None:
        """Count a 5xx or a time-out."""
        with suppress(*UNTOLD):
            self.permit.failed()


@dataclass(frozen=True, slots=True)
class CountingGate:
    """A permit as a gate for an API that the stack's workers do not ask: its requests only count.

    Whether that API answers, or gives a token, tells nothing of the workers' one. So no answer
    opens the breaker or closes it, and none puts anybody's slots back.
    """

    permit: Permit

    def take(self, prepare: Callable[[], Prepared], probe: Callable[[], bool]) -> Prepared:
        """Return what `prepare` returns once the permit has a slot; raises AppointmentError."""
        # Here, since a permit opens the breaker for whom no token is to be had.
        prepared = prepare()
        return self.permit.take(lambda: prepared, probe)

    def answered(self) -> None:
        """Tell nobody."""

    def throttled(self, retry_after: float | None) -> None:
        """Tell nobody."""

    def failed(self) -> None:
        """Tell nobody."""


@dataclass(frozen=True, slots=True)
class GuestGate(TellingGate):
    """A permit as a gate for another machine than those of the stack, as a person's is.

    That the machine does not reach CMP, or may not ask for a token, tells nothing of the workers.
    So it opens no breaker, and is no probe of an open one. What CMP itself says of the app, as that
    it asks too often, holds for all.
    """

    def take(self, prepare: Callable[[], Prepared], probe: Callable[[], bool]) -> Prepared:
        """Return what `prepare` returns once the permit has a slot.

        Raises NotAskedError without a token or while the breaker is open, and AppointmentError.
        """
        try:
            # Before the breaker is looked at: who has no token is to learn why.
            prepared = prepare()
        except UnavailableError as error:
            raise NotAskedError(f"there is no token: {error}") from error
        reason = self.permit.budget.read().open_reason
        if reason:
            raise NotAskedError(f"the stack has stopped asking CMP ({reason})")
        return self.permit.take(lambda: prepared, probe)

    def failed(self) -> None:
        """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Waits for slots, tokens and after a 429, `seconds` for one request at most.

    `permits` are those of the stack beside which the caller runs, None if there is none.
    """

    permits: Permits | None = None
    seconds: float = PATIENCE_SECONDS
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    gate: Callable[[Permit], Gate] = TellingGate
    _memory: Memory = field(default_factory=Memory, init=False)

    def ask(self, api: OpenApi, request: Callable[[OpenApi], Given]) -> Given:
        """Return what a request gives, at the latest try its error: a PostponedError, a 429."""
        ends_at = self.now() + self.seconds
        back_off = FIRST_BACK_OFF
        while True:
            try:
                return request(api.behind(self._gate()))
            except (PostponedError, RateLimitedError) as error:
                delay = _delay(error, back_off)
                is_in_vain = isinstance(error, CredentialsError | NotAskedError)
                if is_in_vain or self.now() + delay > ends_at:
                    raise
            finally:
                _forget_measures()
            self.sleep(delay)
            back_off = min(2 * back_off, LONGEST_BACK_OFF)

    def counting(self) -> "Patience":
        """Return one for an API that the stack's workers do not ask (`CountingGate`)."""
        return self._blind(CountingGate)

    def visiting(self) -> "Patience":
        """Return one for a machine that is none of the stack's (`GuestGate`)."""
        return self._blind(GuestGate)

    def _blind(self, gate: Callable[[Permit], Gate]) -> "Patience":
        """Return one whose permits neither wait for a probe nor send one."""
        permits = self.permits and replace(self.permits, heeds_breaker=False)
        return replace(self, permits=permits, gate=gate)

    def _gate(self) -> Gate:
        if self.permits is None:
            return OpenGate()
        return self.gate(self.permits.of(self._memory, 1))


def _forget_measures() -> None:
    """Leave a program's own metrics alone in the set that Powertools shares within a process.

    Ours would go out under its namespace. Where it publishes none they would wait, and the
    hundredth value of one goes to stdout, or is an error without a namespace.
    """
    for name in MEASURES:
        metrics.metric_set.pop(name, None)


def _delay(error: PostponedError | RateLimitedError, back_off: float) -> float:
    if isinstance(error, PostponedError):
        return error.delay
    # CMP can ask for no second at all; two answers of that kind are to be apart all the same.
    return back_off if error.retry_after is None else max(error.retry_after, FIRST_BACK_OFF)
