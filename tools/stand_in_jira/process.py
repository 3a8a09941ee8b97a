"""Runs a stand-in as a process of its own, for as long as somebody needs it."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tools.stand_in.process import PROJECT, stop, wait_until_ready
from tools.stand_in_jira.client import StandInJira

if TYPE_CHECKING:
    from collections.abc import Iterator

EMAIL = "relay@example.com"
API_TOKEN = "local"  # noqa: S105 - of nobody's account


@contextmanager
def running() -> Iterator[StandInJira]:
    """Start a stand-in on a free port, hand out its client, and stop it."""
    with TemporaryDirectory() as folder:
        ready_file = Path(folder) / "ready"
        process = start(ready_file)
        try:
            with StandInJira(wait_until_ready(process, ready_file)) as stand_in:
                yield stand_in
        finally:
            stop(process)


def start(
    ready_file: Path, *, email: str = EMAIL, api_token: str = API_TOKEN, port: int = 0
) -> subprocess.Popen[bytes]:
    """Start a stand-in and return at once; the ready file gets its URL when it answers.

    It outlives the terminal, as a stack in the background has to: stop it by its pid.
    """
    options = {
        "--port": str(port),
        "--email": email,
        "--api-token": api_token,
        "--ready-file": str(ready_file),
    }
    words = (word for pair in options.items() for word in pair)
    command = [sys.executable, "-m", "tools.stand_in_jira", *words]
    return subprocess.Popen(  # noqa: S603 - our own module, and no shell
        command, cwd=PROJECT, stdout=subprocess.DEVNULL, start_new_session=True
    )
