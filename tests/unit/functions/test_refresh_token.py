import json
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import boto3
import httpx
import pytest
from moto import mock_aws

from functions.refresh_token import app
from tests.support import catalogue_table
from tests.support.context import LambdaContext as FakeContext

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_secretsmanager import SecretsManagerClient

PLANTED = "-".join(["must", "not", "show"])


@pytest.fixture
def secrets() -> Iterator["SecretsManagerClient"]:
    with mock_aws():
        catalogue_table.create(boto3.client("dynamodb"))
        client = boto3.client("secretsmanager")
        client.create_secret(Name="token")
        client.create_secret(Name="credentials")
        yield client


def answer(monkeypatch: pytest.MonkeyPatch, response: httpx.Response) -> None:
    def respond(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        return response

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", respond)


def invoke(context: FakeContext) -> dict[str, str]:
    reply: dict[str, str] = app.handler({"source": "schedule"}, cast("LambdaContext", context))
    return reply


def fill_in(secrets: "SecretsManagerClient") -> None:
    content = {"client_id": "id", "client_secret": f"secret-{PLANTED}"}
    secrets.put_secret_value(SecretId="credentials", SecretString=json.dumps(content))


def test_leaves_a_token_and_tells_nobody_its_value(
    secrets: "SecretsManagerClient",
    lambda_context: FakeContext,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "tests")
    fill_in(secrets)
    granted = {"access_token": f"token-{PLANTED}", "expires_in": 3599}
    answer(monkeypatch, httpx.Response(200, json=granted))

    reply = invoke(lambda_context)

    token = json.loads(secrets.get_secret_value(SecretId="token")["SecretString"])
    assert reply == {"status": "refreshed"}
    assert token["access_token"] == f"token-{PLANTED}"
    shown = "".join(capsys.readouterr()) + str([vars(record) for record in caplog.records])
    assert "TokenRefreshed" in shown
    assert "token refreshed" in shown
    assert PLANTED not in shown


def test_says_what_a_person_has_to_do(
    secrets: "SecretsManagerClient",
    lambda_context: FakeContext,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    reply = invoke(lambda_context)

    assert reply == {"status": "credentials", "reason": "the credentials secret has no value"}
    (record,) = caplog.records
    assert (record.levelname, vars(record)["reason"]) == ("ERROR", reply["reason"])
    metrics = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (metrics["CredentialsRefused"], metrics["TokenSecondsLeft"]) == ([1], [0])
