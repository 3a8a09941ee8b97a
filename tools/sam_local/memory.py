"""How much memory a function needs: the emulator reports the limit, so it is watched from outside.

What is counted is the resident memory of the container's largest process, which is the function's
interpreter. Looking every tenth of a second can miss a peak; Python gives little back, so what is
there at the end is close to it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from tools.sam_local.errors import DockerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from tools.sam_local.docker import Docker

PAUSE_SECONDS = 0.1
KILOBYTE = 1024


class Peak:
    """Watches the containers that `containers` names for as long as the context lasts."""

    def __init__(self, docker: Docker, containers: Callable[[], Iterable[str]]) -> None:
        """Prepare the watch."""
        self.bytes: int | None = None
        self._docker = docker
        self._containers = containers
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        """Start watching."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop watching."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(PAUSE_SECONDS):
            for container in self._containers():
                self._look(container)

    def _look(self, container: str) -> None:
        try:
            listed = self._docker.run("top", container, "-eo", "pid,rss")
        except DockerError:
            return  # not running yet, or no more
        seen = largest(listed)
        self.bytes = max(seen, self.bytes or 0) or None


def largest(listed: str) -> int:
    """Return the most resident bytes of one process in a list of `pid rss` with rss in KiB."""
    lines = [line.split() for line in listed.splitlines()[1:]]
    return max((int(words[1]) for words in lines if len(words) > 1), default=0) * KILOBYTE
