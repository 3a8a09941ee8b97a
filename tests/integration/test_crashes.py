"""A worker may die at every one of its calls to AWS, before or after the call takes effect.

Dying after a call is dying before the next one: what a process knew is gone either way.
"""

from typing import Any

import pytest

from cmp_relay import routing
from cmp_relay.records import LEASE_SECONDS
from tests.support import library_jobs
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
}

EARLY = {"covered", "withdrawn", "late", "gone"}
"""Deliveries that came so long ago that CMP must know of them."""


def message(stack: WorkerStack, delivery_id: str, event_name: str) -> str:
    modified_at = f"2026-11-21T11:{len(delivery_id):02d}:00Z"
    received_at = NOON - 10_000 if delivery_id in EARLY else NOON
    stack.api.resources[link("image-1")] = entry(modified_at="2026-11-21T11:30:00Z")
    if delivery_id == "gone":
        stack.api.resources.clear()
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
