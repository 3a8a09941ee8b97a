import time
from collections.abc import Iterator

import pytest

from functions.on_asset_unpublished import app
from tests.support import samples
from tests.support.cmp_transport import CmpTransport
from tests.support.publish_jobs import receipt
from tests.support.worker_stack import CONTEXT, WorkerStack, worker_stack


def now() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerStack]:
    with worker_stack(monkeypatch) as made:
        made.clock.milliseconds = now()
        yield made


@pytest.mark.parametrize("name", ["asset_unpublished", "asset_unpublished.old"])
def test_closes_publications_without_asking_cmp(
    stack: WorkerStack, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    cmp = CmpTransport({})
    cmp.install(monkeypatch)
    delivered = samples.sample(name)["data"]["assets"]
    ids = {one["id"] for kind in delivered.values() for one in kind}
    messages = stack.deliver(samples.raw(name), receipt(name, now()))

    answer = app.handler(stack.event(*messages), CONTEXT)

    assert answer == {"batchItemFailures": []}
    assert (cmp.asked, stack.documents()) == ([], {})
    assert stack.counts() == {"applied": len(ids)}
    events = stack.announced()
    assert {event["detail"]["asset"]["id"] for event in events} == ids
    assert {event["detail-type"] for event in events} == {"AssetUnpublished"}


def test_does_not_need_the_archive(stack: WorkerStack) -> None:
    raw = samples.raw("asset_unpublished")
    messages = stack.deliver(raw, receipt("no-archive", now()))
    stack.s3.delete_object(Bucket="archive", Key=receipt("no-archive", now()).archive_key)

    answer = app.handler(stack.event(*messages), CONTEXT)

    assert answer == {"batchItemFailures": []}
