"""What every command says when it cannot begin, and that nothing is changed."""

import pytest

from tests.e2e.operator import Operator, visitor
from tests.support.stub_server import stub_server

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

COMMANDS = [
    ["status"],
    ["explain", "nobody"],
    ["dead-letters", "list"],
    ["replay", "--since", "1h", "--yes"],
    ["send", "asset_unpublished", "--yes"],
    ["backfill", "--yes"],
    ["doctor"],
    ["register", "--yes"],
    ["assets", "list"],
    ["dead-letters", "redrive", "--all", "--yes"],
]
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


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
class TestFailures:
    """What every command says when it cannot begin: one sentence, and nothing is changed."""

    def test_no_stack(self, operator: Operator, command: list[str]) -> None:
        told = operator.complaint(*command, "--stack-name", "nowhere")

        assert "no stack nowhere in us-east-1" in told
        assert "--region" in told

    def test_expired_credentials(self, operator: Operator, command: list[str]) -> None:
        with stub_server() as aws:
            aws.answers = [(403, EXPIRED)]
            told = operator.complaint(*command, AWS_ENDPOINT_URL=aws.url)

        assert "credentials have expired" in told
        assert "aws sso login" in told

    def test_no_permission(self, operator: Operator, command: list[str]) -> None:
        with visitor(operator) as stranger:
            told = stranger.complaint(*command)

        assert "may not do DescribeStacks" in told
