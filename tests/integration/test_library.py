import json

import pytest

from cmp_relay.errors import ForbiddenError, UnavailableError
from cmp_relay.library import FRESHNESS_MARGIN
from cmp_relay.open_api import Location
from cmp_relay.records import LEASE_SECONDS
from tests.support import library_jobs, publish_jobs
from tests.support.clock import NOON
from tests.support.killer import ProcessKilled
from tests.support.publish_jobs import API, entry, link, receipt
from tests.support.worker_stack import CONTEXT, WorkerStack

LINK = link("image-1")
DAY = 24 * 3600
HOUR = 3600


def deliver(
    stack: WorkerStack, event_name: str, delivery_id: str, at: int | None = None, **fields: object
) -> str:
    of = receipt(delivery_id, stack.clock() if at is None else at)
    (message,) = stack.deliver(library_jobs.body(event_name, **fields), of)  # type: ignore[arg-type]
    return message


def publish(stack: WorkerStack, delivery_id: str = "published", **fields: object) -> str:
    raw = publish_jobs.body("asset_published", [entry(**fields)])  # type: ignore[arg-type]
    (message,) = stack.deliver(raw, receipt(delivery_id, stack.clock()))
    return message


def know(stack: WorkerStack, title: str = "Shown", **fields: object) -> None:
    stack.api.resources[LINK] = entry(title=title, **fields)  # type: ignore[arg-type]


def told(stack: WorkerStack) -> list[tuple[str, str | None]]:
    """Return what the bus was told: detail types and titles."""
    return [
        (event["detail-type"], event["detail"]["asset"]["title"]) for event in stack.announced()
    ]


def reasons(stack: WorkerStack) -> dict[str, tuple[str, str | None]]:
    return {
        item["pk"].removeprefix("JOB#"): (item["outcome"], item.get("reason"))
        for item in stack.items("JOB#")
    }


# Changes


def test_a_change_brings_what_the_library_shows(stack: WorkerStack) -> None:
    know(stack, version_number=3)

    came_back = stack.work(deliver(stack, "asset_added", "added"))

    assert came_back == []
    item = stack.asset()
    assert (item["library"], item["published"], item["listing"]) == (
        "present",
        False,
        "present#image",
    )
    assert (item["title"], item["version"], item["organization_id"]) == (
        "Shown",
        "3",
        library_jobs.ORGANIZATION,
    )
    assert stack.documents()["assets/image/image-1/details.json"]["asset"]["title"] == "Shown"
    (event,) = stack.announced()
    assert (event["detail-type"], event["detail"]["id"]) == ("LibraryAssetChanged", "added.0")
    assert event["detail"]["asset"]["labels"] == entry()["labels"]
    assert event["detail"]["asset"]["library"] == "present"
    assert item["announced"] == item["library_sequence"] == item["sequence"] == 1


def test_two_equal_deliveries_can_be_two_changes(stack: WorkerStack) -> None:
    know(stack, "First")
    stack.work(deliver(stack, "asset_modified", "first"))
    stack.clock.advance(1)
    know(stack, "Second")

    stack.work(deliver(stack, "asset_modified", "second"))

    assert stack.asset()["title"] == "Second"
    assert told(stack) == [("LibraryAssetChanged", "First"), ("LibraryAssetChanged", "Second")]


def test_one_look_covers_every_change_that_came_well_before_it(stack: WorkerStack) -> None:
    know(stack)
    fifty = [deliver(stack, "asset_modified", f"delivery-{n}") for n in range(50)]
    stack.clock.advance(FRESHNESS_MARGIN / 1000)

    came_back = [stack.work(*fifty[n : n + 10]) for n in range(0, 50, 10)]

    assert came_back == [[]] * 5
    assert stack.api.asked == [LINK]
    assert stack.counts() == {"applied": 1, "superseded": 49}
    assert told(stack) == [("LibraryAssetChanged", "Shown")]
    outcome, reason = reasons(stack)["delivery-49.0"]
    assert (outcome, reason) == (
        "superseded",
        "covered by the look that began at 2026-11-21T12:00:02.000Z",
    )


def test_a_look_that_began_at_the_same_time_covers_nothing(stack: WorkerStack) -> None:
    know(stack)
    both = [deliver(stack, "asset_modified", name) for name in ("first", "second")]
    stack.clock.advance(FRESHNESS_MARGIN / 1000 - 0.001)

    for message in both:
        stack.work(message)

    assert stack.api.asked == [LINK, LINK]
    assert stack.counts() == {"applied": 2}


def test_what_a_publish_job_has_seen_is_told_by_the_change_that_it_covers(
    stack: WorkerStack,
) -> None:
    know(stack)
    message = deliver(stack, "asset_modified", "modified")
    stack.clock.advance(10)
    stack.work(publish(stack))

    stack.work(message)

    assert stack.api.asked == [LINK]
    assert stack.counts() == {"applied": 1, "superseded": 1}
    published, changed = stack.announced()
    assert (published["detail-type"], changed["detail-type"]) == (
        "AssetPublished",
        "LibraryAssetChanged",
    )
    assert changed["detail"]["asset"]["published"] is True
    assert changed["detail"]["asset"]["labels"] == entry()["labels"]
    assert (published["detail"]["sequence"], changed["detail"]["sequence"]) == (1, 2)


def test_a_change_covers_the_publish_job_that_comes_with_it(stack: WorkerStack) -> None:
    know(stack)
    stack.work(deliver(stack, "asset_modified", "modified"))

    stack.work(publish(stack))

    assert stack.api.asked == [LINK]
    assert (stack.asset()["published"], stack.asset()["library"]) == (True, "present")


def test_what_was_told_already_is_not_told_again(stack: WorkerStack) -> None:
    know(stack)

    for number in range(3):
        stack.work(deliver(stack, "asset_modified", f"delivery-{number}"))
        stack.clock.advance(60)

    assert len(stack.api.asked) == 3
    assert stack.counts() == {"applied": 3}
    assert told(stack) == [("LibraryAssetChanged", "Shown")]


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Other"},
        {"version_number": 2},
        {"modified_at": "2026-11-21T11:59:00Z"},
        {"is_archived": True},
        {"labels": []},
    ],
)
def test_whatever_an_event_tells_makes_an_event(
    stack: WorkerStack, change: dict[str, object]
) -> None:
    know(stack)
    stack.work(deliver(stack, "asset_modified", "first"))
    stack.clock.advance(60)
    know(stack, **change)  # type: ignore[arg-type]

    stack.work(deliver(stack, "asset_modified", "second"))

    assert [event["detail"]["id"] for event in stack.announced()] == ["first.0", "second.0"]


def test_a_change_of_what_is_gone_ends_applied_after_a_last_look(stack: WorkerStack) -> None:
    message = deliver(stack, "asset_modified", "modified")

    first, second = stack.work(message), stack.work(message)

    assert (len(first), second) == (1, [])
    assert stack.api.asked == [LINK, LINK, "asset-urls/image-1"]
    assert reasons(stack) == {"modified.0": ("applied", "gone")}
    assert stack.asset()["library"] == "removed"
    assert told(stack) == [("LibraryAssetRemoved", None)]


def test_an_asset_that_lives_in_a_task_is_not_in_the_library(stack: WorkerStack) -> None:
    know(stack)
    stack.work(deliver(stack, "asset_added", "added"))
    stack.clock.advance(60)
    stack.api.resources.clear()
    stack.api.locations["image-1"] = Location(f"{API}/tasks/1/images/image-1", "task")
    message = deliver(stack, "asset_modified", "modified")

    stack.work(message)
    stack.work(message)

    item = stack.asset()
    assert (item["library"], item["title"], item["details_source"]) == (
        "removed",
        "Shown",
        "library",
    )
    assert stack.documents()[item["details_key"]]["asset"]["title"] == "Shown"


def test_a_look_that_finds_nothing_covers_as_well(stack: WorkerStack) -> None:
    first = deliver(stack, "asset_modified", "first")
    second = deliver(stack, "asset_modified", "second")
    stack.clock.advance(60)
    stack.work(first)
    stack.work(first)
    asked = len(stack.api.asked)

    stack.work(second)

    assert len(stack.api.asked) == asked
    assert stack.counts() == {"applied": 1, "superseded": 1}


def test_an_asset_without_a_link_is_looked_for_by_the_one_that_is_remembered(
    stack: WorkerStack,
) -> None:
    know(stack)
    stack.work(deliver(stack, "asset_added", "added"))
    stack.clock.advance(60)

    stack.work(deliver(stack, "asset_modified", "modified", links=None))

    assert stack.api.asked == [LINK, LINK]


def test_an_asset_of_which_no_link_is_known_is_looked_for_by_its_id(stack: WorkerStack) -> None:
    know(stack)
    stack.api.locations["image-1"] = Location(LINK, "library")

    stack.work(deliver(stack, "asset_modified", "modified", links=None))

    assert stack.api.asked == ["asset-urls/image-1", LINK]
    assert stack.asset()["library"] == "present"


def test_what_may_not_be_read_is_a_dead_letter(stack: WorkerStack) -> None:
    stack.api.resources[LINK] = ForbiddenError("GET: 403", status=403)

    came_back = stack.work(deliver(stack, "asset_modified", "modified"))

    ((_, why),) = stack.dead_letters()
    assert (came_back, why["reason"]) == ([], "forbidden")
    assert stack.counts() == {"dead_lettered": 1}
    assert stack.items("ASSET#") == []


def test_what_cmp_could_not_answer_comes_back(stack: WorkerStack) -> None:
    stack.api.resources[LINK] = UnavailableError("GET: 503", status=503)
    message = deliver(stack, "asset_modified", "modified")

    assert len(stack.work(message)) == 1

    know(stack)
    assert stack.work(message) == []
    assert stack.asset()["library"] == "present"


# Removals


def test_the_removal_of_an_asset_of_which_nobody_spoke_lately_is_believed(
    stack: WorkerStack,
) -> None:
    know(stack)
    stack.work(deliver(stack, "asset_added", "added"))
    stack.clock.advance(3 * DAY + 1)

    stack.work(deliver(stack, "asset_removed", "removed"))

    assert stack.api.asked == [LINK]
    item = stack.asset()
    assert (item["library"], item["listing"]) == ("removed", "removed#image")
    assert told(stack) == [("LibraryAssetChanged", "Shown"), ("LibraryAssetRemoved", "Shown")]
    assert reasons(stack)["removed.0"] == ("applied", None)


def test_a_removal_in_doubt_is_looked_up_once_cmp_must_know(stack: WorkerStack) -> None:
    know(stack)
    stack.work(deliver(stack, "asset_added", "added"))
    stack.clock.advance(3 * DAY)
    stack.api.resources.clear()
    message = deliver(stack, "asset_removed", "removed")

    too_early = stack.work(message)
    stack.clock.advance(FRESHNESS_MARGIN / 1000)
    in_time = stack.work(message)

    assert (len(too_early), in_time, stack.visibilities) == (1, [], [2])
    assert stack.api.asked == [LINK, LINK]
    assert stack.asset()["library"] == "removed"
    assert [item["attempts"] for item in stack.items("JOB#removed")] == [1]


def test_a_removal_that_comes_after_a_new_addition_changes_nothing(stack: WorkerStack) -> None:
    know(stack)
    stack.work(deliver(stack, "asset_added", "added again"))
    stack.clock.advance(DAY)
    message = deliver(stack, "asset_removed", "late")
    stack.clock.advance(HOUR)

    stack.work(message)

    assert stack.asset()["library"] == "present"
    assert reasons(stack)["late.0"] == ("superseded", "CMP still has it")
    assert told(stack) == [("LibraryAssetChanged", "Shown")]


def test_a_removal_that_a_later_look_has_seen_through_costs_nothing(stack: WorkerStack) -> None:
    know(stack)
    message = deliver(stack, "asset_removed", "late")
    stack.clock.advance(HOUR)
    stack.work(deliver(stack, "asset_added", "added again"))

    stack.work(message)

    assert stack.api.asked == [LINK]
    assert (stack.asset()["library"], stack.counts()) == (
        "present",
        {"applied": 1, "superseded": 1},
    )


def test_what_was_removed_is_present_again_once_a_change_finds_it(stack: WorkerStack) -> None:
    stack.work(deliver(stack, "asset_removed", "removed"))
    know(stack)
    stack.clock.advance(60)

    stack.work(deliver(stack, "asset_added", "added"))

    assert stack.asset()["library"] == "present"
    assert told(stack) == [("LibraryAssetRemoved", None), ("LibraryAssetChanged", "Shown")]


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("image", LINK),
        ("raw_file", f"{API}/raw-files/image-1"),
        ("structured_content", f"{API}/structured-contents/image-1"),
        ("hologram", "asset-urls/image-1"),
    ],
)
def test_an_asset_of_which_no_link_is_known_is_looked_up_by_its_kind(
    stack: WorkerStack, kind: str, asked: str
) -> None:
    stack.api.resources[LINK] = ForbiddenError("GET: 403", status=403)
    stack.work(deliver(stack, "asset_modified", "unreadable", type=kind))
    (message,) = stack.deliver(
        publish_jobs.body("asset_unpublished", [{"id": "image-1"}]), receipt("unpublished")
    )
    stack.work(message.replace('"type": "image"', f'"type": "{kind}"'))
    stack.api.resources.clear()
    stack.api.asked.clear()
    removed = deliver(stack, "asset_removed", "removed", type=kind)
    stack.clock.advance(60)

    assert stack.work(removed) == []

    assert stack.api.asked == [asked]
    assert stack.asset()["library"] == "removed"


def test_publications_and_library_know_nothing_of_each_other(stack: WorkerStack) -> None:
    know(stack)
    stack.work(publish(stack))
    stack.clock.advance(60)
    stack.api.resources.clear()
    removed = deliver(stack, "asset_removed", "removed")
    stack.clock.advance(60)

    stack.work(removed)

    item = stack.asset()
    assert (item["published"], item["library"], item["listing"]) == (
        True,
        "removed",
        "published#image",
    )


def test_a_repeated_publish_makes_a_removal_doubtful_too(stack: WorkerStack) -> None:
    know(stack)
    stack.work(publish(stack))
    stack.clock.advance(2 * DAY)
    stack.work(publish(stack, "repeated"))
    stack.clock.advance(2 * DAY)
    removed = deliver(stack, "asset_removed", "removed")
    stack.clock.advance(60)

    stack.work(removed)

    assert reasons(stack)["removed.0"] == ("superseded", "CMP still has it")


def test_a_change_right_after_a_removal_is_looked_up_once_cmp_must_know(
    stack: WorkerStack,
) -> None:
    stack.work(deliver(stack, "asset_removed", "removed"))
    know(stack)
    message = deliver(stack, "asset_added", "added before")

    too_early = stack.work(message)
    stack.clock.advance(FRESHNESS_MARGIN / 1000)
    stack.api.resources.clear()
    first, last = stack.work(message), stack.work(message)

    assert (len(too_early), len(first), last) == (1, 1, [])
    assert stack.asset()["library"] == "removed"
    assert told(stack) == [("LibraryAssetRemoved", None)]


def test_a_publish_job_leaves_the_library_alone_right_after_a_removal(stack: WorkerStack) -> None:
    stack.work(deliver(stack, "asset_removed", "removed"))
    know(stack)

    stack.work(publish(stack))

    item = stack.asset()
    assert (item["published"], item["library"], item["title"]) == (True, "removed", "Shown")


# What is owed to the bus


def die(stack: WorkerStack, message: str) -> None:
    """Let a worker die before its event is put, and its lease with it some time later."""
    stack.killer.kill_at("PutEvents", after=False)
    with pytest.raises(ProcessKilled):
        stack.work(message)
    stack.killer.spare()
    stack.lease_clock.advance(LEASE_SECONDS + 1)


def test_a_publish_job_pays_what_the_library_owes(stack: WorkerStack) -> None:
    know(stack)
    modified = deliver(stack, "asset_modified", "modified")
    die(stack, modified)

    stack.work(publish(stack))
    stack.work(modified)

    events = [(event["detail"]["id"], event["detail"]["sequence"]) for event in stack.announced()]
    assert events == [("modified.0", 1), ("published.0", 2)]
    assert stack.outcomes() == {"modified.0": "applied", "published.0": "applied"}
    assert "pending" not in stack.asset()


def test_a_library_job_pays_what_a_publication_owes(stack: WorkerStack) -> None:
    know(stack)
    published = publish(stack)
    die(stack, published)

    stack.work(deliver(stack, "asset_removed", "removed", NOON - HOUR * 1000))
    stack.work(published)

    assert [event["detail"]["id"] for event in stack.announced()] == ["published.0", "removed.0"]
    assert stack.outcomes() == {"removed.0": "superseded", "published.0": "applied"}


def test_what_cmp_refuses_to_show_is_not_taken_for_gone(stack: WorkerStack) -> None:
    know(stack)
    stack.work(deliver(stack, "asset_added", "added"))
    stack.api.resources[LINK] = ForbiddenError("GET: 403", status=403)
    stack.clock.advance(HOUR)
    missed = {
        **json.loads(deliver(stack, "asset_modified", "missed")),
        "event_name": "asset_missing",
        "cause": "reconcile",
    }

    answer = stack.library_worker().handle(stack.event(json.dumps(missed)), CONTEXT)

    assert answer == {"batchItemFailures": []}
    assert reasons(stack)["missed.0"] == ("superseded", "CMP refuses to show it")
    assert stack.asset()["library"] == "present"
