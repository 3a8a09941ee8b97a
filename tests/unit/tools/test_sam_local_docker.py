"""What containers need around them: an engine, an interpreter, and the way to the host."""

from __future__ import annotations

import os
import socket
import socketserver
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from tools.sam_local import docker, emulator, image, loopback, memory, runtime, sam, world
from tools.sam_local.docker import Docker
from tools.sam_local.errors import DockerError, PythonError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANOTHER_ADDRESS = "127.0.0.2"


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The programs that are installed, by name; none of them ever runs."""
    installed: dict[str, str] = {}

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, stdout="", stderr="Cannot connect")

    monkeypatch.setattr("shutil.which", installed.get)
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    return installed


def test_without_docker_it_says_what_to_install(commands: dict[str, str]) -> None:
    assert not commands

    with (
        pytest.raises(DockerError, match=r"start it, or install it .*`apt-get install docker\.io"),
        docker.available(),
    ):
        pass


def test_without_an_engine_of_its_own_to_start_it_says_so(commands: dict[str, str]) -> None:
    commands["docker"] = "/usr/bin/docker"

    with pytest.raises(DockerError, match="start it, or install it"), docker.available():
        pass


def test_starts_none_without_the_right_to(
    commands: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.update(docker="/usr/bin/docker", dockerd="/usr/sbin/dockerd")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(DockerError, match="start it, or install it"), docker.available():
        pass


def test_tells_what_docker_refused(commands: dict[str, str]) -> None:
    assert not commands

    with pytest.raises(DockerError, match="`docker pull` failed: Cannot connect"):
        Docker("unix:///nowhere.sock").run("pull", "image")


def test_without_the_production_interpreter_it_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("sys.executable", "/usr/bin/python3.11")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))

    with pytest.raises(PythonError, match=rf"{runtime.RUNTIME} is needed"):
        runtime.prefix()


def test_a_shim_that_leads_nowhere_is_no_interpreter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shim = tmp_path / runtime.RUNTIME
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setattr("shutil.which", lambda _: str(shim))
    monkeypatch.setattr("sys.executable", "/usr/bin/python3.11")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))

    with pytest.raises(PythonError):
        runtime.prefix()


def test_sam_sees_nothing_of_a_developers_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")

    seen = {name for name in sam._environment() if name.startswith("AWS_")}

    assert seen == {"AWS_EC2_METADATA_DISABLED"}


def test_a_function_in_the_emulator_finds_the_local_aws_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    started = emulator.Emulator("refresh_token", {"CMP_SCOPE": ""}, "http://127.0.0.1:1", port=1)

    variables = started._environment()

    assert variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert variables["CMP_SCOPE"] == ""
    assert "AWS_PROFILE" not in variables


def test_the_ports_are_those_of_loopback_services_alone() -> None:
    values = [
        "http://127.0.0.1:4566",
        "http://127.0.0.1:8001,http://localhost:8002/v3",
        "https://api.cmp.optimizely.com:443/v3",
        "http://10.0.0.1:9",
        "INFO",
    ]

    assert loopback.ports(values) == {4566, 8001, 8002}


@pytest.fixture
def shouting_port() -> Iterator[int]:
    """A service on loopback that answers in capitals."""

    class Shouts(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(self.rfile.readline().upper())

    with socketserver.TCPServer((loopback.LOOPBACK, 0), Shouts) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def ask(port: int) -> bytes:
    with socket.create_connection((ANOTHER_ADDRESS, port), timeout=5) as connection:
        connection.sendall(b"hello\n")
        return connection.makefile("rb").read()


@pytest.mark.enable_socket
def test_a_service_answers_under_another_address(shouting_port: int) -> None:
    with loopback.carried([shouting_port], listen=ANOTHER_ADDRESS, target=loopback.LOOPBACK):
        assert [ask(shouting_port), ask(shouting_port)] == [b"HELLO\n", b"HELLO\n"]

    with pytest.raises(ConnectionRefusedError):
        ask(shouting_port)


@pytest.mark.enable_socket
def test_open_connections_do_not_outlast_it(shouting_port: int) -> None:
    with loopback.carried([shouting_port], listen=ANOTHER_ADDRESS, target=loopback.LOOPBACK):
        idle = socket.create_connection((ANOTHER_ADDRESS, shouting_port), timeout=5)
        assert ask_on(idle) == b"HELLO\n"

    assert idle.recv(1) == b""
    idle.close()


def ask_on(connection: socket.socket) -> bytes:
    connection.sendall(b"hello\n")
    return connection.recv(100)


@pytest.mark.enable_socket
def test_a_service_that_is_gone_closes_the_connection() -> None:
    with socket.socket() as probe:
        probe.bind((loopback.LOOPBACK, 0))
        port = probe.getsockname()[1]

    with loopback.carried([port], listen=ANOTHER_ADDRESS, target=loopback.LOOPBACK):
        assert ask(port) == b""


@pytest.mark.parametrize(
    "addresses",
    [
        {"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"},
        {"Subnet": "172.17.0.0/16"},
        {"Subnet": "172.17.0.0/16", "Gateway": ""},
    ],
)
def test_a_bridge_just_made_has_the_first_address(addresses: dict[str, str]) -> None:
    assert docker.gateway_of(addresses) == "172.17.0.1"


@pytest.mark.enable_socket
def test_a_gateway_that_is_not_this_machines_is_left_to_docker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Docker, "gateway", lambda _: "192.0.2.254")  # TEST-NET-1: nobody's

    with world.reachable(Docker("unix:///nowhere.sock"), {"F": {"U": "http://127.0.0.1:1"}}):
        pass


@pytest.mark.enable_socket
def test_a_port_that_is_taken_is_said(monkeypatch: pytest.MonkeyPatch, shouting_port: int) -> None:
    monkeypatch.setattr(Docker, "gateway", lambda _: loopback.LOOPBACK)
    variables = {"F": {"U": f"http://127.0.0.1:{shouting_port}"}}

    with (
        pytest.raises(DockerError, match="cannot be let in"),
        world.reachable(Docker("unix:///nowhere.sock"), variables),
    ):
        pass


def test_the_largest_process_counts() -> None:
    listed = "PID    RSS\n17     15000\n18     74000\n"

    assert memory.largest(listed) == 74000 * 1024
    assert memory.largest("PID    RSS\n") == 0


def test_everything_that_the_image_is_made_of_is_there() -> None:
    files = {file.name for file in image.FILES.iterdir()}

    assert {"beside.Dockerfile", "stand_in.Dockerfile", "root_file_system.sh"} <= files
    assert os.access(image.LOOPBACK, os.X_OK)
