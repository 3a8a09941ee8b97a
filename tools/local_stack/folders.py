"""Where the local stack finds the project and keeps its own files."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
TEMPLATE = PROJECT / "template.yaml"
LOCAL = PROJECT / ".local"
SAM_ENVIRONMENT = LOCAL / "envs" / "sam"
MINISTACK_ENVIRONMENT = LOCAL / "envs" / "ministack"
STACKS = LOCAL / "stacks"
BUILDS = LOCAL / "builds"


@dataclass(frozen=True)
class StackFolder:
    """The files of one running stack, so that several can run side by side."""

    root: Path

    @classmethod
    def named(cls, name: str) -> StackFolder:
        """Return the folder of a stack beside the one of `make up`."""
        return cls(STACKS / name)

    @classmethod
    def every(cls) -> list[StackFolder]:
        """Return the folders of all stacks beside the one of `make up`."""
        return [cls(folder) for folder in sorted(STACKS.glob("*"))]

    @property
    def logs(self) -> Path:
        """Return the folder of the logs."""
        return self._made("logs")

    @property
    def state(self) -> Path:
        """Return the folder of MiniStack's objects."""
        return self._made("state")

    @property
    def temporary(self) -> Path:
        """Return the folder that the stack's processes use in place of the system's."""
        return self._made("tmp")

    @property
    def environment(self) -> Path:
        """Return the file of shell variables that describe the stack."""
        return self.root / "stack.env"

    def lock(self, process: str) -> Path:
        """Return the file that a background process holds locked while it lives."""
        return self._made("processes") / f"{process}.pid"

    def forget(self) -> None:
        """Remove what an ended stack leaves behind, but its logs."""
        for folder in (self.state, self.temporary):
            shutil.rmtree(folder, ignore_errors=True)

    def _made(self, name: str) -> Path:
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder
