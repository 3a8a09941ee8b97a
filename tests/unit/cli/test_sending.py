"""What `cmp-relay send` says of bodies and secrets that cannot be sent."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cmp_relay_cli import samples, sending
from cmp_relay_cli.errors import OperatorError, UsageError
from cmp_relay_cli.samples import Body
from cmp_relay_cli.stack import Stack


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
