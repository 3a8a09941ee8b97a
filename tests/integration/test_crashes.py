"""A worker may die at every one of its calls to AWS, before or after the call takes effect.

Dying after a call is dying before the next one: what a process knew is gone either way.
"""

from typing import Any

import pytest

from cmp_relay import routing
from cmp_relay.records import LEASE_SECONDS
from cmp_relay.slots import Limits
from tests.support import external_steps, library_jobs
from tests.support.clock import NOON
from tests.support.killer import ProcessKilled
from tests.support.publish_jobs import body, entry, link, receipt
from tests.support.worker_stack import WorkerStack

Story = list[tuple[str, str]]
STORIES: dict[str, Story] = {
    "publish": [("published", "asset_published")],
    "sync": [("published", "asset_published"), ("synced", "asset_synced")],
    "unpublish": [("published", "asset_published"), ("unpublished", "asset_unpublished")],
    "unpublish first": [("unpublished", "asset_unpublished"), ("published", "asset_published")],
    "change": [("modified", "asset_modified")],
    "change of what is published": [("published", "asset_published"), ("added", "asset_added")],
    "change that an earlier look covers": [
        ("published", "asset_published"),
        ("covered", "asset_modified"),
    ],
    "removal": [("removed", "asset_removed")],
    "removal that CMP denies": [("withdrawn", "asset_unpublished"), ("late", "asset_removed")],
    "removal that CMP confirms": [("withdrawn", "asset_unpublished"), ("gone", "asset_removed")],
    "external work": [("started", "external_sub_step_started")],
    "more external work": [
        ("started", "external_sub_step_started"),
        ("completed", "external_sub_step_completed"),
    ],
    "comment": [("comment", "external_sub_step_comment_added")],
    "removal of a comment": [
        ("comment", "external_sub_step_comment_added"),
        ("uncomment", "external_sub_step_comment_removed"),
    ],
}

EARLY = {"covered", "withdrawn", "late", "gone", "completed"}
"""Deliveries that came so long ago that CMP must know of them."""


def message(stack: WorkerStack, delivery_id: str, event_name: str) -> str:
    modified_at = f"2026-11-21T11:{len(delivery_id):02d}:00Z"
    received_at = NOON - 10_000 if delivery_id in EARLY else NOON
    stack.api.resources.update(external_steps.RESOURCES)
    stack.api.resources[link("image-1")] = entry(modified_at="2026-11-21T11:30:00Z")
    if delivery_id == "gone":
        stack.api.resources.clear()
    if routing.is_external(event_name):
        raw = external_steps.body(event_name)
        (found,) = stack.deliver(raw, receipt(delivery_id, received_at))
        return found
    if routing.is_library(event_name):
        raw = library_jobs.body(event_name)
        (found,) = stack.deliver(raw, receipt(delivery_id, received_at))
        return found
    if event_name == "asset_unpublished":
        entries = [{"id": "image-1", "links": {"self": link("image-1")}}]
    else:
        entries = [entry(modified_at=modified_at)]
    (found,) = stack.deliver(body(event_name, entries), receipt(delivery_id, received_at))
    return found


def tell(stack: WorkerStack, story: Story) -> str:
    """Live through all of a story but its last message, which is returned."""
    *before, last = [message(stack, *step) for step in story]
    for step in before:
        assert stack.work(step) == []
    stack.killer.calls.clear()
    return last


def heard(stack: WorkerStack) -> list[str]:
    """Return the ids of the events on the bus, in order and each once."""
    return list(dict.fromkeys(event["detail"]["id"] for event in stack.announced()))


def state(stack: WorkerStack) -> dict[str, Any]:
    """Return all that has to be the same, however often a worker died."""
    return {
        "assets": stack.items("ASSET#"),
        "counts": stack.counts(),
        "documents": stack.documents(),
        "outcomes": stack.outcomes(),
        "leases": stack.items("LEASE#"),
        # Four requests take their time, so two jobs in a row see the clock where it is then.
        "steps": [{**item, "seen_at": item["seen_at"].keys()} for item in stack.items("STEP#")],
    }


@pytest.mark.parametrize("name", STORIES)
def test_redelivery_leads_to_the_same_end(stack: WorkerStack, name: str) -> None:
    assert stack.work(tell(stack, STORIES[name])) == []
    expected, announced = state(stack), heard(stack)
    calls = len(stack.killer.calls)

    for call in range(calls + 1):
        stack.empty()
        stack.clock.milliseconds = NOON
        last = tell(stack, STORIES[name])
        stack.killer.kill_at(min(call, calls - 1), after=call == calls)
        with pytest.raises(ProcessKilled):
            stack.work(last)
        stack.killer.spare()
        stack.lease_clock.advance(LEASE_SECONDS + 1)
        stack.clock.milliseconds = NOON  # what is compared holds when a look began

        came_back = stack.work(last)

        assert came_back == [], call
        assert state(stack) == expected, call
        assert heard(stack) == announced, call


def test_every_write_is_a_place_to_die_at(stack: WorkerStack) -> None:
    stack.work(tell(stack, STORIES["publish"]))

    assert stack.killer.calls == [
        "UpdateItem",  # the attempt is counted
        "UpdateItem",  # the lease is taken
        "Query",
        "GetObject",
        "GetItem",  # the API budget
        "UpdateItem",  # a slot of it is taken
        "PutObject",  # the details
        "PutObject",  # the entry
        "TransactWriteItems",  # the catalogue, with the event that is owed
        "PutEvents",
        "UpdateItem",  # the event is owed no more
        "DeleteItem",  # the lease is given back
        "TransactWriteItems",  # the outcome and its count
    ]


# While an appointment is made, and while it is used

VISIBILITY_SECONDS = 360
"""After which a queue gives a dead worker's message back."""
SLOW = Limits(per_second=1, per_minute=5, per_month=200_000, bulk_share=0.7)
MOMENTS = {"applied_at", "details_etag", "fetch_began_at", "heard_at", "identities", "seen_at"}


def make_an_appointment(stack: WorkerStack, name: str) -> str:
    """Let no request be had before long, and let a story's last job find that out."""
    stack.limits = SLOW
    stack.permits("live").budget.reserve("live", count=2)
    return tell(stack, STORIES[name])


def keep(stack: WorkerStack, message: str) -> None:
    """Deliver a message whenever it is visible, until it is left out of the failures."""
    while stack.work(message):
        stack.sleep(max(1, stack.visibilities[-1]))


def end(stack: WorkerStack) -> dict[str, Any]:
    """Return all that has to be the same, whenever it came to be."""
    timed: dict[str, Any] = state(stack)
    for document in timed["documents"].values():
        document.pop("fetch_began_at", None)
    timed["assets"] = [
        {name: value for name, value in item.items() if name not in MOMENTS}
        for item in timed["assets"]
    ]
    return timed


@pytest.mark.long
@pytest.mark.parametrize("name", ["publish", "change"])
@pytest.mark.parametrize("uses", [False, True], ids=["makes", "uses"])
def test_an_appointment_survives_its_worker(stack: WorkerStack, name: str, *, uses: bool) -> None:
    def begin() -> str:
        stack.empty()
        last = make_an_appointment(stack, name)
        if uses:
            assert stack.work(last) != []
            stack.sleep(stack.visibilities[-1])
        stack.killer.calls.clear()
        return last

    last = begin()
    assert bool(stack.work(last)) is not uses
    calls = len(stack.killer.calls)
    keep(stack, last)
    expected, announced = end(stack), heard(stack)

    for call in range(calls + 1):
        last = begin()
        stack.killer.kill_at(min(call, calls - 1), after=call == calls)
        with pytest.raises(ProcessKilled):
            stack.work(last)
        stack.killer.spare()
        stack.sleep(VISIBILITY_SECONDS)
        keep(stack, last)

        assert end(stack) == expected, call
        assert heard(stack) == announced, call
        assert int(stack.items("JOB#")[0]["attempts"]) <= 2, call
