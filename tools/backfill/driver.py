"""Drives a backfill to its end: ticks in place of the schedule, and stops it half-way."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tools.backfill.standing import Standing
from tools.backfill.stops import STOPPED, TICKING, Stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.backfill.plan import Plan
    from tools.backfill.world import World
    from tools.local_stack.functions import Invocation

BETWEEN_TICKS = 2.0
LOOK_SECONDS = 0.5
STOPPED_SECONDS = 8.0
PATIENCE_SECONDS = 180.0
"""So long nothing may change: longer than a dead worker's jobs are out of sight."""


@dataclass
class Driver:
    """One backfill; `show` hears how far it is, `tell` what is done to it."""

    world: World
    plan: Plan
    show: Callable[[Standing], None]
    tell: Callable[[str], None]
    ticks: int = 0
    stops: list[Stop] = field(default_factory=list)
    _changed_at: float = field(default_factory=time.monotonic)
    _next_tick: float = 0.0

    def run(self) -> Standing:
        """Tick until run and jobs have ended, or nothing has happened for too long."""
        before = Standing()
        with ThreadPoolExecutor(1) as pool:
            ticking = pool.submit(self._tick, {"run": "full"})
            while True:
                standing = self.world.standing()
                self.show(standing)
                if standing != before:
                    before, self._changed_at = standing, time.monotonic()
                if self._is_over(standing):
                    return standing
                half_way = self._half_way(standing)
                if half_way:
                    self._stop(half_way, standing, ticking)
                elif self._may_tick(standing, ticking):
                    ticking = pool.submit(self._tick, {})
                time.sleep(LOOK_SECONDS)

    def _is_over(self, standing: Standing) -> bool:
        if time.monotonic() > self._changed_at + PATIENCE_SECONDS:
            return True
        return standing.is_over and not self.world.waiting()

    def _half_way(self, standing: Standing) -> str | None:
        """Tell what is half done now and was not when it was looked at last."""
        made = {stop.half_way for stop in self.stops}
        for name, done in (("listed", standing.listed), ("in the catalogue", standing.ended)):
            if name not in made and 2 * done >= self.plan.assets:
                return name
        return None

    def _stop(self, half_way: str, standing: Standing, ticking: Future[Invocation]) -> None:
        """Kill all workers, and let nothing tick for a while."""
        killed = {name: self.world.kill(name) for name in STOPPED}
        self.stops.append(Stop(half_way, standing, killed))
        whom = ", ".join(f"{count} of {name}" for name, count in killed.items())
        self.tell(f"half is {half_way}: killed {whom}; no tick for {STOPPED_SECONDS:.0f} s")
        ticking.exception()
        time.sleep(STOPPED_SECONDS)
        self.world.end_lease()

    def _may_tick(self, standing: Standing, ticking: Future[Invocation]) -> bool:
        return standing.report is None and ticking.done() and time.monotonic() > self._next_tick

    def _tick(self, event: dict[str, str]) -> Invocation:
        self.ticks += 1
        try:
            return self.world.stack.functions.invoke(TICKING, event)
        finally:
            self._next_tick = time.monotonic() + BETWEEN_TICKS
