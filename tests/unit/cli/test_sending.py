"""What `cmp-relay send` says of bodies and secrets that cannot be sent."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from cmp_relay_cli import samples, sending
from cmp_relay_cli.app import app
from cmp_relay_cli.errors import OperatorError, UsageError
from cmp_relay_cli.samples import Body
from cmp_relay_cli.stack import Choice, Stack


@pytest.mark.parametrize(
    "content", [b'{"event_name": "caf\xe9"}', b"\xff\xfe{", b"[]", b'{"event": 1}']
)
def test_what_cmp_would_not_send_is_no_delivery(
    stack: Stack, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "body.json"
    file.write_bytes(content)

    with pytest.raises(UsageError, match="is no delivery: it is not JSON"):
        samples.read(stack, str(file))


def test_a_body_is_read_as_cmp_writes_it(stack: Stack, tmp_path: Path) -> None:
    file, text = tmp_path / "body.json", '{"event_name": "task_added", "title": "日本"}'
    file.write_bytes(text.encode())
    own = replace(stack, parameters={"CmpApiOrigins": samples.HOSTS[0]})

    assert samples.read(own, str(file)) == Body("task_added", text)


@pytest.mark.parametrize("secret", ["Sécret-€", "two\nlines", "half \ud83d"])
def test_a_secret_that_no_header_can_carry_is_told_and_not_shown(stack: Stack, secret: str) -> None:
    arn = stack.secrets.create_secret(
        Name="webhook", SecretString=json.dumps({"current": secret, "accepted": []})
    )["ARN"]
    outputs = {**stack.outputs, "WebhookSecretArn": arn, "WebhookUrl": "https://relay.example"}

    with pytest.raises(OperatorError, match="no header can carry: put another one in") as caught:
        sending.send(replace(stack, outputs=outputs), Body("task_added", "{}"), None)
    assert secret not in str(caught.value)


Send = Callable[..., Result]


@pytest.fixture
def send(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Send:
    """Return the command itself, for a webhook that answers so."""
    made = stack.secrets.create_secret(Name="webhook", SecretString='{"current": "s"}')
    outputs = {**stack.outputs, "WebhookSecretArn": made["ARN"], "WebhookUrl": "https://relay.test"}
    own = replace(
        stack, outputs=outputs, parameters={**stack.parameters, "CmpApiOrigins": samples.HOSTS[0]}
    )
    monkeypatch.setattr(Choice, "find", lambda _: own)

    def run(answer: httpx.Response | Exception, *words: str) -> Result:
        def handle(request: httpx.Request) -> httpx.Response:
            if isinstance(answer, Exception):
                raise answer
            return answer

        def post(url: str, *, timeout: float, **body: Any) -> httpx.Response:  # noqa: ANN401
            with httpx.Client(transport=httpx.MockTransport(handle)) as client:
                return client.post(url, **body)

        monkeypatch.setattr(httpx, "post", post)
        return CliRunner().invoke(app, ["send", "asset_added", "--yes", *words])

    return run


@pytest.mark.parametrize("lost", [httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x")])
def test_a_delivery_whose_answer_is_lost_may_have_come(send: Send, lost: Exception) -> None:
    told = str(send(lost).exception)

    assert told.startswith("it is not known whether the delivery was received (no answer came: ")
    assert "`cmp-relay status` before you do it again" in told


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (httpx.ConnectError("x"), "cannot be reached: ConnectError"),
        (httpx.Response(401), "answered 401: the log of receive_webhook"),
        (httpx.Response(202, text="<html>ok"), "answered 202, but not as the relay does"),
        (httpx.Response(202, json=["ok"]), "answered 202, but not as the relay does"),
        (
            httpx.Response(202, json={"delivery_id": "d", "jobs": 0}),
            "no job: `cmp-relay explain d`",
        ),
    ],
)
def test_what_comes_of_no_delivery_is_told_in_a_sentence(
    send: Send, answer: httpx.Response | Exception, why: str
) -> None:
    ended = send(answer)

    assert isinstance(ended.exception, OperatorError)
    assert why in str(ended.exception)


def test_a_channel_that_no_url_holds_is_a_wrong_command_line(send: Send) -> None:
    ended = send(httpx.Response(202), "--channel", "a\tb")

    assert isinstance(ended.exception, UsageError)
    assert "name another --channel" in str(ended.exception)
