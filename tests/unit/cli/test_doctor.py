"""What the doctor says of the webhooks that CMP shows, or does not."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from cmp_relay_cli import cmp, doctor
from cmp_relay_cli.doctor import Finding
from cmp_relay_cli.stack import Stack

URL = "https://api.example/webhooks/cmp"

Examine = Callable[[Mapping[str, Any]], list[Finding]]


@pytest.fixture
def examine(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Examine:
    made = stack.secrets.create_secret(Name="webhook", SecretString='{"current": "new"}')
    outputs = {**stack.outputs, "WebhookSecretArn": made["ARN"], "WebhookUrl": URL}
    own = replace(stack, outputs=outputs)

    def examined(settings: Mapping[str, Any]) -> list[Finding]:
        @contextmanager
        def connected(_: Stack) -> Iterator[SimpleNamespace]:
            yield SimpleNamespace(settings=SimpleNamespace(get=lambda: settings))

        monkeypatch.setattr(cmp, "connected", connected)
        return [each for each in doctor.webhooks(own, 0) if each.about == "webhook"]

    return examined


def test_tells_no_webhooks_from_settings_that_it_cannot_read(examine: Examine) -> None:
    (none,) = examine({"resources": {"webhooks": []}})
    (unknown,) = examine({"resources": {"webhooks_v2": []}})

    assert (none.level, none.what) == ("problem", "CMP has none that leads here")
    assert unknown.level == "warning"
    assert "a shape that we do not know" in unknown.what
