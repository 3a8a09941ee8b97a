"""The breaker of the API budget: what puts everybody's slots back, and for how long.

A 429 does, for as long as CMP asks or twice as long each time; so do three failures in a row and
credentials that are refused, until a probe is answered. All of it is state of the budget's item, so
that one worker's trouble spares every other one the same.
"""

import time
from collections.abc import Callable

from cmp_relay.slots import Limits, State, Store

FAILURES = 3
"""So many 5xx and time-outs in a row open the breaker: fewer than a job has attempts."""
SHORTEST_PAUSE = 1_000
SHORTEST_WAIT = 5_000
LONGEST_WAIT = 900_000
"""Each wait may cost a message one receive; SQS gives it up after 1000, and we after seven days."""
PROBE = 15_000
"""How long (ms) a probe keeps others from probing: longer than it can take."""


class Breaker:
    """The breaker of the budget in `store`; `now` is ms."""

    def __init__(
        self,
        store: Store,
        limits: Limits,
        *,
        now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """Keep the parts."""
        self._store = store
        self._limits = limits
        self._now = now

    def pause(self, seen: State, retry_after: float | None) -> None:
        """Put all slots back after a 429, once for all requests that were under way together.

        By `retry_after` (seconds), and at least by a time that doubles from one 429 to the next.
        """
        wait = max(SHORTEST_PAUSE << min(seen.throttles, 10), int((retry_after or 0) * 1000))
        self._stop(seen, min(LONGEST_WAIT, wait), throttles=seen.throttles + 1)

    def failed(self) -> bool:
        """Count a 5xx or a time-out and tell whether the breaker is open."""
        state, _ = self._store.change(add={"failures": 1})
        if not state.open_reason and state.failures >= FAILURES:
            self._stop(state, SHORTEST_WAIT, open_reason="unavailable", probes=0)
            return True
        return state.open_reason is not None

    def open(self, reason: str) -> None:
        """Open the breaker, unless it is open."""
        state = self._store.read()
        if not state.open_reason:
            self._stop(state, SHORTEST_WAIT, open_reason=reason, probes=0)

    def answered(self, seen: State) -> None:
        """Forget failures and 429s, since CMP answers."""
        if seen.failures or seen.throttles:
            self._store.change(put={"failures": 0, "throttles": 0})

    def claim_probe(self, seen: State) -> State | None:
        """Become the one who probes, with a slot of its own; None if somebody else does."""
        after, changed = self._stop(seen, max(PROBE, self._limits.spacing))
        return after if changed else None

    def close(self, claimed: State) -> None:
        """Close the breaker after a probe that was answered."""
        resume_at = min(claimed.resume_at, self._now() + self._limits.spacing)
        self._store.change(
            put={"open_reason": None, "probes": 0, "failures": 0, "resume_at": resume_at},
            when={"generation": claimed.generation},
        )

    def keep_open(self, claimed: State) -> None:
        """Wait twice as long after each probe that was not answered."""
        probes = claimed.probes + 1
        self._stop(claimed, min(LONGEST_WAIT, SHORTEST_WAIT << min(probes, 10)), probes=probes)

    def _stop(self, seen: State, wait: int, **put: int | str) -> tuple[State, bool]:
        """Put all slots back by a time, unless that has been done since `seen`."""
        now = self._now()
        resume_at = max(seen.resume_at, now + wait)
        return self._store.change(
            add={"pauses": resume_at - max(now, seen.resume_at), "generation": 1},
            put={"resume_at": resume_at, **put},
            when={"generation": seen.generation},
        )
