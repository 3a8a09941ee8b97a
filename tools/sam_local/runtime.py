"""The interpreter of the production runtime: functions are built with it and run on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tools.local_stack.folders import LOCAL, PROJECT
from tools.sam_local.errors import PythonError

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNTIME = "python3.13"
ENVIRONMENT = LOCAL / "envs" / "runtime"
DEBUGGER = LOCAL / "envs" / "debug"
# A shim of a version manager answers too, but where it leads to is another folder.
WHERE = "import ensurepip, sys, venv; print(sys.base_prefix)"


def prefix() -> Path:
    """Return the folder that the interpreter is installed in.

    Raises:
        PythonError: it is not here.
    """
    for candidate in _candidates():
        # `python3.13` of any name may be a shim or lack its venv module.
        asked = subprocess.run(  # noqa: S603  # an interpreter found on this machine
            [candidate, "-c", WHERE], capture_output=True, text=True, check=False
        )
        if asked.returncode == 0:
            return Path(asked.stdout.strip())
    message = f"{RUNTIME} is needed, with its venv module: the functions run on it in production."
    raise PythonError(message)


def set_up(*environments: str) -> None:
    """Set up environments of this interpreter, by their names in tools/environments.py.

    Raises:
        PythonError: it is not here, or a package could not be installed.
    """
    python, script = prefix() / "bin" / RUNTIME, PROJECT / "tools" / "environments.py"
    command = [str(python), str(script), *environments]
    done = subprocess.run(command, check=False)  # noqa: S603  # our own
    if done.returncode:
        message = "an environment could not be set up: the lines above say why"
        raise PythonError(message)


def site_packages(environment: Path = ENVIRONMENT) -> Path:
    """Return the folder of an environment's packages."""
    return environment / "lib" / RUNTIME / "site-packages"


def _candidates() -> Iterator[str]:
    if sys.executable.endswith(RUNTIME):
        yield sys.executable
    found = shutil.which(RUNTIME)
    if found:
        yield found
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    version = RUNTIME.removeprefix("python")
    yield from map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/{RUNTIME}"), reverse=True))
