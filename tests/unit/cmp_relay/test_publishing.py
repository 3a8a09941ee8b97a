import threading
from collections.abc import Mapping
from typing import Any

import pytest

from cmp_relay.errors import ConflictError, LeaseHeldError, UnavailableError
from cmp_relay.jobs import PublishJob, read_publish_job
from cmp_relay.outcomes import Attempt, Ending
from cmp_relay.records import LEASE_SECONDS
from tests.support.clock import NOON
from tests.support.publish_jobs import body, entry, link, receipt
from tests.support.worker_stack import WorkerStack

LINK = link("image-1")
ENTRY_KEY = "assets/image/image-1/publications/event-1.json"


def publish(stack: WorkerStack, delivery_id: str = "published", **fields: Any) -> PublishJob:  # noqa: ANN401
    raw = body("asset_published", [entry(**fields)])
    (message,) = stack.deliver(raw, receipt(delivery_id))
    return read_publish_job(message)


def unpublish(stack: WorkerStack, received_at: int = NOON + 1) -> PublishJob:
    raw = body("asset_unpublished", [{"id": "image-1"}])
    (message,) = stack.deliver(raw, receipt("unpublished", received_at))
    return read_publish_job(message)


def apply(stack: WorkerStack, job: PublishJob) -> Ending:
    asks_cmp = job.event_name != "asset_unpublished"
    return stack.worker(asks_cmp=asks_cmp).work(job, Attempt(1))


@pytest.fixture(autouse=True)
def known(stack: WorkerStack) -> None:
    stack.api.resources[LINK] = entry()


# One worker on one asset


def test_who_finds_its_asset_being_worked_on_comes_back(
    stack: WorkerStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[Exception] = []

    def meanwhile(href: str) -> Mapping[str, Any]:
        for job in (publish(stack, "second"), unpublish(stack)):
            with pytest.raises(LeaseHeldError) as caught:
                apply(stack, job)
            refused.append(caught.value)
        return entry()

    monkeypatch.setattr(stack.api, "get", meanwhile)

    assert apply(stack, publish(stack)) == Ending("applied")
    assert len(refused) == 2
    assert stack.items("LEASE#") == []


def test_another_asset_can_be_worked_on_meanwhile(
    stack: WorkerStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    endings: list[Ending] = []

    def meanwhile(href: str) -> Mapping[str, Any]:
        if href == LINK:
            endings.append(apply(stack, publish(stack, "other", asset_id="image-2")))
        return entry()

    monkeypatch.setattr(stack.api, "get", meanwhile)
    apply(stack, publish(stack))

    assert endings == [Ending("applied")]


def test_the_asset_is_free_again_after_a_failure(stack: WorkerStack) -> None:
    job = publish(stack)
    stack.api.resources[LINK] = UnavailableError("503")
    with pytest.raises(UnavailableError):
        apply(stack, job)
    stack.api.resources[LINK] = entry()

    assert apply(stack, job) == Ending("applied")


def test_a_worker_that_was_overtaken_changes_nothing_any_more(
    stack: WorkerStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = publish(stack, "slow")
    newer = "2026-11-21T11:30:00Z"

    def overtaken(href: str) -> Mapping[str, Any]:
        patch.undo()
        stack.api.resources[href] = entry(title="Newer", modified_at=newer)
        stack.lease_clock.advance(LEASE_SECONDS + 1)
        stack.clock.advance(LEASE_SECONDS + 1)
        apply(stack, publish(stack, "fast", modified_at=newer))
        return entry(title="Slow")

    with monkeypatch.context() as patch:
        patch.setattr(stack.api, "get", overtaken)
        with pytest.raises(ConflictError):
            apply(stack, job)

    kept = stack.asset(), stack.documents()
    assert kept[0]["title"] == "Newer"
    assert apply(stack, job).outcome == "superseded"
    assert (stack.asset()["title"], stack.documents()) == ("Newer", kept[1])


@pytest.mark.parametrize("repetition", range(3))
def test_publish_and_unpublish_at_the_same_moment_end_unpublished(
    stack: WorkerStack, repetition: int
) -> None:
    waiting = [publish(stack), unpublish(stack), publish(stack, "copy")]
    barrier = threading.Barrier(len(waiting))

    def work(job: PublishJob) -> None:
        barrier.wait()
        while True:
            try:
                apply(stack, job)
            except LeaseHeldError:
                continue
            return

    threads = [threading.Thread(target=work, args=(job,)) for job in waiting]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert stack.asset()["published"] is False
    last = max(stack.announced(), key=lambda event: int(event["detail"]["sequence"]))
    assert last["detail"]["asset"]["published"] is False
    assert len(stack.api.asked) <= 1


# What is kept


def test_what_was_published_is_kept_as_it_was_delivered(stack: WorkerStack) -> None:
    apply(stack, publish(stack, html_body="<p>x</p>"))

    assert stack.documents()[ENTRY_KEY] == entry(html_body="<p>x</p>")
    found = stack.s3.head_object(Bucket="assets", Key=ENTRY_KEY)
    assert found["Metadata"] == {"order": str(NOON - 3_600_000)}  # its modified_at


def test_what_is_superseded_costs_no_request_and_keeps_the_entry_alone(stack: WorkerStack) -> None:
    apply(stack, unpublish(stack))

    ending = apply(stack, publish(stack))

    assert ending == Ending("superseded", "this publication has been unpublished")
    assert (stack.api.asked, list(stack.documents())) == ([], [ENTRY_KEY])


def test_an_organization_once_known_is_kept(stack: WorkerStack) -> None:
    apply(stack, publish(stack))
    newer = publish(stack, "newer", modified_at="2026-11-21T11:00:01Z")
    stack.api.resources[LINK] = entry(modified_at="2026-11-21T11:00:01Z")

    apply(stack, newer.model_copy(update={"organization_id": None}))

    assert stack.asset()["organization_id"] == "organization-1"


def test_the_entry_of_a_newer_version_that_a_crash_left_behind_is_kept(
    stack: WorkerStack,
) -> None:
    newer = b'{"id": "image-1", "title": "newer"}'
    order = {"order": str(NOON + 1)}
    stack.s3.put_object(Bucket="assets", Key=ENTRY_KEY, Body=newer, Metadata=order)

    apply(stack, publish(stack))

    assert stack.s3.get_object(Bucket="assets", Key=ENTRY_KEY)["Body"].read() == newer
    [item] = [item for item in stack.items("ASSET#") if item["sk"] != "ASSET"]
    assert item["entry_key"] == ENTRY_KEY
    assert "entry_hash" not in item


# Who repeats whom


def test_a_repeat_says_which_job_it_repeats(stack: WorkerStack) -> None:
    apply(stack, publish(stack))

    ending = apply(stack, publish(stack, "copy"))

    assert ending == Ending("superseded", "repeats job published.0")


def test_a_job_that_was_interrupted_ends_as_it_would_have(stack: WorkerStack) -> None:
    applied = publish(stack)
    apply(stack, unpublish(stack))
    apply(stack, applied)

    endings = [apply(stack, unpublish(stack)), apply(stack, applied)]

    assert endings == [
        Ending("applied"),
        Ending("superseded", "this publication has been unpublished"),
    ]


def test_the_links_of_the_other_api_host_make_no_other_job(stack: WorkerStack) -> None:
    apply(stack, publish(stack))
    old_host = {"self": "https://api.welcomesoftware.com/v3/images/image-1?token=x"}

    ending = apply(stack, publish(stack, "old", links=old_host))

    assert ending.outcome == "superseded"
    assert len(stack.api.asked) == 1
