"""MiniStack: the local AWS, which enforces each function's role.

It runs from an environment of its own, since functions are processes of that interpreter and can
import whatever is installed there.
"""

from __future__ import annotations

import os
import socket
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.local_stack import aws
from tools.local_stack.background import BackgroundProcess
from tools.local_stack.folders import MINISTACK_ENVIRONMENT

if TYPE_CHECKING:
    from tools.local_stack.folders import StackFolder

# The functions inherit MiniStack's environment, so nothing of the developer's goes in but these.
INHERITED = ("PATH", "HOME", "LANG")


@dataclass(frozen=True)
class MiniStack:
    """The local AWS of one stack."""

    folder: StackFolder

    @property
    def process(self) -> BackgroundProcess:
        """Return the process in the background."""
        log = self.folder.logs / "ministack.log"
        return BackgroundProcess("MiniStack", self.folder.lock("ministack"), log)

    def start(self) -> str:
        """Start it on a free loopback port and return its endpoint."""
        port = _free_port()
        endpoint = f"http://127.0.0.1:{port}"
        self.process.start(
            [str(MINISTACK_ENVIRONMENT / "bin" / "ministack")],
            env=self._environment(port),
            cwd=self.folder.root,
            is_ready=lambda: _answers(f"{endpoint}/_ministack/ready"),
        )
        return endpoint

    def _environment(self, port: int) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        return inherited | {
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            # Listeners that nobody asked for
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "STATE_DIR": str(self.folder.state),
            "S3_DATA_DIR": str(self.folder.state / "s3"),
            "TMPDIR": str(self.folder.temporary),
            "AWS_DEFAULT_REGION": aws.REGION,
            "AWS_ACCESS_KEY_ID": aws.ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": aws.SECRET_ACCESS_KEY,
            "PYTHONUNBUFFERED": "1",
        }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):  # noqa: S310  # http to loopback
            return True
    except (urllib.error.URLError, OSError):
        return False
