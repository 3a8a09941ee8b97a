import pytest

from cmp_relay.announcements import LARGEST_DETAIL
from cmp_relay.errors import (
    AppointmentError,
    CmpRelayError,
    ForbiddenError,
    LeaseHeldError,
    NotFoundError,
    QuotaError,
    RateLimitedError,
    RequestRefusedError,
    UnauthorizedError,
    UnavailableError,
    UntrustedLinkError,
)
from cmp_relay.library import FRESHNESS_MARGIN
from cmp_relay.outcomes import MOST_ATTEMPTS, Attempt
from cmp_relay.resource_table import KEPT_SECONDS, Resource
from cmp_relay.resources import Resources
from tests.support.clock import NOON
from tests.support.publish_jobs import API
from tests.support.worker_stack import WorkerStack

LINK = f"{API}/tasks/task-1?token=hidden"
FIRST, LAST = Attempt(1), Attempt(MOST_ATTEMPTS)


@pytest.fixture
def resources(stack: WorkerStack) -> Resources:
    return stack.resources()


def test_brings_what_cmp_shows(stack: WorkerStack, resources: Resources) -> None:
    stack.api.resources[LINK] = {"title": "Shown"}

    assert resources.get(LINK, NOON, FIRST) == Resource({"title": "Shown"}, NOON)
    assert stack.api.asked == [LINK]


@pytest.mark.parametrize(
    "error", [NotFoundError, ForbiddenError, RequestRefusedError, UntrustedLinkError]
)
def test_says_why_cmp_does_not_show_it(
    stack: WorkerStack, resources: Resources, error: type[CmpRelayError]
) -> None:
    stack.api.resources[LINK] = error("GET: no")

    assert resources.get(LINK, NOON, FIRST) == Resource(error=error.reason)


@pytest.mark.parametrize("error", [UnavailableError, UnauthorizedError])
def test_what_may_pass_is_tried_again_until_the_last_attempt(
    stack: WorkerStack, resources: Resources, error: type[CmpRelayError]
) -> None:
    stack.api.resources[LINK] = error("GET: no")

    with pytest.raises(error):
        resources.get(LINK, NOON, FIRST)
    assert resources.get(LINK, NOON, LAST) == Resource(error=error.reason)


def test_waits_at_the_last_attempt_too_if_that_is_none(
    stack: WorkerStack, resources: Resources
) -> None:
    stack.api.resources[LINK] = RateLimitedError("GET: 429", retry_after=30)

    with pytest.raises(AppointmentError):
        resources.get(LINK, NOON, LAST)


def test_does_not_wait_for_the_next_month(stack: WorkerStack, resources: Resources) -> None:
    stack.api.resources[LINK] = QuotaError("used up", delay=1e6)

    assert resources.get(LINK, NOON, FIRST) == Resource(error="no_quota")


def test_the_lease_keeps_a_slot_of_the_live_lane_and_no_query(
    stack: WorkerStack, resources: Resources
) -> None:
    stack.api.resources[LINK] = RateLimitedError("GET: 429", retry_after=30)
    with pytest.raises(AppointmentError):
        resources.get(LINK, NOON, FIRST)

    (lease,) = stack.items("LEASE#fetch#")

    assert lease["slot"]["lane"] == "live"
    assert "hidden" not in str(lease)


def test_a_replay_asks_in_the_bulk_lane(stack: WorkerStack, resources: Resources) -> None:
    stack.api.resources[LINK] = RateLimitedError("GET: 429", retry_after=30)
    with pytest.raises(AppointmentError):
        resources.get(LINK, NOON, FIRST, "bulk")

    (lease,) = stack.items("LEASE#fetch#")

    assert lease["slot"]["lane"] == "bulk"


def test_two_do_not_ask_for_the_same_side_by_side(stack: WorkerStack, resources: Resources) -> None:
    stack.api.resources[LINK] = RateLimitedError("GET: 429", retry_after=30)
    with pytest.raises(AppointmentError):
        resources.get(LINK, NOON, FIRST)
    (lease,) = stack.items("LEASE#fetch#")
    name = lease["pk"].removeprefix("LEASE#")

    with resources.desk.at(name, errand=1), pytest.raises(LeaseHeldError):
        resources.get(LINK, NOON, FIRST)


def test_what_was_asked_for_well_after_an_event_serves_it_too(
    stack: WorkerStack, resources: Resources
) -> None:
    stack.api.resources[LINK] = {"title": "First"}
    first = resources.get(LINK, NOON, FIRST)
    stack.api.resources[LINK] = {"title": "Second"}

    assert resources.get(LINK, NOON - FRESHNESS_MARGIN, FIRST) == first
    second = resources.get(LINK, NOON - FRESHNESS_MARGIN + 1, FIRST)

    assert second == Resource({"title": "Second"}, NOON)
    assert stack.api.asked == [LINK, LINK]


def test_what_is_kept_is_forgotten_and_holds_no_query(
    stack: WorkerStack, resources: Resources
) -> None:
    stack.api.resources[LINK] = {"title": "Shown"}
    resources.get(LINK, NOON, FIRST)

    (item,) = stack.items("RESOURCE#")

    assert item["expires_at"] == NOON // 1000 + KEPT_SECONDS
    assert "hidden" not in str(item)


def test_what_may_open_a_private_file_is_neither_told_nor_kept(
    stack: WorkerStack, resources: Resources
) -> None:
    file = "https://files.cmp.optimizely.com/download/1"
    private = {"attachments": [{"id": "1", "url": f"{file}?token=hidden"}]}
    stack.api.resources[LINK] = private

    found = resources.get(LINK, NOON, FIRST)

    assert found.body == {"attachments": [{"id": "1", "url": file}]}
    assert "hidden" not in str(stack.items("RESOURCE#"))


def test_what_the_bus_would_not_take_is_not_kept(stack: WorkerStack, resources: Resources) -> None:
    stack.api.resources[LINK] = {"text": "x" * LARGEST_DETAIL}

    assert resources.get(LINK, NOON, FIRST) == Resource(began_at=NOON, error="too_large")
    assert stack.items("RESOURCE#") == []
