"""How the command line finds the stack that it works on, and what it says of an old one."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest

from cmp_relay_cli.app import main
from cmp_relay_cli.errors import OperatorError
from cmp_relay_cli.stack import Choice

OLD = {
    "StackName": "old",
    "Parameters": [{"ParameterKey": "ApiRequestsPerMinute", "ParameterValue": "100"}],
    "Outputs": [
        {"OutputKey": name, "OutputValue": name.lower()}
        for name in (
            "ArchiveBucket",
            "CatalogueTable",
            "OtherEventDeadLetterQueueUrl",
            "OtherEventQueueUrl",
        )
    ],
}
"""A stack of a release that had no more than this."""


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> Choice:
    cloudformation = SimpleNamespace(describe_stacks=lambda StackName: {"Stacks": [OLD]})
    monkeypatch.setattr(boto3.Session, "client", lambda *_, **__: cloudformation)
    return Choice("old")


def test_a_stack_is_known_by_its_outputs_and_parameters(old: Choice) -> None:
    stack = old.find()

    assert (stack.table, stack.archive, stack.work_queues) == (
        "cataloguetable",
        "archivebucket",
        ["OtherEvent"],
    )
    assert stack.number("ApiRequestsPerMinute") == 100


def test_a_stack_that_is_named_by_its_arn_has_its_own_name(old: Choice) -> None:
    arn = "arn:aws:cloudformation:eu-west-1:123456789012:stack/old/11111111-2222-3333-4444-55555555"

    assert replace(old, name=arn).find().name == "old"


def test_a_stack_of_an_older_release_is_told_by_what_it_lacks(old: Choice) -> None:
    stack = old.find()

    for ask in (lambda: stack.number("BulkShare"), lambda: stack.outputs["BulkShare"]):
        with pytest.raises(OperatorError, match=r"no BulkShare; .* another release .*: deploy"):
            ask()


def test_a_command_says_it_in_a_sentence(
    old: Choice, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["cmp-relay", "assets", "list", "--stack-name", old.name])

    with pytest.raises(SystemExit):
        main()

    told = capsys.readouterr().err
    assert told.startswith("✗ the stack has no TokenSecretArn; it is of another release")
    assert told.count("\n") == 1


@pytest.mark.parametrize("text", ["export AWS_REGION=eu-west-1\n", "export AWS_REGION='eu-w\n"])
def test_a_local_stack_that_is_half_described_is_told_by_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "stack.env").write_text(text)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(OperatorError, match=r"stack.env has no AWS_ACCESS_KEY_ID.*`make up`"):
        Choice(local=True).find()
