"""A process in the background that can be ended by whoever finds its pid file.

The process holds a lock on its pid file through an inherited descriptor. As long as the file is
locked, the pid in it is the pid of that very process: a number used again by another is never hit.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.local_stack.errors import ProcessError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

GRACE_SECONDS = 5.0
POLL_SECONDS = 0.05
TAIL_CHARACTERS = 2000

# What this process has started itself it also has to wait for, whoever asks to end it.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class BackgroundProcess:
    """One program with its children, its pid file and its log."""

    name: str
    pid_file: Path
    log: Path

    def start(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        is_ready: Callable[[], bool],
        seconds: float = 60.0,
    ) -> None:
        """Start the program in a session of its own and wait until it is ready.

        Raises:
            ProcessError: it ended or was not ready in time; the message has the end of its log.
        """
        with self.pid_file.open("w") as held, self.log.open("wb") as log:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            child = subprocess.Popen(  # noqa: S603  # our own commands
                command,
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(held.fileno(),),
                start_new_session=True,
            )
            held.write(str(child.pid))
        _children[child.pid] = child
        self._wait_until(child, is_ready, seconds)

    def is_running(self) -> bool:
        """Tell whether the process of the pid file lives."""
        if not self.pid_file.is_file():
            return False
        with self.pid_file.open() as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def pid(self) -> int | None:
        """Return the pid of the living process, None without one."""
        return int(self.pid_file.read_text()) if self.is_running() else None

    def stop(self) -> bool:
        """End the process and its children and tell whether it was there."""
        pid = self.pid()
        if pid is None:
            return False
        self._signal(pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while self.is_running() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        self._signal(pid, signal.SIGKILL)  # children that outlived the end of their parent
        child = _children.pop(pid, None)
        if child is not None:
            child.wait()
        self.pid_file.unlink(missing_ok=True)
        return True

    def _signal(self, group: int, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, number)

    def _wait_until(
        self, child: subprocess.Popen[bytes], is_ready: Callable[[], bool], seconds: float
    ) -> None:
        deadline = time.monotonic() + seconds
        while not is_ready():
            ended = child.poll() is not None
            if ended or time.monotonic() > deadline:
                self.stop()
                end = self.log.read_text(errors="replace")[-TAIL_CHARACTERS:]
                message = f"{self.name} {'ended' if ended else 'did not answer'}:\n{end}"
                raise ProcessError(message)
            time.sleep(POLL_SECONDS)
