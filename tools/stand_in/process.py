"""Runs a stand-in as a process of its own, for as long as somebody needs it."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tools.stand_in.client import StandIn

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).resolve().parents[2]
START_SECONDS = 30.0
STOP_SECONDS = 5.0


class StandInError(Exception):
    """The stand-in did not start."""


@contextmanager
def running(client_id: str, client_secret: str) -> Iterator[StandIn]:
    """Start a stand-in on a free port, hand out its client, and stop it."""
    with TemporaryDirectory() as folder:
        ready_file = Path(folder) / "ready"
        process = start(client_id, client_secret, ready_file)
        try:
            with StandIn(wait_until_ready(process, ready_file)) as stand_in:
                yield stand_in
        finally:
            stop(process)


def start(
    client_id: str, client_secret: str, ready_file: Path, *, port: int = 0
) -> subprocess.Popen[bytes]:
    """Start a stand-in and return at once; the ready file gets its URL when it answers.

    It outlives the terminal, as a stack in the background has to: stop it by its pid.
    """
    options = {
        "--port": str(port),
        "--client-id": client_id,
        "--client-secret": client_secret,
        "--ready-file": str(ready_file),
    }
    command = [
        sys.executable,
        "-m",
        "tools.stand_in",
        *(x for pair in options.items() for x in pair),
    ]
    return subprocess.Popen(  # noqa: S603 - our own module, and no shell
        command, cwd=PROJECT, stdout=subprocess.DEVNULL, start_new_session=True
    )


def wait_until_ready(process: subprocess.Popen[bytes], ready_file: Path) -> str:
    """Wait for the ready file and return the base URL that it holds, or raise StandInError."""
    deadline = time.monotonic() + START_SECONDS
    while not ready_file.exists():
        if process.poll() is not None:
            msg = f"the stand-in ended with exit code {process.returncode} before it answered"
            raise StandInError(msg)
        if time.monotonic() > deadline:
            msg = f"the stand-in did not answer within {START_SECONDS:.0f} s"
            raise StandInError(msg)
        time.sleep(0.02)
    return ready_file.read_text()


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the process, by force if it does not end by itself."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
