import json
from base64 import b64encode
from typing import Any

import pytest

from cmp_relay.delivered import Delivered
from cmp_relay.errors import ArchiveError
from cmp_relay.jobs import PublishJob, read_publish_job
from tests.support.publish_jobs import body, entry, receipt
from tests.support.worker_stack import WorkerStack, clients


@pytest.fixture
def delivered(stack: WorkerStack) -> Delivered:
    return Delivered(clients("workers").objects, "archive")


def deliver(stack: WorkerStack, raw: bytes) -> list[PublishJob]:
    return [read_publish_job(message) for message in stack.deliver(raw, receipt())]


@pytest.mark.parametrize(
    "encode",
    [bytes, lambda raw: b"\xef\xbb\xbf" + raw],
    ids=["plain", "with a byte order mark"],
)
def test_each_job_gets_its_own_entry(stack: WorkerStack, delivered: Delivered, encode: Any) -> None:  # noqa: ANN401
    entries = [entry("1", title="Ä"), entry("2")]

    jobs = deliver(stack, encode(body("asset_published", entries)))

    assert [delivered.entry(job) for job in jobs] == entries


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_body_that_was_kept_as_base64_is_read_too(
    stack: WorkerStack, delivered: Delivered, mark: bytes
) -> None:
    raw = body("asset_published", [entry()])
    (job,) = deliver(stack, raw)
    replace(stack, json.dumps({"encoding": "base64", "body": b64encode(mark + raw).decode()}))

    assert delivered.entry(job) == entry()


def test_the_jobs_of_a_delivery_read_it_once(stack: WorkerStack, delivered: Delivered) -> None:
    jobs = deliver(stack, body("asset_published", [entry("1"), entry("2")]))

    for job in jobs:
        delivered.entry(job)

    assert stack.killer.calls == ["GetObject"]


def test_the_next_delivery_is_read_anew(stack: WorkerStack, delivered: Delivered) -> None:
    messages = [
        *stack.deliver(body("asset_published", [entry(title="first")]), receipt("first")),
        *stack.deliver(body("asset_published", [entry(title="second")]), receipt("second")),
    ]

    titles = [delivered.entry(read_publish_job(message))["title"] for message in messages]

    assert titles == ["first", "second"]


def test_a_delivery_that_is_gone_is_an_error(stack: WorkerStack, delivered: Delivered) -> None:
    (job,) = deliver(stack, body("asset_published", [entry()]))
    stack.s3.delete_object(Bucket="archive", Key=job.archive_key)

    with pytest.raises(ArchiveError, match="gone"):
        delivered.entry(job)


@pytest.mark.parametrize(
    "text",
    [
        "not JSON",
        "[]",
        "{}",
        json.dumps({"encoding": "utf-8", "body": "not JSON"}),
        json.dumps({"encoding": "utf-8", "body": None}),
        json.dumps({"encoding": "utf-8", "body": []}),
        json.dumps({"encoding": "base64", "body": "*"}),
        json.dumps({"encoding": "base64", "body": "/w=="}),
        json.dumps({"encoding": "utf-8", "body": "[" * 100_000}),
    ],
)
def test_an_archive_that_cannot_be_read_is_an_error(
    stack: WorkerStack, delivered: Delivered, text: str
) -> None:
    (job,) = deliver(stack, body("asset_published", [entry()]))
    replace(stack, text)

    with pytest.raises(ArchiveError, match="cannot be read"):
        delivered.entry(job)


def test_a_pointer_that_leads_nowhere_is_an_error(stack: WorkerStack, delivered: Delivered) -> None:
    (job,) = deliver(stack, body("asset_published", [entry()]))

    with pytest.raises(ArchiveError, match="no such entry"):
        delivered.entry(job.model_copy(update={"entry": "/data/assets/images/7"}))


def test_an_entry_that_is_no_object_is_an_error(stack: WorkerStack, delivered: Delivered) -> None:
    (job,) = deliver(stack, body("asset_published", [entry()]))

    with pytest.raises(ArchiveError, match="not an object"):
        delivered.entry(job.model_copy(update={"entry": "/data/assets/images"}))


def replace(stack: WorkerStack, text: str) -> None:
    """Replace the archived document."""
    stack.s3.put_object(Bucket="archive", Key=receipt().archive_key, Body=text.encode())
