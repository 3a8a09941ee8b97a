"""The API budget: who may ask CMP when, shared by every function of the stack (design.md rule 7).

One item of the catalogue table. A slot costs one write as a rule: a lane that is ahead of the clock
gives out its next slot by an unconditional ADD, one that has fallen behind starts anew at the
earliest moment, on condition that nobody else has done so.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from cmp_relay import slots
from cmp_relay.errors import PostponedError, QuotaError
from cmp_relay.slots import Lane, Limits, Slot, State

TRIES = 8
FAILURES = 3
"""So many 5xx and time-outs in a row open the breaker: fewer than a job has attempts."""
SHORTEST_PAUSE = 1_000
SHORTEST_WAIT = 5_000
LONGEST_WAIT = 300_000
LONGEST_RETRY_AFTER = 900_000
PROBE = 15_000
"""How long (ms) a probe keeps others from probing: longer than it can take."""
LONGEST_APPOINTMENT = 11 * 3600
"""In seconds; a message is invisible for twelve hours after its receive at most."""


Found = tuple[Slot, State]


class Store(Protocol):
    """Where the budget's one item is kept."""

    def read(self) -> State:
        """Return the state, as fresh as any write that has ended."""

    def change(
        self,
        *,
        add: Mapping[str, int] | None = None,
        put: Mapping[str, int | str | None] | None = None,
        when: Mapping[str, int] | None = None,
    ) -> tuple[State, bool]:
        """Change attributes at once and return the state after it, and whether it was changed.

        It is not changed if an attribute of `when` has another value.
        """


class Budget:
    """The budget in `store` under `limits`; `now` is ms."""

    def __init__(
        self,
        store: Store,
        limits: Limits,
        *,
        now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """Keep the parts."""
        self.limits = limits
        self._store = store
        self._now = now

    def read(self) -> State:
        """Return the state of the budget."""
        return self._store.read()

    def reserve(self, lane: Lane, count: int = 1) -> Found:
        """Reserve slots in a row; raises QuotaError if the month has no requests left."""
        return self._reserve(lane, count, None)

    def replace(self, late: Slot) -> Found:
        """Reserve other slots for ones that can be used no more.

        The next free place if live has no queue, else one at the end of their own lane: who was
        late must not hold up those who were not.
        """
        state = self._store.read()
        if state.free("live") < state.earliest("live", self._now(), self.limits.spacing):
            found = self._start("live", late.count, state, late.month)
            if found and self._usable(found, state):
                return found
        return self._reserve(late.lane, late.count, late.month)

    def recount(self, slot: Slot) -> Slot:
        """Count slots in the month in which they are used; raises QuotaError as `reserve` does."""
        month = slots.month(self._now())
        add = {f"used#{month}": slot.count, f"used#{slot.month}": -slot.count}
        state, _ = self._store.change(add=add)
        return self._within_quota(replace(slot, month=month), state, None)[0]

    def pause(self, seen: State, retry_after: float | None) -> None:
        """Put all slots back after a 429, once for all requests that were under way together.

        By `retry_after` (seconds), else by a time that doubles from one 429 to the next.
        """
        asked = SHORTEST_PAUSE << min(seen.throttles, 10) if retry_after is None else None
        wait = min(LONGEST_WAIT, asked) if asked else int((retry_after or 0) * 1000)
        self._stop(
            seen, max(SHORTEST_PAUSE, min(wait, LONGEST_RETRY_AFTER)), throttles=seen.throttles + 1
        )

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
        """Become the one who probes; None if that is somebody else."""
        after, changed = self._stop(seen, max(PROBE, self.limits.spacing))
        return after if changed else None

    def close(self, claimed: State) -> None:
        """Close the breaker after a probe that was answered."""
        resume_at = min(claimed.resume_at, self._now() + self.limits.spacing)
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

    def _reserve(self, lane: Lane, count: int, counted: str | None) -> tuple[Slot, State]:
        """Reserve; `counted` is the month in which slots that are lost have been counted."""
        for _ in range(TRIES):
            state = self._store.read()
            queued = state.free(lane) >= state.earliest(lane, self._now(), self.limits.spacing)
            found = (self._queue if queued else self._start)(lane, count, state, counted)
            if found and self._usable(found, state):
                return found
            counted = found[0].month if found else counted
        raise PostponedError("too many others wanted a slot", delay=random.uniform(1, 3))  # noqa: S311 - not a secret

    def _queue(self, lane: Lane, count: int, state: State, counted: str | None) -> Found | None:
        """Take the next slots of a lane that is ahead of the clock."""
        month = counted or self._month(state, state.free(lane), count)
        add = self._added(lane, count, state, counted, month)
        length = count * self.limits.spacing
        add[f"{lane}_next"] = length
        after, _ = self._store.change(add=add, put=self._noted(lane, counted))
        first = (after.live_next if lane == "live" else after.bulk_next) - length
        slot = Slot(lane, first, month, after.moment(lane, first), count)
        return self._within_quota(slot, after, counted)

    def _start(self, lane: Lane, count: int, state: State, counted: str | None) -> Found | None:
        """Begin a lane anew that has fallen behind the clock, unless somebody else just did."""
        moment = state.earliest(lane, self._now(), self.limits.spacing)
        month = counted or self._month(state, moment, count)
        first = state.virtual(lane, moment)
        add = self._added(lane, count, state, counted, month)
        put = self._noted(lane, counted) | {f"{lane}_next": first + count * self.limits.spacing}
        when = {"generation": state.generation, "live_next": state.live_next}
        if lane == "bulk":
            add["starts"] = 1
            when |= {"bulk_next": state.bulk_next, "pushes": state.pushes}
        elif state.free("bulk") > moment:
            when["starts"] = state.starts
        else:
            when["bulk_next"] = state.bulk_next
        after, changed = self._store.change(add=add, put=put, when=when)
        if not changed:
            return None
        slot = Slot(lane, first, month, after.moment(lane, first), count)
        return self._within_quota(slot, after, counted)

    def _added(
        self, lane: Lane, count: int, state: State, counted: str | None, month: str
    ) -> dict[str, int]:
        add = {"lost": count} if counted else {f"used#{month}": count}
        if lane == "live":
            length = count * self.limits.spacing
            add["pushes"] = length if counted else state.push(self.limits, self._now(), count)
        return add

    def _noted(self, lane: Lane, counted: str | None) -> dict[str, int]:
        return {"live_at": self._now()} if lane == "live" and not counted else {}

    def _usable(self, found: Found, before: State) -> bool:
        """Tell whether new slots are free: not late, and no place that the other lane has too."""
        slot, after = found
        if slot.lane == "bulk":
            taken = slot.due < after.free("live")
        else:
            # Who holds that place in bulk has to learn in time that it is put back.
            taken = before.free("bulk") > slot.due and self._now() > slot.due
        return not taken and self._now() <= slot.due + self.limits.lateness

    def _month(self, state: State, moment: int, count: int) -> str:
        month = slots.month(moment)
        if state.used.get(month, 0) + count > self.limits.per_month:
            raise self._no_quota()
        return month

    def _within_quota(self, slot: Slot, after: State, counted: str | None) -> Found:
        if not counted and after.used.get(slot.month, 0) > self.limits.per_month:
            self._store.change(add={f"used#{slot.month}": -slot.count, "lost": slot.count})
            raise self._no_quota()
        return slot, after

    def _no_quota(self) -> QuotaError:
        left = (slots.next_month(self._now()) - self._now()) / 1000
        return QuotaError(
            "the month's requests to CMP are used up", delay=min(left, LONGEST_APPOINTMENT)
        )
