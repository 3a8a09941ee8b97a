"""What the local stack derives from the template and writes for people."""

from __future__ import annotations

import shutil
import subprocess
from typing import IO, TYPE_CHECKING

import pytest

from tools.local_stack import environment, http_api, sam
from tools.local_stack.aws import Aws
from tools.local_stack.errors import DeploymentError, StackError
from tools.local_stack.resources import Resource, Resources

if TYPE_CHECKING:
    from pathlib import Path


def stack_of(*resources: Resource) -> Resources:
    by_name = {resource.logical_id: resource for resource in resources}
    return Resources(Aws("http://127.0.0.1:1"), by_name, {})


def test_a_shell_reads_back_every_value_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "stack.env"
    values = {"WEBHOOK_SECRET": """a'b"c$d `e` #f\\g""", "STACK_NAME": "cmp-relay"}

    environment.write(file, values)

    script = f'source {file}; printf %s "$WEBHOOK_SECRET"'
    bash = str(shutil.which("bash"))
    shell = subprocess.run([bash, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
    assert shell.stdout == values["WEBHOOK_SECRET"]
    assert environment.read(file) == values


def test_the_file_of_secrets_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "stack.env"

    environment.write(file, {"WEBHOOK_SECRET": "x"})

    assert file.stat().st_mode & 0o077 == 0


def test_without_a_running_stack_it_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="make up"):
        environment.read(tmp_path / "stack.env")


def test_variables_are_named_as_the_template_names_the_resources() -> None:
    stack = stack_of(
        Resource("AssetPublishedDeadLetterQueue", "AWS::SQS::Queue", "http://queue"),
        Resource("CatalogueTable", "AWS::DynamoDB::Table", "table-1"),
        Resource("OnAssetPublishedFunction", "AWS::Lambda::Function", "function-1"),
        Resource("OnAssetPublishedRole", "AWS::IAM::Role", "role-1"),
    )

    assert stack.variables() == {
        "ASSET_PUBLISHED_DEAD_LETTER_QUEUE_URL": "http://queue",
        "CATALOGUE_TABLE": "table-1",
        "ON_ASSET_PUBLISHED_FUNCTION": "function-1",
    }


def test_a_template_without_an_http_api_is_refused() -> None:
    stack = stack_of()

    with pytest.raises(DeploymentError, match="no HTTP API"):
        http_api.add_routes(stack.aws, stack, {"Resources": {}})


def test_sam_never_sees_the_developers_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, str] = {}

    def run(
        command: list[str], *, env: dict[str, str], **_: object
    ) -> subprocess.CompletedProcess[str]:
        seen.update(env)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setenv("AWS_PROFILE", "production")

    sam.deploy(tmp_path, "http://127.0.0.1:1", {}, tmp_path / "log")

    assert "AWS_PROFILE" not in seen
    assert seen["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert seen["SAM_CLI_TELEMETRY"] == "0"


def test_a_failed_deployment_names_the_resource_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(
        command: list[str], *, stdout: IO[str], **_: object
    ) -> subprocess.CompletedProcess[str]:
        stdout.write("CREATE_FAILED CatalogueTable no such type\n" + "ROLLBACK\n" * 1000)
        stdout.flush()
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(subprocess, "run", run)

    with pytest.raises(StackError, match="CatalogueTable no such type"):
        sam.deploy(tmp_path, "http://127.0.0.1:1", {}, tmp_path / "log")
