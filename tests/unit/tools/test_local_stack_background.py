"""Processes in the background, with real ones."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tools.local_stack.background import BackgroundProcess
from tools.local_stack.errors import ProcessError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PARENT = """
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
time.sleep(60)
"""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[BackgroundProcess]:
    """A process that is not started yet and never outlives the test."""
    process = BackgroundProcess("the process", tmp_path / "pid", tmp_path / "log")
    yield process
    process.stop()


def start(process: BackgroundProcess, code: str, ready: Path | None = None) -> None:
    process.start(
        [sys.executable, "-c", code, str(ready)],
        env=os.environ,
        cwd=process.log.parent,
        is_ready=lambda: ready is None or (ready.is_file() and bool(ready.read_text())),
        seconds=20,
    )


def test_is_ended_by_whoever_finds_its_pid_file(process: BackgroundProcess) -> None:
    start(process, "import time; time.sleep(60)")
    found = BackgroundProcess(process.name, process.pid_file, process.log)
    assert found.is_running()

    assert found.stop()

    assert not process.is_running()
    assert not found.stop()


def test_takes_its_children_along(process: BackgroundProcess, tmp_path: Path) -> None:
    start(process, PARENT, tmp_path / "child")
    child = int((tmp_path / "child").read_text())

    process.stop()

    assert has_ended(child)


def test_never_signals_a_process_that_merely_got_the_pid(process: BackgroundProcess) -> None:
    process.pid_file.write_text(str(os.getpid()))

    assert not process.stop()


def test_says_what_a_process_printed_that_did_not_start(process: BackgroundProcess) -> None:
    with pytest.raises(ProcessError, match=r"(?s)the process ended:.*no such port"):
        start(process, "raise SystemExit('no such port')", process.log.parent / "never")


def has_ended(pid: int) -> bool:
    """Wait for a process that is not our child, so that nobody tells us."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        # An orphan stays a zombie where nothing collects it, as in a container without init.
        if _state(pid) in {"", "Z"}:
            return True
        time.sleep(0.05)
    return False


def _state(pid: int) -> str:
    command = ["ps", "-o", "stat=", "-p", str(pid)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return shown.stdout.strip()[:1]
