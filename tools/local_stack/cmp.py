"""The stand-in for CMP, in the background beside the local AWS."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.local_stack.background import BackgroundProcess
from tools.local_stack.folders import PROJECT

if TYPE_CHECKING:
    from tools.local_stack.credentials import ClientCredentials
    from tools.local_stack.folders import StackFolder


@dataclass(frozen=True)
class CmpProcess:
    """The stand-in CMP of one stack."""

    folder: StackFolder

    @property
    def process(self) -> BackgroundProcess:
        """Return the process in the background."""
        log = self.folder.logs / "stand_in.log"
        return BackgroundProcess("the stand-in CMP", self.folder.lock("stand_in"), log)

    def start(self, credentials: ClientCredentials) -> str:
        """Start it on a free loopback port and return its base URL."""
        ready = self.folder.root / "stand_in.ready"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "tools.stand_in", "--port", "0"]
        command += ["--client-id", credentials.client_id]
        command += ["--client-secret", credentials.client_secret, "--ready-file", str(ready)]
        self.process.start(
            command,
            env=os.environ,
            cwd=PROJECT,
            is_ready=lambda: ready.is_file() and bool(ready.read_text().strip()),
        )
        return ready.read_text().strip()
