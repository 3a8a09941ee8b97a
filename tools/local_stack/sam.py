"""The SAM command line: builds the real template and deploys it to the local AWS."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tools.local_stack import aws
from tools.local_stack.errors import SamError
from tools.local_stack.folders import BUILDS, SAM_ENVIRONMENT, TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

STACK_NAME = "cmp-relay"
TAIL_CHARACTERS = 3000
CAUSE_CHARACTERS = 1000


def host_parameters() -> dict[str, str]:
    """Return the template's parameters for the interpreter and the processor at hand."""
    arm = platform.machine() in {"aarch64", "arm64"}
    return {
        "PythonRuntime": f"python{sys.version_info.major}.{sys.version_info.minor}",
        "Architecture": "arm64" if arm else "x86_64",
    }


@contextlib.contextmanager
def build_held() -> Iterator[None]:
    """Keep the builds to ourselves: stacks that start at once share them."""
    BUILDS.mkdir(parents=True, exist_ok=True)
    with (BUILDS / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def build(log: Path, parameters: Mapping[str, str] | None = None) -> Path:
    """Build functions and layers, for this machine unless the parameters name another.

    Returns the folder of what was built. Each target has its own, since SAM forgets what it has
    cached for one when it builds another beside it; and none is the project's `.aws-sam`, since a
    later `sam deploy` to a real account would ship what is there.

    Raises:
        SamError: with the end of what SAM printed.
    """
    wanted = parameters or host_parameters()
    folder = BUILDS / "-".join(wanted.values())
    folder.mkdir(parents=True, exist_ok=True)
    command = ["build", "--template-file", str(TEMPLATE), "--cached", "--parallel"]
    _run([*command, *_overrides(wanted)], env={}, cwd=folder, log=log)
    return folder / ".aws-sam" / "build"


def deploy(built: Path, endpoint: str, parameters: Mapping[str, str], log: Path) -> None:
    """Deploy what was built to the AWS at the endpoint.

    Raises:
        SamError: with the end of what SAM printed.
    """
    command = ["deploy", "--template-file", str(built / "template.yaml")]
    command += ["--stack-name", STACK_NAME, "--region", aws.REGION]
    command += ["--capabilities", "CAPABILITY_IAM", "--resolve-s3", "--no-progressbar"]
    command += ["--no-confirm-changeset", "--no-fail-on-empty-changeset"]
    overrides = _overrides({**host_parameters(), **parameters})
    _run([*command, *overrides], env=aws.environment(endpoint), cwd=built, log=log)


def _overrides(parameters: Mapping[str, str]) -> list[str]:
    overrides = [f"{name}={_quoted(value)}" for name, value in parameters.items()]
    return ["--parameter-overrides", *overrides]


def _quoted(value: str) -> str:
    """Quote a value for SAM, which takes what is between spaces for parameters of their own."""
    escaped = value.replace('"', '\\"')
    return f'"{escaped}"' if set(value) & {" ", '"'} else value


def _run(arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path) -> None:
    with log.open("w") as written:
        done = subprocess.run(  # noqa: S603  # our own command
            [str(SAM_ENVIRONMENT / "bin" / "sam"), *arguments],
            cwd=cwd,
            env=_environment() | dict(env),
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        message = f"`sam {arguments[0]}` failed:\n{_cause(log.read_text(errors='replace'))}"
        raise SamError(message)


def _cause(printed: str) -> str:
    """Return the first failed resource of a deployment, else the end of what was printed."""
    _, failed, rest = printed.partition("CREATE_FAILED")
    return failed + rest[:CAUSE_CHARACTERS] if failed else printed[-TAIL_CHARACTERS:]


def _environment() -> dict[str, str]:
    """Return an environment without the developer's AWS account, our python first on its PATH."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    # `sam build` takes the pythonX.Y that it finds there and its pip; a shim would not do.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return kept | {"PATH": path, "SAM_CLI_TELEMETRY": "0", "AWS_EC2_METADATA_DISABLED": "true"}
