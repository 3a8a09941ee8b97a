"""Setting up the virtual environments, with the commands recorded instead of run."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools import environments
from tools.environments import ENVIRONMENTS, Environment, PrerequisiteError

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """An environment that is not there yet."""
    requirements = tmp_path / "dev.txt"
    requirements.write_text("one==1")
    return Environment("dev", tmp_path / "env", requirements, "tests")


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, environment: Environment) -> list[list[str]]:
    """The commands that would have run."""
    ran: list[list[str]] = []

    def run(command: Sequence[str], **_: object) -> None:
        environment.folder.mkdir(exist_ok=True)
        ran.append(list(command))

    monkeypatch.setattr(subprocess, "run", run)
    return ran


def test_sets_up_an_environment_once(environment: Environment, commands: list[list[str]]) -> None:
    assert environments.set_up(environment)
    first = len(commands)

    assert not environments.set_up(environment)
    assert len(commands) == first


def test_sets_it_up_anew_when_its_requirements_changed(
    environment: Environment, commands: list[list[str]]
) -> None:
    environments.set_up(environment)
    environment.requirements.write_text("one==2")

    assert environments.set_up(environment)


def test_an_interrupted_set_up_is_not_taken_for_a_finished_one(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        environment.folder.mkdir()
        raise subprocess.CalledProcessError(1, "pip")

    monkeypatch.setattr(subprocess, "run", interrupted)

    with pytest.raises(subprocess.CalledProcessError):
        environments.set_up(environment)

    assert not environment.is_current()


@pytest.mark.parametrize("uv", ["/bin/uv", None])
def test_installs_nothing_that_is_not_pinned_with_a_hash(
    environment: Environment,
    commands: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    uv: str | None,
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: uv)

    environments.set_up(environment)

    install = commands[-1]
    assert "--require-hashes" in install
    assert "--no-deps" in install
    assert (install[0] == uv) is (uv is not None)


def test_installs_the_command_line_with_nothing_but_what_is_there(
    environment: Environment, commands: list[list[str]]
) -> None:
    environments.set_up(replace(environment, has_project=True))

    assert commands[-1][-2:] == ["--editable", str(environments.PROJECT)]
    assert {"--no-deps", "--no-build-isolation"} <= {*commands[-1]}
    assert "--require-hashes" in commands[-2]


def test_says_which_python_is_needed() -> None:
    with pytest.raises(PrerequisiteError, match=r"3\.11 to 3\.13 is needed, .* this is 3\.10"):
        environments.check_prerequisites((3, 10))
    with pytest.raises(PrerequisiteError, match=r"this is 3\.14"):
        environments.check_prerequisites((3, 14))


def test_says_how_to_get_the_venv_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)

    with pytest.raises(PrerequisiteError, match="no venv module: install it"):
        environments.check_prerequisites()


@pytest.mark.parametrize("environment_name", ENVIRONMENTS)
def test_the_requirements_name_no_registry_and_no_folder_of_a_machine(
    environment_name: str,
) -> None:
    pinned = ENVIRONMENTS[environment_name].requirements.read_text()

    assert "index-url" not in pinned
    assert "://" not in pinned
    assert " /" not in pinned


def test_functions_on_the_local_stack_find_no_package_that_the_layer_should_bring() -> None:
    layer = Path("layers/dependencies/requirements.txt").read_text()
    beside_functions = ENVIRONMENTS["ministack"].requirements.read_text()

    only_in_layer = _names(layer) - _names(beside_functions)

    assert {"aws-lambda-powertools", "httpx"} <= only_in_layer


def _names(requirements: str) -> set[str]:
    return {line.split("==")[0] for line in requirements.splitlines() if "==" in line}
