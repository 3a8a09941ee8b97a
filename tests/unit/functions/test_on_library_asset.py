import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest

from functions.on_library_asset import app
from tests.support import samples
from tests.support.cmp_transport import CmpTransport
from tests.support.publish_jobs import API, receipt
from tests.support.worker_stack import CONTEXT, WorkerStack, worker_stack

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

ASSET_ID = samples.sample("asset_added")["data"]["asset"]["id"]
LINK = f"{API}/images/{ASSET_ID}"


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


def deliver(stack: WorkerStack, name: str, received_at: int) -> str:
    (message,) = stack.deliver(samples.raw(name), receipt(name, received_at))
    return message


def test_brings_what_the_library_shows(stack: WorkerStack, monkeypatch: pytest.MonkeyPatch) -> None:
    cmp = CmpTransport({LINK: {"id": ASSET_ID, "title": "Shown"}})
    cmp.install(monkeypatch)

    answer = app.handler(stack.event(deliver(stack, "asset_added", now())), CONTEXT)

    assert answer == {"batchItemFailures": []}
    assert cmp.asked == [(LINK, "Bearer token")]
    item = stack.asset(ASSET_ID)
    assert (item["library"], item["title"], item["published"]) == ("present", "Shown", False)
    assert [event["detail-type"] for event in stack.announced()] == ["LibraryAssetChanged"]
    assert len(stack.documents()) == 1


def test_believes_the_removal_of_an_asset_that_nobody_spoke_of(
    stack: WorkerStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    cmp = CmpTransport({})
    cmp.install(monkeypatch)

    answer = app.handler(stack.event(deliver(stack, "asset_removed", now())), CONTEXT)

    assert answer == {"batchItemFailures": []}
    assert (cmp.asked, stack.documents()) == ([], {})
    assert stack.asset(ASSET_ID)["library"] == "removed"
    assert [event["detail-type"] for event in stack.announced()] == ["LibraryAssetRemoved"]


def test_does_not_need_the_archive(stack: WorkerStack, monkeypatch: pytest.MonkeyPatch) -> None:
    CmpTransport({LINK: {"id": ASSET_ID}}).install(monkeypatch)
    message = deliver(stack, "asset_modified", now())
    stack.s3.delete_object(Bucket="archive", Key=receipt("asset_modified", now()).archive_key)

    assert app.handler(stack.event(message), CONTEXT) == {"batchItemFailures": []}
