"""Where `sam local` keeps what it builds and writes."""

from __future__ import annotations

from tools.local_stack.folders import LOCAL

ROOT = LOCAL / "sam-local"
BUILT = ROOT / "build"
LOGS = ROOT / "logs"
PROCESSES = ROOT / "processes"
# Kept from run to run: images are made once.
DOCKER_DATA = ROOT / "docker"


def prepare() -> None:
    """Make the folders that others expect to be there."""
    for folder in (LOGS, PROCESSES):
        folder.mkdir(parents=True, exist_ok=True)
