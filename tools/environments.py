"""Set up the project's virtual environments from their pinned requirements.

Runs with the system's Python before anything is installed, so it imports nothing but the standard
library. An environment is made anew when its requirements or its interpreter changed.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PROJECT = Path(__file__).resolve().parents[1]
OLDEST_PYTHON = (3, 11)
NEWEST_PYTHON = (3, 13)  # of the template's PythonRuntime
REQUIREMENTS = PROJECT / "tools" / "requirements"

logger = logging.getLogger("environments")


class PrerequisiteError(Exception):
    """Something that a person has to install first."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment, the requirements that it holds, and what it is for.

    `has_project` tells whether the project's own command line is installed into it.
    """

    name: str
    folder: Path
    requirements: Path
    purpose: str
    has_project: bool = False

    @property
    def python(self) -> Path:
        """Return the environment's interpreter."""
        return self.folder / "bin" / "python"

    @property
    def stamp(self) -> Path:
        """Return the file that says what the environment was made from."""
        return self.folder / ".made-from"

    def wanted(self) -> str:
        """Return the fingerprint of the requirements and of the running interpreter."""
        made_from = f"{sys.version}\n{self.folder}\n{self.requirements.read_text()}"
        return hashlib.sha256(made_from.encode()).hexdigest()

    def is_current(self) -> bool:
        """Tell whether the environment was made from what is wanted now."""
        return self.stamp.is_file() and self.stamp.read_text() == self.wanted()


def _environment(name: str, folder: str, purpose: str, *, has_project: bool = False) -> Environment:
    return Environment(name, PROJECT / folder, REQUIREMENTS / f"{name}.txt", purpose, has_project)


DEV = _environment("dev", ".venv", "tests, checks and tools", has_project=True)
SAM = _environment("sam", ".local/envs/sam", "the SAM command line")
MINISTACK = _environment("ministack", ".local/envs/ministack", "the local AWS")
# Of the production runtime's interpreter, so made by that one and when they are needed.
RUNTIME = _environment("runtime", ".local/envs/runtime", "functions outside the local AWS")
DEBUG = _environment("debug", ".local/envs/debug", "debugging functions")
ALWAYS = (DEV, SAM, MINISTACK)
ENVIRONMENTS = {each.name: each for each in (*ALWAYS, RUNTIME, DEBUG)}


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def check_prerequisites(version: tuple[int, ...] = sys.version_info[:2]) -> None:
    """Refuse an interpreter that cannot run the project.

    Raises:
        PrerequisiteError: with a sentence that says what to install.
    """
    if not OLDEST_PYTHON <= version <= NEWEST_PYTHON:
        message = (
            f"Python {_dotted(OLDEST_PYTHON)} to {_dotted(NEWEST_PYTHON)} is needed, as on Lambda, "
            f"and this is {_dotted(version)}: name one with `make PYTHON=python3.13 ...`."
        )
        raise PrerequisiteError(message)
    try:
        import ensurepip  # noqa: F401  # Debian ships both apart
        import venv  # noqa: F401
    except ImportError as error:
        message = (
            "This Python has no venv module: install it (on Debian and Ubuntu "
            f"`apt-get install python{version[0]}.{version[1]}-venv`)."
        )
        raise PrerequisiteError(message) from error


def set_up(environment: Environment) -> bool:
    """Make the environment if it is not current and tell whether that was needed."""
    if environment.is_current():
        return False
    logger.info("setting up %s for %s", environment.folder.name, environment.purpose)
    shutil.rmtree(environment.folder, ignore_errors=True)
    for command in _commands(environment, uv=shutil.which("uv")):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # our own
    environment.stamp.write_text(environment.wanted())
    return True


def _commands(environment: Environment, *, uv: str | None) -> Iterable[list[str]]:
    """Yield the commands that make an environment; pip is in it, since `sam build` needs it.

    The requirements name every package, so nothing is resolved: pip could not anyway, since it
    takes a pin for another requirement when the package is asked for with extras.
    """
    python, folder = str(environment.python), str(environment.folder)
    pinned = ["--no-deps", "--require-hashes", "-r", str(environment.requirements)]
    yield [sys.executable, "-m", "venv", folder]
    install = (
        [uv, "pip", "install", "--quiet", "--python", python]
        if uv
        else [python, "-m", "pip", "install", "--quiet", "--quiet", "--disable-pip-version-check"]
    )
    yield [*install, *pinned]
    if environment.has_project:
        # With the build tool that the requirements have brought: nothing is fetched for it.
        yield [*install, "--no-deps", "--no-build-isolation", "--editable", str(PROJECT)]


def main() -> int:
    """Set up the environments named on the command line, without a name those of every day."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="environment", help=", ".join(ENVIRONMENTS))
    names = parser.parse_args().names or [each.name for each in ALWAYS]
    try:
        check_prerequisites()
        for name in names:
            set_up(ENVIRONMENTS[name])
    except PrerequisiteError as error:
        logger.error("%s", error)
        return 1
    except subprocess.CalledProcessError as error:
        logger.error("setting up the environment failed: the lines above say why")
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
