import json
import time
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from functions.on_other_event import app
from tests.support import samples
from tests.support.cmp_transport import CmpTransport
from tests.support.publish_jobs import receipt
from tests.support.worker_stack import CONTEXT, WorkerStack, worker_stack

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

TASK = samples.sample("task_added")["data"]["task"]
LINK = TASK["links"]["self"]


def now() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerStack]:
    with worker_stack(monkeypatch) as made:
        made.clock.milliseconds = now()
        secrets: SecretsManagerClient = boto3.client("secretsmanager")
        token = {"access_token": "token", "expires_at": time.time() + 3600}
        secrets.create_secret(Name="token", SecretString=json.dumps(token))
        yield made


@pytest.fixture
def cmp(monkeypatch: pytest.MonkeyPatch) -> CmpTransport:
    transport = CmpTransport({LINK: {"id": TASK["id"], "title": "Shown"}})
    transport.install(monkeypatch)
    return transport


def handle(stack: WorkerStack, raw: bytes) -> dict[str, Any]:
    """Let the function have a delivery, and return what the bus was told."""
    (message,) = stack.deliver(raw, receipt(str(uuid.uuid4()), now()))
    assert app.handler(stack.event(message), CONTEXT) == {"batchItemFailures": []}
    (event,) = stack.announced()
    detail: dict[str, Any] = event["detail"]
    return detail


def test_tells_of_an_event_with_what_cmp_shows(stack: WorkerStack, cmp: CmpTransport) -> None:
    detail = handle(stack, samples.raw("task_added"))

    assert cmp.asked == [(LINK, "Bearer token")]
    assert detail["data"] == {"task": TASK}
    assert detail["resource"] == {"id": TASK["id"], "title": "Shown"}
    assert stack.outcomes() == {detail["id"]: "applied"}


def test_the_token_goes_to_no_link_outside_of_cmp(stack: WorkerStack, cmp: CmpTransport) -> None:
    link = "https://api.cmp.optimizely.com.example.com/v3/tasks/1?key=hidden"
    data = {"task": {"links": {"self": link}}}

    detail = handle(stack, json.dumps({"event_name": "task_added", "data": data}).encode())

    assert cmp.asked == []
    assert detail["data"] == data
    assert (detail["resource"], detail["resource_error"]) == (None, "untrusted_link")


def test_asks_nothing_of_a_preview_and_acknowledges_none(
    stack: WorkerStack, cmp: CmpTransport
) -> None:
    detail = handle(stack, samples.raw("content_preview_requested"))

    assert cmp.asked == []
    assert detail["data"]["links"].keys() == {"acknowledge", "complete"}
