"""Virtual time: processes that are written as plain blocking code and never really sleep.

Each process is a thread, of which one alone runs at any moment, handed on in the order of their
moments. So a run is repeatable, and whoever calls `sleep` lets others come in between.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

BEGIN = 1_795_262_400.0  # 2026-11-21T12:00:00Z, far from a month's end
LONGEST = 24 * 3600
"""What goes on for longer (s) never comes to an end."""


class VirtualTime:
    """A clock in epoch seconds with what is going to happen."""

    def __init__(self) -> None:
        """Begin at noon with nothing to happen."""
        self.now = BEGIN
        self.running: Process | None = None
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def seconds(self) -> float:
        """Return the moment in seconds."""
        return self.now

    def milliseconds(self) -> int:
        """Return the moment in whole ms, as workers read it."""
        return int(self.now * 1000)

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Let something happen later; equal moments keep their order."""
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), action))

    def start(self, work: Callable[[], None]) -> None:
        """Start a process now."""
        self.after(0, Process(self, work).resume)

    def sleep(self, seconds: float) -> None:
        """Let the running process sleep."""
        until = self.now + seconds
        if not self._events or until < self._events[0][0]:
            self.now = until  # nobody comes in between: no need to hand on and back
            return
        self.after(seconds, self.current().resume)
        self.current().pause()

    def current(self) -> Process:
        """Return the running process."""
        if self.running is None:
            raise RuntimeError("no process is running")
        return self.running

    def run(self) -> None:
        """Let everything happen, until nothing more is going to; raises what a process raises."""
        while self._events:
            if self.now > BEGIN + LONGEST:
                raise TimeoutError("a day has passed, and it still goes on")
            self.now, _, action = heapq.heappop(self._events)
            action()


class Process:
    """One thread that runs only between `resume` and its next `pause`."""

    def __init__(self, time: VirtualTime, work: Callable[[], None]) -> None:
        """Prepare the thread; the first `resume` starts it."""
        self._time = time
        self._work = work
        self._go, self._back = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._back.acquire()
        self._error: BaseException | None = None
        # A run that is broken off must not wait for processes that nobody resumes.
        self._thread = threading.Thread(target=self._live, daemon=True)

    def resume(self) -> None:
        """Let the process run until it pauses or ends; raises what it raises."""
        self._time.running = self
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._go.release()
        self._back.acquire()
        self._time.running = None
        if self._error:
            raise self._error

    def pause(self) -> None:
        """Stand still, called by the process itself, until somebody resumes it."""
        self._back.release()
        self._go.acquire()

    def _live(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._error = error
        finally:
            self._back.release()
