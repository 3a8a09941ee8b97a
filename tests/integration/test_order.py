"""Deliveries in any order and any number, from the queue to bus and catalogue.

The rules by themselves are proven in tests/unit (publications, library_sync); here real workers
keep them, with what they store and tell.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cmp_relay import times
from tests.support import library_jobs
from tests.support.clock import NOON
from tests.support.publish_jobs import body, entry, link, receipt
from tests.support.worker_stack import WorkerStack

pytestmark = pytest.mark.long

LATER = NOON + 10_000
"""When the first worker begins, so that every delivery of one publishing event has come."""
few = settings(
    max_examples=8,
    derandomize=True,
    deadline=None,
    phases=(Phase.generate,),  # a failing example is short enough as it is
    # The stack is emptied for each example: that is much faster than another one.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Sending(NamedTuple):
    """A delivery of one publishing event; `again` tells CMP's own repetition from SQS's."""

    event_name: str
    again: bool


MODIFIED = {
    "asset_published": "2026-11-21T11:00:00.000Z",
    "asset_synced": "2026-11-21T11:10:00.000Z",
    "asset_unpublished": None,
}


def deliver(stack: WorkerStack, sending: Sending, number: int) -> str:
    modified_at = MODIFIED[sending.event_name]
    about: dict[str, Any] = {"id": "image-1", "links": {"self": link("image-1")}}
    raw = body(sending.event_name, [entry(modified_at=modified_at) if modified_at else about])
    delivery_id = f"{sending.event_name}-{number if sending.again else 0}"
    received_at = NOON + 1000 * list(MODIFIED).index(sending.event_name)
    (message,) = stack.deliver(raw, receipt(delivery_id, received_at))
    return message


def work_until_done(stack: WorkerStack, message: str) -> None:
    while stack.work(message):
        stack.sleep(max(1, stack.visibilities[-1]))


def begin(stack: WorkerStack) -> None:
    """Start the next example in an empty stack."""
    stack.empty()
    for clock in (stack.clock, stack.lease_clock):
        clock.milliseconds = max(LATER, clock.milliseconds)
    stack.clock.milliseconds = LATER
    stack.api.resources.clear()


@st.composite
def orders(draw: st.DrawFn) -> list[Sending]:
    """Draw what CMP tells of one publishing event, each at least once, in any order."""
    wanted = ["asset_published", *draw(st.sets(st.sampled_from(list(MODIFIED)[1:])))]
    more = draw(st.lists(st.sampled_from(wanted), max_size=3))
    names = draw(st.permutations([*wanted, *more]))
    return [Sending(name, draw(st.booleans())) for name in names]


@few
@given(order=orders())
def test_one_publishing_event_ends_the_same_in_any_order(
    stack: WorkerStack, order: list[Sending]
) -> None:
    begin(stack)
    stack.api.resources[link("image-1")] = entry(modified_at="2026-11-21T11:10:00Z", title="Now")
    messages = [deliver(stack, sending, number) for number, sending in enumerate(order)]

    for message in messages:
        work_until_done(stack, message)

    names = {sending.event_name for sending in order}
    is_open = "asset_unpublished" not in names
    asset, publication = stack.items("ASSET#")
    assert (asset["published"], publication["status"]) == (
        is_open,
        "published" if is_open else "unpublished",
    )
    assert publication["modified_at"] == MODIFIED[max(names - {"asset_unpublished"})]
    last = max(stack.announced(), key=lambda event: int(event["detail"]["sequence"]))
    assert last["detail"]["asset"]["published"] is is_open
    assert sum(stack.counts().values()) == len(set(messages))
    assert stack.dead_letters() == []
    assert len(stack.api.asked) <= 2
    stack.api.asked.clear()


@dataclass
class World:
    """CMP with one asset, and its deliveries that no worker has had yet."""

    stack: WorkerStack
    title: str | None = None
    modified_at: str = ""
    deeds: int = 0
    waiting: list[str] = field(default_factory=list)
    open_events: set[str] = field(default_factory=set)

    def act(self, deed: str) -> None:
        """Let a user of CMP do something, of which CMP sends a delivery at once."""
        self.deeds += 1
        self.stack.sleep(1)
        if deed == "come or go":
            gone = self.title is not None
            self._tell("asset_removed" if gone else "asset_added", present=not gone)
        elif deed == "change" and self.title is not None:
            self._tell("asset_modified", present=True)
        elif deed == "publish" and self.title is not None:
            event = f"event-{self.deeds}"
            self.open_events.add(event)
            self._send(body("asset_published", [entry(modified_at=self.modified_at)], event))
        elif deed == "unpublish" and self.open_events:
            about = {"id": "image-1", "links": {"self": link("image-1")}}
            self._send(body("asset_unpublished", [about], self.open_events.pop()))

    def work(self, choice: int) -> None:
        """Let a worker have one of the deliveries, which stays if it has to wait."""
        if self.waiting:
            message = self.waiting.pop(choice % len(self.waiting))
            if self.stack.work(message):
                self.waiting.append(message)
        self.stack.sleep(3)

    def _tell(self, event_name: str, *, present: bool) -> None:
        self.title = f"Title {self.deeds}" if present else None
        self.modified_at = times.iso(self.stack.clock())
        if self.title:
            shown = entry(title=self.title, modified_at=self.modified_at)
            self.stack.api.resources[link("image-1")] = shown
        else:
            self.stack.api.resources.clear()
        self._send(library_jobs.body(event_name))

    def _send(self, raw: bytes) -> None:
        of = receipt(f"delivery-{self.deeds}", self.stack.clock())
        self.waiting += self.stack.deliver(raw, of)


STEPS = st.lists(
    st.sampled_from(["come or go", "change", "publish", "unpublish"])
    | st.integers(min_value=0, max_value=20),
    min_size=4,
    max_size=9,
)


@few
@given(steps=STEPS, rest=st.lists(st.integers(0, 20), min_size=1, max_size=20))
def test_library_and_publishing_events_in_any_order_end_as_cmp_has_it(
    stack: WorkerStack, steps: list[str | int], rest: list[int]
) -> None:
    begin(stack)
    world = World(stack)
    world.act("come or go")

    for step in steps:
        if isinstance(step, str):
            world.act(step)
        else:
            world.work(step)
    turns = 0
    while world.waiting:
        world.work(rest[turns % len(rest)])
        turns += 1

    asset = stack.asset()
    assert asset["library"] == ("removed" if world.title is None else "present")
    if world.title is not None:
        details = stack.documents()["assets/image/image-1/details.json"]
        assert asset["title"] == details["asset"]["title"] == world.title
    statuses = {
        item["publishing_event_id"]: item["status"]
        for item in stack.items("ASSET#")
        if item["sk"] != "ASSET"
    }
    assert {event for event, status in statuses.items() if status == "published"} == (
        world.open_events
    )
    assert asset["published"] is bool(world.open_events)
    assert stack.dead_letters() == []
