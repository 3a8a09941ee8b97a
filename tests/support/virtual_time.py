"""Threads in virtual time: one runs at a time, until it sleeps or ends, and nobody really waits.

So workers overlap as they do on Lambda, hours pass in as long as their work takes, and every run
is the same.
"""

import threading
from collections.abc import Callable
from heapq import heappop, heappush

from tests.support.clock import Clock

Work = Callable[[], None]


class VirtualTime:
    """Lets threads take turns, in the order of the moments at which they want to go on."""

    def __init__(self, *clocks: Clock) -> None:
        """Move these clocks, which all show the same."""
        self._clocks = clocks
        self._sleepers: list[tuple[int, int, threading.Event]] = []
        self._sleeps = 0
        self._yielded = threading.Event()
        self._errors: list[BaseException] = []

    def now(self) -> int:
        """Return the moment in ms."""
        return self._clocks[0]()

    def start(self, work: Work) -> None:
        """Begin some work as soon as it is its turn."""
        turn = self._queue(self.now())
        threading.Thread(target=self._run, args=(work, turn), daemon=True).start()

    def sleep(self, seconds: float) -> None:
        """Let others have their turn until some time has passed; of started work alone."""
        turn = self._queue(self.now() + int(seconds * 1000))
        self._yielded.set()
        turn.wait()

    def next_turn(self) -> int | None:
        """Return when (ms) the next one wants to go on, None if nobody does."""
        return self._sleepers[0][0] if self._sleepers else None

    def give_turn(self) -> None:
        """Let the next one go on until it sleeps or ends; raises what it raises."""
        moment, _, turn = heappop(self._sleepers)
        self.jump(moment)
        self._yielded.clear()
        turn.set()
        self._yielded.wait()
        if self._errors:
            raise self._errors.pop()

    def jump(self, moment: int) -> None:
        """Let it be that moment (ms)."""
        for clock in self._clocks:
            clock.milliseconds = max(moment, clock.milliseconds)

    def _queue(self, moment: int) -> threading.Event:
        turn = threading.Event()
        self._sleeps += 1
        heappush(self._sleepers, (moment, self._sleeps, turn))
        return turn

    def _run(self, work: Work, turn: threading.Event) -> None:
        turn.wait()
        try:
            work()
        except BaseException as error:
            self._errors.append(error)
        self._yielded.set()
