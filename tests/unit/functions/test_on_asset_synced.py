import json
import time
from collections.abc import Iterator

import boto3
import pytest

from functions.on_asset_synced import app
from tests.support.cmp_transport import CmpTransport
from tests.support.publish_jobs import body, entry, link, receipt
from tests.support.worker_stack import CONTEXT, WorkerStack, worker_stack

NEWER = "2026-11-21T11:30:00Z"


def now() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerStack]:
    with worker_stack(monkeypatch) as made:
        made.clock.milliseconds = now()
        token = json.dumps({"access_token": "token", "expires_at": time.time() + 3600})
        boto3.client("secretsmanager").create_secret(Name="token", SecretString=token)
        yield made


def test_brings_the_version_that_was_added(
    stack: WorkerStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.api.resources[link("image-1")] = entry()
    stack.work(*stack.deliver(body("asset_published", [entry()]), receipt("first", now())))
    newer = entry(title="Second version", modified_at=NEWER)
    CmpTransport({link("image-1"): newer}).install(monkeypatch)
    raw = body("asset_synced", [entry(modified_at=NEWER)])

    answer = app.handler(stack.event(*stack.deliver(raw, receipt("second", now()))), CONTEXT)

    assert answer == {"batchItemFailures": []}
    assert stack.asset()["title"] == "Second version"
    assert [event["detail-type"] for event in stack.announced()] == [
        "AssetPublished",
        "AssetSynced",
    ]


def test_a_sync_that_comes_first_is_the_beginning_of_the_publication(
    stack: WorkerStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    CmpTransport({link("image-1"): entry()}).install(monkeypatch)
    messages = stack.deliver(body("asset_synced", [entry()]), receipt("synced", now()))

    answer = app.handler(stack.event(*messages), CONTEXT)

    assert answer == {"batchItemFailures": []}
    assert stack.asset()["published"] is True
    assert stack.counts() == {"applied": 1}
