"""What `sam build` makes for arm64 runs on arm64, whatever machine builds it."""

from pathlib import Path

import pytest

from tools.local_stack import sam

pytestmark = pytest.mark.e2e

AARCH64 = 0xB7  # e_machine in the ELF header
PACKAGES = ("boto3", "botocore", "s3transfer")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a build for arm64, which SAM keeps for the next run."""
    parameters = {**sam.host_parameters(), "Architecture": "arm64"}
    with sam.build_held():
        return sam.build(tmp_path_factory.mktemp("sam") / "build.log", parameters)


def machine(file: Path) -> int | None:
    """Return the processor that a file's code is for, None for a file that is no binary."""
    with file.open("rb") as opened:
        header = opened.read(20)
    return int.from_bytes(header[18:20], "little") if header.startswith(b"\x7fELF") else None


def test_a_build_for_arm64_holds_binaries_for_it_alone(built: Path) -> None:
    machines = {
        str(path.relative_to(built)): machine(path) for path in built.rglob("*") if path.is_file()
    }
    binaries = {path: found for path, found in machines.items() if found is not None}

    # pydantic's core at least
    assert any("pydantic_core" in path for path in binaries)
    assert binaries == dict.fromkeys(binaries, AARCH64)


def test_the_layers_leave_boto3_to_the_runtime(built: Path) -> None:
    brought = {path.name for path in built.glob("*Layer/python/*")}

    assert {"aws_lambda_powertools", "cmp_relay", "httpx", "pydantic"} <= brought
    assert not brought & set(PACKAGES)


def test_a_function_is_its_own_code_alone(built: Path) -> None:
    files = {
        path.relative_to(built).as_posix()
        for path in built.glob("*Function/**/*.py")
        if path.name != "__init__.py"
    }

    assert files == {f"{folder.name}/app.py" for folder in built.glob("*Function")}
