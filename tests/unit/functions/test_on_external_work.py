import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest

from functions.on_external_work import app
from tests.support import external_steps
from tests.support.cmp_transport import CmpTransport
from tests.support.external_steps import ASSETS, RESOURCES, SUB_STEP, TASK, WORK
from tests.support.publish_jobs import receipt
from tests.support.worker_stack import CONTEXT, WorkerStack, worker_stack

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

STARTED = "external_sub_step_started"


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
    transport = CmpTransport(RESOURCES)
    transport.install(monkeypatch)
    return transport


def handle(stack: WorkerStack, raw: bytes) -> None:
    (message,) = stack.deliver(raw, receipt("d1", now()))
    assert app.handler(stack.event(message), CONTEXT) == {"batchItemFailures": []}


def test_tells_of_an_external_step_with_what_cmp_shows(
    stack: WorkerStack, cmp: CmpTransport
) -> None:
    handle(stack, external_steps.body(STARTED))

    (event,) = stack.announced()
    assert event["detail-type"] == "ExternalWorkStarted"
    assert event["detail"]["sub_step"]["title"] == "Legal review"
    assert {href for href, _ in cmp.asked} == {SUB_STEP, TASK, WORK, ASSETS}
    assert {token for _, token in cmp.asked} == {"Bearer token"}
    assert stack.outcomes() == {"d1.0": "applied"}


def test_the_token_goes_to_no_link_outside_of_cmp(stack: WorkerStack, cmp: CmpTransport) -> None:
    elsewhere = SUB_STEP.replace("optimizely.com", "optimizely.com.example.com")
    raw = external_steps.body(STARTED).replace(SUB_STEP.encode(), elsewhere.encode())

    handle(stack, raw)

    assert cmp.asked == []
    assert stack.announced() == []
    ((_, attributes),) = stack.dead_letters()
    assert attributes["reason"] == "untrusted_link"
