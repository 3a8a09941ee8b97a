"""The API budget: who may ask CMP when, shared by every function of the stack (design.md rule 7).

One item of the catalogue table. A slot costs one write as a rule: a lane that is ahead of the clock
gives out its next slot by an unconditional ADD, one that has fallen behind starts anew at the
earliest moment, on condition that nobody else has done so.
"""

import random
import time
from collections.abc import Callable
from dataclasses import replace

from cmp_relay import slots
from cmp_relay.errors import PostponedError, QuotaError
from cmp_relay.slots import Lane, Limits, Slot, State, Store

TRIES = 8
Found = tuple[Slot, State]


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
        state, _ = self._store.change(add={f"used#{month}": slot.count})
        return self._within_quota(replace(slot, month=month), state, None)[0]

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
        # What was counted is never taken back: the client repeats a call whose answer was lost.
        if not counted and after.used.get(slot.month, 0) > self.limits.per_month:
            raise self._no_quota()
        return slot, after

    def _no_quota(self) -> QuotaError:
        left = (slots.next_month(self._now()) - self._now()) / 1000
        return QuotaError(
            "the month's requests to CMP are used up", delay=min(left, slots.LONGEST_APPOINTMENT)
        )
