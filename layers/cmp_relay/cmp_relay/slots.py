"""Slots: the moments at which requests may go out to CMP, so that none of its limits is exceeded.

Pure: no I/O, no clock. A slot is a number in virtual time (ms). Two lanes, live and bulk, each give
out their slots in order, `Limits.spacing` apart. Virtual time runs like real time and is put back:
both lanes by every pause (`pauses`), bulk also by every slot of live (`pushes`), which takes the
place of bulk's next one. So all slots together keep their distance in real time, and one that was
promised can only come later (docs/decisions/0011).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from cmp_relay import times

Lane = Literal["live", "bulk"]

SECOND = 1_000
MINUTE = 60_000
LONGEST_MONTH = 31 * 24 * 3600 * 1000
LONGEST_APPOINTMENT = 11 * 3600
"""In seconds; longer ones are made again. A message is invisible for twelve hours at most."""
SLACK = 250
"""By how much the clocks of two workers, or the ways of two requests to CMP, may differ in ms."""
NOTICE = 200
"""How long before its place is taken (ms) the holder of a slot of bulk can still learn of it."""
IDLE = 10_000
"""How long after its last slot (ms) the live lane still keeps its share free of bulk."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What CMP allows an organization (facts.md C-12), and the share that bulk may have of it."""

    per_second: int
    per_minute: int
    per_month: int
    bulk_share: float

    @property
    def lateness(self) -> int:
        """Return how late (ms) a slot may be used: less where the limit per second asks for it."""
        for late in (1000, 500):
            if self._apart(SECOND, self.per_second, late) <= MINUTE // self.per_minute:
                return late
        return 250

    @property
    def spacing(self) -> int:
        """Return the distance between two slots in ms."""
        late = self.lateness
        return max(
            self._apart(SECOND, self.per_second, late), self._apart(MINUTE, self.per_minute, late)
        )

    @staticmethod
    def _apart(window: int, count: int, lateness: int) -> int:
        # What is sent in a window had its slot in it or in the lateness before it. One place may be
        # used twice: by live, and by the slot of bulk before it, which has left its own empty.
        return math.ceil((window + lateness + SLACK) / max(1, count - 1))


@dataclass(frozen=True, slots=True)
class Slot:
    """`count` slots of a lane in a row, the first at `first` (virtual ms), counted in `month`.

    `due` is when (real ms) the first was to come when that was last looked at. Who comes too late
    for that has lost it, even if it has been put back meanwhile: it may have been lost before.
    """

    lane: Lane
    first: int
    month: str
    due: int
    count: int = 1

    def after_first(self, spacing: int) -> "Slot | None":
        """Return what is left of them once the first is used."""
        if self.count == 1:
            return None
        return replace(
            self, first=self.first + spacing, due=self.due + spacing, count=self.count - 1
        )


@dataclass(frozen=True, slots=True)
class State:
    """The budget as it is stored; `resume_at` and `live_at` are real ms, 0 for never.

    `generation` grows with every pause, `starts` whenever bulk begins anew after it was idle.
    `open_reason` says why CMP is asked by nobody but a probe (`unavailable`, `credentials`);
    `failures` and `throttles` are the requests, `probes` the probes that went wrong in a row;
    `used` counts requests by month.
    """

    live_next: int = 0
    bulk_next: int = 0
    pauses: int = 0
    pushes: int = 0
    starts: int = 0
    generation: int = 0
    resume_at: int = 0
    live_at: int = 0
    failures: int = 0
    throttles: int = 0
    probes: int = 0
    lost: int = 0
    open_reason: str | None = None
    used: Mapping[str, int] = field(default_factory=dict)

    def real(self, lane: Lane, virtual: int) -> int:
        """Return the real time (ms) of a lane's virtual one."""
        return virtual + self.pauses + (self.pushes if lane == "bulk" else 0)

    def virtual(self, lane: Lane, real: int) -> int:
        """Return a lane's virtual time of a real one."""
        return real - self.pauses - (self.pushes if lane == "bulk" else 0)

    def moment(self, lane: Lane, first: int) -> int:
        """Return when (real ms) a slot comes, which is in no pause."""
        return max(self.real(lane, first), self.resume_at)

    def free(self, lane: Lane) -> int:
        """Return the real time (ms) from which on nobody has a slot of the lane."""
        return self.real(lane, self.live_next if lane == "live" else self.bulk_next)

    def earliest(self, lane: Lane, now: int, spacing: int) -> int:
        """Return the first moment (real ms) that a lane can give out if it has none before.

        Live takes the place of one of bulk's slots, bulk comes after all of live's.
        """
        start = max(now, self.resume_at)
        if lane == "bulk":
            return max(start, self.free("live"))
        if self.free("bulk") <= start:
            return start
        start += NOTICE
        return start + max(0, self.free("bulk") - start) % spacing

    def push(self, limits: Limits, now: int, count: int) -> int:
        """Return by how much (ms) new slots of live put bulk back.

        While live is not idle, bulk has a right to its share alone: besides making room for the
        slots it has to make up for what it has had since live's last one.
        """
        since = min(IDLE, max(0, now - self.live_at))
        return max(count * limits.spacing, int(since * (1 - limits.bulk_share)))


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


def month(moment: int) -> str:
    """Name the calendar month (UTC) of a moment in ms, `2026-11`."""
    return times.iso(moment)[:7]


def month_began(moment: int) -> int:
    """Return when (ms) the calendar month of a moment began."""
    return times.read(f"{month(moment)}-01") or 0


def next_month(moment: int) -> int:
    """Return when (ms) the next calendar month begins."""
    return month_began(month_began(moment) + LONGEST_MONTH)
