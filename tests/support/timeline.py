"""Virtual time: many processes at once, of which only one runs while all the others wait.

Whoever waits lets the others go on in the order of time, so a run depends on nothing but its deeds.
"""

import heapq
import threading
from collections.abc import Callable
from itertools import count

Deed = Callable[[], None]


class Over(BaseException):
    """The run has ended, and this process with it."""


class _Process:
    """A deed in a thread of its own, which runs only between `resume` and its next `pause`."""

    def __init__(self, deed: Deed) -> None:
        self._deed = deed
        self._its_turn, self._has_paused = threading.Lock(), threading.Lock()
        self._its_turn.acquire()
        self._has_paused.acquire()
        self._is_over = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def resume(self) -> None:
        self._its_turn.release()
        self._has_paused.acquire()
        if self._error:
            raise self._error

    def pause(self) -> None:
        self._has_paused.release()
        self._its_turn.acquire()
        if self._is_over:
            raise Over

    def end(self) -> None:
        self._is_over = True
        self._its_turn.release()
        self._thread.join()

    def _run(self) -> None:
        self._its_turn.acquire()
        try:
            if not self._is_over:
                self._deed()
        except Over:
            pass
        except BaseException as error:
            self._error = error
        self._has_paused.release()


class Timeline:
    """Processes in virtual time; `now` is ms."""

    def __init__(self, now: int) -> None:
        """Begin at a moment."""
        self.now = now
        self._numbers = count()
        self._queue: list[tuple[int, int, Deed | _Process]] = []
        self._running: _Process | None = None

    def at(self, moment: int, deed: Deed) -> None:
        """Let a process begin at a moment (ms)."""
        heapq.heappush(self._queue, (max(self.now, moment), next(self._numbers), deed))

    def wait(self, milliseconds: int) -> None:
        """Let the process that calls this go on later, and all others meanwhile."""
        process = self._running
        if process is None:
            return
        entry = (self.now + milliseconds, next(self._numbers), process)
        if not self._queue or entry < self._queue[0]:
            self.now = entry[0]  # it is its own turn again
            return
        heapq.heappush(self._queue, entry)
        process.pause()

    def run(self, until: int) -> bool:
        """Run until nothing is left to do, or until a moment (ms); tell which it was."""
        try:
            while self._queue and self._queue[0][0] <= until:
                self.now, _, what = heapq.heappop(self._queue)
                self._running = what if isinstance(what, _Process) else _Process(what)
                self._running.resume()
            return not self._queue
        finally:
            self._running = None
            self._end()

    def _end(self) -> None:
        for _, _, what in self._queue:
            if isinstance(what, _Process):
                what.end()
        self._queue.clear()
