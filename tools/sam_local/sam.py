"""The SAM command line as people use it on their own machine: build, invoke, start-api."""

from __future__ import annotations

import json
import os
import re
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.local_stack import aws
from tools.local_stack.background import BackgroundProcess
from tools.local_stack.errors import SamError
from tools.local_stack.folders import SAM_ENVIRONMENT, TEMPLATE
from tools.local_stack.sam import build_held, host_parameters
from tools.sam_local import folders, loopback, runtime
from tools.sam_local.memory import Peak
from tools.sam_local.ports import answers, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tools.sam_local.docker import Docker

SAM = str(SAM_ENVIRONMENT / "bin" / "sam")
CONTAINER = re.compile(r"SAM_CONTAINER_ID: ([0-9a-f]+)")
DURATION = re.compile(r"\tDuration: ([\d.]+) ms")
TAIL_CHARACTERS = 3000
INVOKE_SECONDS = 300.0


@dataclass(frozen=True)
class Invocation:
    """What one invocation printed, how long it took and what it needed."""

    answer: str
    milliseconds: float | None
    peak_bytes: int | None


def parameters() -> dict[str, str]:
    """Return the template's parameters for the production runtime on this processor."""
    return {**host_parameters(), "PythonRuntime": runtime.RUNTIME}


def build() -> Path:
    """Build functions and layers for the production runtime and return the template built.

    Raises:
        SamError: with the end of what SAM printed.
    """
    runtime.set_up("runtime")
    log = folders.LOGS / "sam-build.log"
    options = ["--build-dir", str(folders.BUILT), "--cache-dir", str(folders.ROOT / "cache")]
    command = [SAM, "build", "--template-file", str(TEMPLATE), "--cached", "--parallel", *options]
    with build_held(), log.open("w") as written:
        done = subprocess.run(  # noqa: S603  # our own command
            [*command, *_overrides()],
            cwd=folders.ROOT,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        message = f"`sam build` failed:\n{log.read_text(errors='replace')[-TAIL_CHARACTERS:]}"
        raise SamError(message)
    return folders.BUILT / "template.yaml"


@dataclass(frozen=True)
class SamLocal:
    """`sam local` on what was built, with the functions on one image and on one AWS."""

    template: Path
    docker: Docker
    image: str
    endpoint: str
    variables: dict[str, dict[str, str]]

    def invoke(self, function: str, event: object) -> Invocation:
        """Invoke a function by its logical id in a container of its own, with `sam local invoke`.

        Nothing is judged: SAM ends with 0 whatever became of the function.
        """
        log = folders.LOGS / f"{function}.log"
        with log.open("w") as written:
            child = subprocess.Popen(  # noqa: S603  # our own command
                [SAM, "local", "invoke", function, "--event", "-", *self._options()],
                cwd=folders.ROOT,
                env=self._environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=written,
                text=True,
            )
            try:
                with Peak(self.docker, lambda: self._containers(log)) as peak:
                    answer, _ = child.communicate(json.dumps(event), timeout=INVOKE_SECONDS)
            except subprocess.TimeoutExpired:
                answer = f"`sam local invoke` did not end within {INVOKE_SECONDS:.0f} s"
            finally:
                child.kill()
                child.wait()
                self._remove_containers(log)
        told = DURATION.search(log.read_text(errors="replace"))
        return Invocation(answer.strip(), float(told[1]) if told else None, peak.bytes)

    @contextmanager
    def api(self) -> Iterator[str]:
        """Serve the HTTP API with `sam local start-api` and hand out its base URL.

        Raises:
            ProcessError: it did not start; with the end of what it printed.
        """
        served, port = _served(), free_port()
        command = [SAM, "local", "start-api", "--host", loopback.LOOPBACK, "--port", str(port)]
        try:
            served.start(
                [*command, "--warm-containers", "LAZY", *self._options()],
                env=self._environment(),
                cwd=folders.ROOT,
                is_ready=lambda: answers(port),
            )
            yield f"http://{loopback.LOOPBACK}:{port}"
        finally:
            served.stop()
            self._remove_containers(served.log)

    def _options(self) -> list[str]:
        variables = folders.ROOT / "env.json"
        variables.touch(mode=0o600)
        variables.write_text(json.dumps(self.variables))
        options = ["--template-file", str(self.template), "--env-vars", str(variables)]
        options += ["--invoke-image", self.image, "--skip-pull-image", "--region", aws.REGION]
        options += ["--add-host", f"{loopback.HOST}:host-gateway"]
        return [*options, "--layer-cache-basedir", str(folders.ROOT / "layers"), *_overrides()]

    def _environment(self) -> dict[str, str]:
        # SAM hands its own keys to the functions, and asks this AWS whose they are.
        docker = {"DOCKER_HOST": self.docker.host}
        return _environment() | aws.environment(self.endpoint) | docker

    def _containers(self, log: Path) -> list[str]:
        return CONTAINER.findall(log.read_text(errors="replace"))

    def _remove_containers(self, log: Path) -> None:
        """Remove what an interrupted SAM leaves running."""
        for container in self._containers(log):
            self.docker.remove(container)


def stop_api() -> bool:
    """End what serves the HTTP API, left behind by an interrupted run, if there is any."""
    return _served().stop()


def _served() -> BackgroundProcess:
    pid_file = folders.PROCESSES / "start-api.pid"
    return BackgroundProcess("`sam local start-api`", pid_file, folders.LOGS / "start-api.log")


def _overrides() -> list[str]:
    given: dict[str, Any] = parameters()
    return ["--parameter-overrides", *(f"{name}={value}" for name, value in given.items())]


def _environment() -> dict[str, str]:
    """Return an environment without the developer's AWS account, the production Python first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    path = f"{runtime.ENVIRONMENT / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return kept | {"PATH": path, "SAM_CLI_TELEMETRY": "0", "AWS_EC2_METADATA_DISABLED": "true"}
