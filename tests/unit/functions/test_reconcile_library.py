import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from functions.reconcile_library import app
from tests.support import environment
from tests.support.cmp_transport import CmpTransport
from tests.support.publish_jobs import API, link
from tests.support.worker_stack import CONTEXT, WorkerStack, worker_stack

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

FIRST_PAGE = f"{API}/assets?page_size=100"
ROW = {"id": "image-1", "type": "image", "links": {"self": link("image-1")}}


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerStack]:
    with worker_stack(monkeypatch) as made:
        secrets: SecretsManagerClient = boto3.client("secretsmanager")
        token = {"access_token": "token", "expires_at": time.time() + 3600}
        secrets.create_secret(Name="token", SecretString=json.dumps(token))
        made.sqs.create_queue(QueueName="library-asset")
        yield made


def jobs(stack: WorkerStack) -> list[dict[str, Any]]:
    url = environment.queue_url("library-asset")
    found = stack.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in found.get("Messages", [])]


def test_gives_a_job_to_what_the_catalogue_lacks(
    stack: WorkerStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = {"data": [ROW], "pagination": {"next": None}, "total_count": 1}
    cmp = CmpTransport({FIRST_PAGE: page})
    cmp.install(monkeypatch)

    report = app.handler({"source": "schedule"}, CONTEXT)

    assert (report["status"], report["missing"]) == ("finished", 1)
    assert cmp.asked == [(FIRST_PAGE, "Bearer token")]
    (job,) = jobs(stack)
    assert (job["event_name"], job["cause"], job["asset"]) == (
        "asset_added",
        "reconcile",
        {"id": "image-1", "type": "image", "href": link("image-1")},
    )


def test_does_nothing_while_nothing_is_due(
    stack: WorkerStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    cmp = CmpTransport({FIRST_PAGE: {"data": []}})
    cmp.install(monkeypatch)
    app.handler({"source": "schedule"}, CONTEXT)

    assert app.handler({"source": "schedule"}, CONTEXT) == {"status": "idle"}
    assert len(cmp.asked) == 1
