"""What `pipx install .` installs: the command line with all of our own code that it needs."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tools.environments import PROJECT

COLUMNS, LINES = 80, 24
"""One screen."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and install it into an environment of its own, with nothing fetched."""
    folder = tmp_path_factory.mktemp("pipx")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    offline = ["--no-deps", "--no-index", "--no-build-isolation"]
    environment = folder / "environment"
    python = environment / "bin" / "python"
    for command in (
        [*pip, "wheel", *offline, "--wheel-dir", str(folder), str(PROJECT)],
        [sys.executable, "-m", "venv", "--without-pip", str(environment)],
    ):
        subprocess.run(command, check=True)  # noqa: S603 - our own
    wheel = next(folder.glob("*.whl"))
    install = [*pip, "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True)  # noqa: S603
    # Dependencies come from here, but not our own code, which is editable here.
    packages = next((environment / "lib").glob("python*/site-packages"))
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return environment / "bin" / "cmp-relay"


@pytest.mark.parametrize(
    ("word", "expected"), [("--help", "Usage: cmp-relay [OPTIONS]"), ("--version", "cmp-relay 0.")]
)
def test_the_installed_command_tells_what_it_is_on_one_screen(
    installed: Path, tmp_path: Path, word: str, expected: str
) -> None:
    ended = subprocess.run(  # noqa: S603
        [installed, word],
        cwd=tmp_path,
        env={"COLUMNS": str(COLUMNS)},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = ended.stdout.splitlines()

    assert lines[0].startswith(expected)
    assert len(lines) < LINES  # the prompt takes one
    assert max(map(len, lines)) <= COLUMNS


def test_its_own_code_is_in_the_package(installed: Path) -> None:
    program = (
        "import cmp_relay; from cmp_relay_cli import samples;"
        " print(cmp_relay.__file__, samples.__file__, samples.FOLDERS[0] / 'asset_published.json')"
    )
    ended = subprocess.run(  # noqa: S603
        [installed.with_name("python"), "-c", program], capture_output=True, text=True, check=True
    )

    home = str(installed.parents[1])
    places = ended.stdout.split()
    assert len(places) == 3
    assert all(place.startswith(home) and Path(place).is_file() for place in places)
