import json
import threading
from typing import Any

import pytest

from cmp_relay import publications
from cmp_relay.records import LEASE_SECONDS
from tests.support.clock import NOON
from tests.support.killer import ProcessKilled
from tests.support.publish_jobs import body, entry, link, receipt
from tests.support.worker_stack import CONTEXT, WorkerStack

MINUTE = 60_000
DAY = 24 * 60 * MINUTE


def publish(
    stack: WorkerStack,
    delivery_id: str = "published",
    at: int = NOON,
    **fields: Any,  # noqa: ANN401
) -> str:
    return deliver(stack, "asset_published", delivery_id, at, **fields)


def unpublish(
    stack: WorkerStack, delivery_id: str = "unpublished", at: int = NOON, event_id: str = "event-1"
) -> str:
    bare = [{"id": "image-1", "links": {"self": link("image-1")}}]
    (message,) = stack.deliver(
        body("asset_unpublished", bare, event_id), receipt(delivery_id, received_at=at)
    )
    return message


def deliver(
    stack: WorkerStack,
    event_name: str,
    delivery_id: str,
    at: int,
    *,
    event_id: str = "event-1",
    channel: str = "default",
    **fields: Any,  # noqa: ANN401
) -> str:
    raw = body(event_name, [entry(**fields)], event_id)
    (message,) = stack.deliver(raw, receipt(delivery_id, at, channel))
    return message


def know(stack: WorkerStack, **fields: Any) -> None:  # noqa: ANN401
    stack.api.resources[link("image-1")] = entry(**{"title": "In the library", **fields})


def statuses(stack: WorkerStack) -> dict[str, str]:
    return {
        item["publishing_event_id"]: item["status"]
        for item in stack.items("ASSET#")
        if item["sk"] != "ASSET"
    }


# The same delivery, again and again


def test_five_copies_one_after_the_other_are_one_change(stack: WorkerStack) -> None:
    know(stack)
    copies = [publish(stack, f"copy-{n}") for n in range(5)]

    came_back = [stack.work(copy) for copy in copies]

    assert came_back == [[]] * 5
    assert stack.api.asked == [link("image-1")]
    assert [event["detail"]["id"] for event in stack.announced()] == ["copy-0.0"]
    assert (stack.asset()["revision"], stack.asset()["sequence"]) == (1, 1)
    assert stack.counts() == {"applied": 1, "superseded": 4}


def test_five_copies_at_the_same_moment_are_one_change(stack: WorkerStack) -> None:
    know(stack)
    waiting = {copy: stack.event(copy) for copy in [publish(stack, f"copy-{n}") for n in range(5)]}
    workers = {copy: stack.worker() for copy in waiting}

    def work(copy: str) -> None:
        barrier.wait()
        came_back = workers[copy].handle(waiting[copy], CONTEXT)["batchItemFailures"]
        if not came_back:
            done.append(copy)

    while waiting:
        done: list[str] = []
        barrier = threading.Barrier(len(waiting))
        threads = [threading.Thread(target=work, args=(copy,)) for copy in waiting]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert done, "a round in which nobody got on"
        waiting = {copy: event for copy, event in waiting.items() if copy not in done}

    assert stack.api.asked == [link("image-1")]
    assert len(stack.announced()) == 1
    assert (stack.asset()["revision"], stack.asset()["sequence"]) == (1, 1)
    assert stack.counts() == {"applied": 1, "superseded": 4}
    assert all(int(job["attempts"]) == 1 for job in stack.items("JOB#"))


# Deliveries in any order


def test_unpublishing_closes_what_was_published(stack: WorkerStack) -> None:
    know(stack)
    stack.work(publish(stack))
    stack.clock.advance(60)

    came_back = stack.work(unpublish(stack, at=NOON + MINUTE))

    assert came_back == []
    assert stack.api.asked == [link("image-1")]
    assert (stack.asset()["published"], statuses(stack)) == (False, {"event-1": "unpublished"})
    opened, closed = stack.announced()
    assert (opened["detail-type"], opened["detail"]["ended"]) == ("AssetPublished", [])
    assert (closed["detail-type"], closed["detail"]["ended"]) == ("AssetUnpublished", ["event-1"])
    assert (opened["detail"]["sequence"], closed["detail"]["sequence"]) == (1, 2)


def test_an_unpublish_that_comes_first_keeps_the_asset_unpublished(stack: WorkerStack) -> None:
    stack.work(unpublish(stack))

    came_back = stack.work(publish(stack))

    assert came_back == []
    assert stack.api.asked == []
    assert (stack.asset()["published"], statuses(stack)) == (False, {"event-1": "unpublished"})
    assert stack.counts() == {"applied": 1, "superseded": 1}
    assert [event["detail-type"] for event in stack.announced()] == ["AssetUnpublished"]


def test_an_unpublish_with_an_id_of_its_own_ends_all_that_came_before_it(
    stack: WorkerStack,
) -> None:
    know(stack)
    stack.work(publish(stack, "first", event_id="event-1"))
    stack.work(publish(stack, "second", NOON + 1, event_id="event-2"))
    other = deliver(
        stack, "asset_published", "third", NOON + 2, event_id="event-3", channel="other"
    )
    stack.work(other)

    stack.work(unpublish(stack, at=NOON + MINUTE, event_id="event-9"))

    assert stack.asset()["published"] is True
    assert statuses(stack) == {
        "event-1": "unpublished",
        "event-2": "unpublished",
        "event-3": "published",
        "event-9": "unpublished",
    }
    assert stack.announced()[-1]["detail"]["ended"] == ["event-1", "event-2"]


def test_the_late_publish_of_an_unmatched_unpublish_opens_its_siblings_again(
    stack: WorkerStack,
) -> None:
    know(stack)
    stack.work(publish(stack, "first", event_id="event-1"))
    stack.work(unpublish(stack, at=NOON + MINUTE, event_id="event-2"))
    stack.announced()

    stack.work(publish(stack, "late", NOON + 2, event_id="event-2"))

    assert stack.asset()["published"] is True
    assert statuses(stack) == {"event-1": "published", "event-2": "unpublished"}
    (event,) = stack.announced()
    assert (event["detail-type"], event["detail"]["asset"]["published"]) == (
        "AssetUnpublished",
        True,
    )
    assert stack.counts() == {"applied": 2, "superseded": 1}


def test_a_republish_opens_the_publication_again(stack: WorkerStack) -> None:
    know(stack)
    stack.work(publish(stack))
    stack.clock.advance(60)
    stack.work(unpublish(stack, at=NOON + MINUTE))
    stack.clock.advance(60)
    again = "2026-11-21T12:01:30Z"
    know(stack, modified_at=again)

    stack.work(publish(stack, "again", NOON + 3 * MINUTE, modified_at=again))

    assert (stack.asset()["published"], statuses(stack)) == (True, {"event-1": "published"})
    assert [event["detail-type"] for event in stack.announced()] == [
        "AssetPublished",
        "AssetUnpublished",
        "AssetPublished",
    ]
    assert len(stack.api.asked) == 2


def test_what_opens_again_for_another_job_has_its_details(stack: WorkerStack) -> None:
    know(stack)
    stack.work(unpublish(stack, at=NOON + MINUTE))
    second = {"event_id": "event-2", "modified_at": "2026-11-21T11:10:00Z", "title": "Second"}
    synced = {**second, "modified_at": "2026-11-21T11:20:00Z", "title": "Synced"}
    late = {**second, "modified_at": "2026-11-21T11:15:00Z", "title": "Late"}
    stack.work(deliver(stack, "asset_published", "second", NOON, **second))
    stack.work(deliver(stack, "asset_synced", "synced", NOON, **synced))
    stack.work(deliver(stack, "asset_synced", "late", NOON, **late))
    closed = stack.asset()["published"]

    stack.work(publish(stack))  # now the unpublish was meant for this one alone

    assert (closed, stack.asset()["published"]) == (False, True)
    assert statuses(stack) == {"event-1": "unpublished", "event-2": "published"}
    assert stack.asset()["title"] == "In the library"
    assert "assets/image/image-1/details.json" in stack.documents()
    assert stack.documents()["assets/image/image-1/publications/event-2.json"]["title"] == "Synced"


def test_a_sync_brings_the_new_version_and_keeps_what_was_delivered(stack: WorkerStack) -> None:
    know(stack)
    stack.work(publish(stack))
    stack.clock.advance(60)
    newer = "2026-11-21T12:00:30Z"
    know(stack, modified_at=newer, title="Second version")

    message = deliver(
        stack, "asset_synced", "synced", NOON + MINUTE, modified_at=newer, title="As synced"
    )
    stack.work(message)

    details = stack.documents()["assets/image/image-1/details.json"]
    assert details["asset"]["title"] == stack.asset()["title"] == "Second version"
    assert details["details_source"] == "library"
    entry_kept = stack.documents()["assets/image/image-1/publications/event-1.json"]
    assert entry_kept["title"] == "As synced"
    assert [event["detail-type"] for event in stack.announced()] == [
        "AssetPublished",
        "AssetSynced",
    ]


def test_an_older_version_that_comes_late_changes_nothing(stack: WorkerStack) -> None:
    know(stack)
    stack.work(publish(stack))
    before = stack.documents()

    stack.work(
        deliver(
            stack,
            "asset_synced",
            "late",
            NOON - MINUTE,
            modified_at="2026-11-21T10:00:00Z",
            title="Old",
        )
    )

    assert stack.documents() == before
    assert stack.counts() == {"applied": 1, "superseded": 1}
    assert len(stack.announced()) == 1


def test_a_repeat_after_four_days_is_judged_anew(stack: WorkerStack) -> None:
    know(stack)
    stack.work(publish(stack))
    stack.clock.advance(4 * 24 * 3600)

    stack.work(publish(stack, "later", stack.clock()))

    assert stack.counts() == {"applied": 2}
    assert [event["detail"]["id"] for event in stack.announced()] == ["published.0", "later.0"]


def replayed(message: str) -> str:
    job = json.loads(message)
    job_id = f"replay.2026-11-22T12:00:00.000Z.{job['job_id']}"
    return json.dumps({**job, "job_id": job_id, "cause": "replay"})


@pytest.mark.parametrize("days", [1, 10])
def test_a_replay_leaves_open_what_was_unpublished_and_published_again(
    stack: WorkerStack, days: int
) -> None:
    again = {"modified_at": "2026-11-21T11:30:00Z"}
    know(stack, **again)
    told = [publish(stack), unpublish(stack, at=NOON + MINUTE)]
    told.append(publish(stack, "again", NOON + 2 * MINUTE, **again))
    for message in told:
        assert stack.work(message) == []
        stack.clock.advance(60)
    stack.announced()
    sequence, asked = stack.asset()["sequence"], len(stack.api.asked)
    stack.clock.advance(days * 24 * 3600)

    for message in told:
        assert stack.work(replayed(message)) == []

    assert (stack.asset()["published"], statuses(stack)) == (True, {"event-1": "published"})
    assert stack.asset()["sequence"] == sequence
    assert (stack.announced(), len(stack.api.asked)) == ([], asked)
    assert stack.counts() == {"applied": 3, "superseded": 3}


def test_a_replay_of_what_is_forgotten_writes_nothing_older_over_what_is_kept(
    stack: WorkerStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publications, "REMEMBERED", 2)
    know(stack)
    told = [publish(stack, title="First")]
    for number in range(2):
        at = NOON + (5 + 5 * number) * DAY
        told.append(deliver(stack, "asset_synced", f"d{number}", at, title=f"Newer {number}"))
    for message, days in zip(told, (5, 5, 1), strict=True):
        assert stack.work(message) == []
        stack.clock.advance(days * 24 * 3600)
    before, announced = stack.documents(), len(stack.announced())

    assert stack.work(replayed(told[0])) == []

    assert (stack.documents(), announced, stack.announced()) == (before, 3, [])
    assert stack.counts() == {"applied": 3, "superseded": 1}


# What is owed to the bus


def die(stack: WorkerStack, message: str, call: int | str, *, after: bool = False) -> None:
    """Let a worker die at a call to AWS, and its lease with it some time later."""
    stack.killer.kill_at(call, after=after)
    with pytest.raises(ProcessKilled):
        stack.work(message)
    stack.killer.spare()
    stack.lease_clock.advance(LEASE_SECONDS + 1)


def test_a_newer_publication_pays_what_an_older_one_still_owes(stack: WorkerStack) -> None:
    know(stack)
    die(stack, publish(stack, "first", event_id="event-1"), "PutEvents")

    stack.work(publish(stack, "second", NOON + 1, event_id="event-2"))

    events = [(event["detail"]["id"], event["detail"]["sequence"]) for event in stack.announced()]
    assert events == [("first.0", 1), ("second.0", 2)]


def test_what_is_owed_is_paid_before_a_newer_change_of_the_same_asset(stack: WorkerStack) -> None:
    know(stack)
    first = publish(stack, "first")
    die(stack, first, "PutEvents")
    newer = "2026-11-21T11:30:00Z"
    know(stack, modified_at=newer)

    stack.work(deliver(stack, "asset_synced", "second", NOON + 1, modified_at=newer))
    stack.work(first)

    assert [event["detail"]["id"] for event in stack.announced()] == ["first.0", "second.0"]
    assert stack.outcomes() == {"first.0": "applied", "second.0": "applied"}
