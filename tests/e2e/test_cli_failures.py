"""What every command says when it cannot begin, and that nothing is changed."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest

from tests.e2e.operator import Operator, visitor
from tests.support import cli_commands
from tests.support.stub_server import stub_server

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

ARGUMENTS: dict[tuple[str, ...], list[str]] = {
    ("assets", "get"): ["nobody"],
    ("assets", "list"): [],
    ("assets", "upload"): [__file__, "--yes"],
    ("backfill",): ["--yes"],
    ("content", "get"): ["nobody"],
    ("content", "list"): [],
    ("content", "publish"): ["nobody", "--channel", "nobody", "--yes"],
    ("content", "upload"): [__file__, "--yes"],
    ("dead-letters", "discard"): ["--all", "--yes"],
    ("dead-letters", "list"): [],
    ("dead-letters", "redrive"): ["--all", "--yes"],
    ("dead-letters", "show"): ["nobody.0"],
    ("doctor",): [],
    ("explain",): ["nobody"],
    ("login",): ["--yes", "--no-browser"],
    ("reconcile",): ["--yes"],
    ("register",): ["--yes"],
    ("replay",): ["--since", "1h", "--yes"],
    ("rotate-secret", "finish"): ["--yes"],
    ("rotate-secret", "start"): ["--yes"],
    ("rotate-secret", "status"): [],
    ("send",): ["asset_unpublished", "--yes"],
    ("status",): [],
}
"""What to give each command, so that it would write what it writes."""
UNKNOWN = {
    "assets get nobody": "no asset nobody",
    "content get nobody": "no content item nobody",
    "content publish nobody --channel nobody --yes": "no content item nobody",
    "dead-letters discard --asset nobody --yes": "nobody is neither a delivery",
    "dead-letters discard --delivery nobody --yes": "nobody is neither a delivery",
    "dead-letters discard --job nobody.0 --yes": "nobody.0 is no dead letter",
    "dead-letters list --asset nobody": "nobody is neither a delivery",
    "dead-letters list --delivery nobody": "nobody is neither a delivery",
    "dead-letters list --job nobody.0": "nobody.0 is no dead letter",
    "dead-letters redrive --asset nobody --yes": "nobody is neither a delivery",
    "dead-letters redrive --delivery nobody --yes": "nobody is neither a delivery",
    "dead-letters redrive --job nobody.0 --yes": "nobody.0 is no dead letter",
    "dead-letters show nobody.0": "nobody.0 is no dead letter",
    "explain nobody": "nobody is neither a delivery",
    "replay --asset nobody --yes": "nobody is neither a delivery",
    "replay --delivery nobody --yes": "nobody is not in the archive",
    "send nobody --yes": "nobody is neither a file nor a sample",
}
"""What each command says of an id that nobody knows."""
EXPIRED = b"""<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code>
<Message>The security token included in the request is expired</Message></Error></ErrorResponse>"""


def test_no_credentials(operator: Operator) -> None:
    told = operator.complaint("status", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")

    assert "no AWS credentials" in told


def test_no_profile(operator: Operator) -> None:
    assert "no such profile" in operator.complaint("status", "--profile", "nobody")


def test_no_aws(operator: Operator) -> None:
    told = operator.complaint("status", AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1")

    assert "AWS does not answer" in told


def complaints(
    operator: Operator, commands: Iterable[Sequence[str]], *words: str
) -> dict[str, str]:
    """Run commands that fail, two at a time, and return the one sentence of each."""

    def complaint(command: Sequence[str]) -> tuple[str, str]:
        told = operator.complaint(*command, *words)
        return " ".join(command), told

    with ThreadPoolExecutor(2) as pool:
        return dict(pool.map(complaint, commands))


class TestEveryCommand:
    """What every command says when it cannot begin: one sentence, and nothing is changed."""

    COMMANDS: ClassVar = [[*command, *words] for command, words in ARGUMENTS.items()]

    def test_there_is_no_other_command(self) -> None:
        assert set(ARGUMENTS) == {*cli_commands.every()}

    def test_no_stack(self, operator: Operator) -> None:
        told = complaints(operator, self.COMMANDS, "--stack-name", "nowhere")

        odd = {
            command: sentence
            for command, sentence in told.items()
            if "no stack nowhere in us-east-1" not in sentence or "--region" not in sentence
        }
        assert odd == {}

    def test_expired_credentials(self, operator: Operator) -> None:
        with stub_server() as aws:
            aws.answers = [(403, EXPIRED)]
            operator.environment["AWS_ENDPOINT_URL"] = aws.url
            told = complaints(operator, self.COMMANDS)

        odd = {
            command: sentence
            for command, sentence in told.items()
            if "credentials have expired" not in sentence or "aws sso login" not in sentence
        }
        assert odd == {}

    def test_no_permission(self, operator: Operator) -> None:
        with visitor(operator) as stranger:
            told = complaints(stranger, self.COMMANDS)

        odd = {
            command: sentence
            for command, sentence in told.items()
            if "may not do DescribeStacks" not in sentence
        }
        assert odd == {}

    def test_an_unknown_id(self, operator: Operator) -> None:
        relay = operator.relay
        operator.environment["CMP_CONTENT_API"] = relay.cmp.base_url
        commands = [words.split() for words in UNKNOWN]

        told = complaints(operator, commands)

        assert {one: told[one] for one in UNKNOWN if UNKNOWN[one] not in told[one]} == {}
        assert {one["method"] for one in relay.cmp.requests("/v")} <= {"GET"}
        pages = relay.stack.boto("dynamodb").get_paginator("scan")
        found = pages.paginate(
            TableName=relay.stack.env["CATALOGUE_TABLE"],
            FilterExpression="contains(pk, :nobody)",
            ExpressionAttributeValues={":nobody": {"S": "nobody"}},
        )
        assert [item for page in found for item in page["Items"]] == []
