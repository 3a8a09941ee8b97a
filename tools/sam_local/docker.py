"""Docker: the one that runs on this machine, else a daemon of our own for as long as it is needed.

Our own has its socket, its state and its images in folders of its own, and leaves the machine's
firewall and routes alone: what runs in it reaches this machine and nothing else.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

from tools.local_stack.background import BackgroundProcess
from tools.local_stack.errors import ProcessError
from tools.sam_local import folders
from tools.sam_local.errors import DockerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

INSTALL = (
    "Docker is needed and none answers: start it, or install it "
    "(on Debian and Ubuntu as root: `apt-get install docker.io iptables busybox-static`)."
)
RANGES = "{{json .IPAM.Config}}"
HOST = "{{.Endpoints.docker.Host}}"
SECONDS = 300.0
START_SECONDS = 60.0


@dataclass(frozen=True)
class Docker:
    """A Docker engine at an address such as `unix:///var/run/docker.sock`."""

    host: str

    def run(self, *arguments: str, seconds: float = SECONDS) -> str:
        """Run a command of Docker's command line and return what it printed.

        Raises:
            DockerError: with the end of what it said.
        """
        try:
            done = subprocess.run(  # noqa: S603  # our own commands
                ["docker", *arguments],  # noqa: S607  # wherever the system keeps it
                env=os.environ | {"DOCKER_HOST": self.host, "DOCKER_BUILDKIT": "0"},
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            message = f"`docker {arguments[0]}` did not answer: {error}"
            raise DockerError(message) from error
        if done.returncode:
            message = f"`docker {arguments[0]}` failed: {done.stderr.strip()[-1000:]}"
            raise DockerError(message)
        return done.stdout.strip()

    def answers(self) -> bool:
        """Tell whether the engine is there."""
        with contextlib.suppress(DockerError):
            return bool(self.run("version", "--format", "{{.Server.Version}}", seconds=10))
        return False

    def has_image(self, name: str) -> bool:
        """Tell whether an image is here already."""
        with contextlib.suppress(DockerError):
            return bool(self.run("image", "inspect", "--format", "{{.Id}}", name))
        return False

    def remove(self, container: str) -> None:
        """End a container and remove it; one that is gone already is fine."""
        with contextlib.suppress(DockerError):
            self.run("rm", "--force", container)

    def gateway(self) -> str:
        """Return the address that this machine has on the containers' network."""
        ranges = json.loads(self.run("network", "inspect", "bridge", "--format", RANGES))
        return gateway_of(ranges[0])


def gateway_of(addresses: Mapping[str, str]) -> str:
    """Return the gateway of a range of addresses.

    A daemon that has just made its bridge names the subnet alone: there it is the first address.
    """
    return addresses.get("Gateway") or str(next(ip_network(addresses["Subnet"]).hosts()))


@contextlib.contextmanager
def available() -> Iterator[Docker]:
    """Hand out the Docker that runs, else one of our own that ends with the block.

    Raises:
        DockerError: neither is possible; with what to install.
    """
    if shutil.which("docker") is None:
        raise DockerError(INSTALL)
    running = Docker(
        os.environ.get("DOCKER_HOST") or Docker("").run("context", "inspect", "--format", HOST)
    )
    if running.answers():
        yield running
        return
    program = shutil.which("dockerd")
    if program is None or os.geteuid() != 0:
        raise DockerError(INSTALL)
    with _alone(program), _own() as own:
        yield own


def stop() -> bool:
    """End a daemon of ours that an interrupted run left behind and tell whether there was one."""
    return _process().stop()


@contextlib.contextmanager
def _alone(program: str) -> Iterator[None]:
    """Wait for the daemons of other clones: all of them would use the one bridge of the machine."""
    with Path(program).open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _own() -> Iterator[Docker]:
    stop()
    # Not among our folders: the path of a socket has to be short.
    with tempfile.TemporaryDirectory(prefix="cmp-relay-", ignore_cleanup_errors=True) as folder:
        own = Docker(f"unix://{folder}/docker.sock")
        try:
            _process().start(
                _command(own, folder),
                env=os.environ,
                cwd=folders.ROOT,
                is_ready=own.answers,
                seconds=START_SECONDS,
            )
            yield own
        except ProcessError as error:
            raise DockerError(str(error)) from error
        finally:
            stop()


def _process() -> BackgroundProcess:
    return BackgroundProcess("dockerd", folders.PROCESSES / "dockerd.pid", _log())


def _log() -> Path:
    return folders.LOGS / "dockerd.log"


def _command(own: Docker, folder: str) -> list[str]:
    places = {
        "--host": own.host,
        "--data-root": str(folders.DOCKER_DATA),
        "--exec-root": f"{folder}/exec",
        "--pidfile": f"{folder}/docker.pid",
    }
    untouched = ["--iptables=false", "--ip-masq=false", "--ip-forward=false"]
    return ["dockerd", *(word for pair in places.items() for word in pair), *untouched]
