"""Lambda's emulator without Docker: the one that SAM ships, with a function as its process.

The function runs from the project's own files, so an edit counts at once and a breakpoint is where
it was set. Its packages are those of the built layer and what Lambda's runtime brings; its time-out
is off, since nobody debugs within 60 seconds. Memory is not limited.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from tools.local_stack import aws
from tools.local_stack.errors import ProcessError
from tools.local_stack.folders import PROJECT, SAM_ENVIRONMENT
from tools.sam_local import folders, runtime
from tools.sam_local.loopback import LOOPBACK
from tools.sam_local.ports import answers, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PATH = "/2015-03-31/functions/function/invocations"
DEBUGGER_PORT = 5678
START_SECONDS = 20.0
GRACE_SECONDS = 5.0
NO_TIME_OUT = 86400  # seconds


@dataclass(frozen=True)
class Emulator:
    """One function, by its folder's name, with its environment variables and its AWS."""

    function: str
    variables: Mapping[str, str]
    endpoint: str
    debug: bool = False
    port: int = field(default_factory=free_port)

    def invoke(self, event: object) -> str:
        """Start the emulator, invoke the function once, and return what it answered.

        Raises:
            ProcessError: the emulator did not start or ended early.
        """
        with self._running():
            try:
                answer = httpx.post(
                    f"http://{LOOPBACK}:{self.port}{PATH}",
                    json=event,
                    timeout=NO_TIME_OUT,
                    trust_env=False,
                )
            except httpx.HTTPError as error:
                message = f"the emulator did not answer: {type(error).__name__}"
                raise ProcessError(message) from error
            return answer.text

    @contextlib.contextmanager
    def _running(self) -> Iterator[None]:
        with tempfile.TemporaryDirectory(prefix="cmp-relay-") as folder:
            program = Path(folder) / "aws-lambda-rie"
            shutil.copy(_program(), program)
            program.chmod(0o755)
            child = subprocess.Popen(  # noqa: S603  # our own command
                [str(program), *self._options(), *self._command()],
                cwd=PROJECT / "functions" / self.function,
                env=self._environment(),
                stdout=2,  # what a function writes is log, not answer
            )
            try:
                self._wait_for(child)
                yield
            finally:
                _end(child)

    def _wait_for(self, child: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not answers(self.port):
            if child.poll() is not None or time.monotonic() > deadline:
                message = "the emulator did not start: the lines above say why"
                raise ProcessError(message)
            time.sleep(0.05)

    def _options(self) -> list[str]:
        return [
            *("--log-level", "error"),
            *("--runtime-interface-emulator-address", f"{LOOPBACK}:{self.port}"),
            *("--runtime-api-address", f"{LOOPBACK}:{free_port()}"),
        ]

    def _command(self) -> list[str]:
        python = str(runtime.ENVIRONMENT / "bin" / "python")
        runs = ["-m", "awslambdaric", "app.handler"]
        if not self.debug:
            return [python, *runs]
        # By its path: the function must not find what lies beside it.
        debugger = str(runtime.site_packages(runtime.DEBUGGER) / "debugpy")
        waits = ["--listen", f"{LOOPBACK}:{DEBUGGER_PORT}", "--wait-for-client"]
        return [python, "-Xfrozen_modules=off", debugger, *waits, *runs]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        packages = [
            PROJECT / "layers" / "cmp_relay",
            folders.BUILT / "DependenciesLayer" / "python",
        ]
        return (
            kept
            | aws.environment(self.endpoint)
            | dict(self.variables)
            | {
                "AWS_LAMBDA_FUNCTION_NAME": self.function,
                "AWS_LAMBDA_FUNCTION_TIMEOUT": str(NO_TIME_OUT),
                "PYTHONPATH": os.pathsep.join(map(str, packages)),
                "PYTHONDONTWRITEBYTECODE": "1",
            }
        )


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the emulator, which ends the function first."""
    child.terminate()
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _program() -> Path:
    arm = platform.machine() in {"aarch64", "arm64"}
    name = f"aws-lambda-rie-{'arm64' if arm else 'x86_64'}"
    (found,) = SAM_ENVIRONMENT.glob(f"lib/python*/site-packages/samcli/local/rapid/{name}")
    return found
