import pytest

from cmp_relay.errors import (
    AppointmentError,
    CmpRelayError,
    ForbiddenError,
    NotFoundError,
    QuotaError,
    RateLimitedError,
    RequestRefusedError,
    UnauthorizedError,
    UnavailableError,
    UntrustedLinkError,
)
from cmp_relay.outcomes import MOST_ATTEMPTS, Attempt
from cmp_relay.resources import Resource, Resources
from tests.support.clock import NOON
from tests.support.publish_jobs import API
from tests.support.worker_stack import WorkerStack

LINK = f"{API}/tasks/task-1?token=hidden"
FIRST, LAST = Attempt(1), Attempt(MOST_ATTEMPTS)


@pytest.fixture
def resources(stack: WorkerStack) -> Resources:
    return Resources(stack.desk(), now=stack.clock)


def test_brings_what_cmp_shows(stack: WorkerStack, resources: Resources) -> None:
    stack.api.resources[LINK] = {"title": "Shown"}

    assert resources.get(LINK, FIRST) == Resource({"title": "Shown"}, NOON)
    assert stack.api.asked == [LINK]


@pytest.mark.parametrize(
    "error", [NotFoundError, ForbiddenError, RequestRefusedError, UntrustedLinkError]
)
def test_says_why_cmp_does_not_show_it(
    stack: WorkerStack, resources: Resources, error: type[CmpRelayError]
) -> None:
    stack.api.resources[LINK] = error("GET: no")

    assert resources.get(LINK, FIRST) == Resource(error=error.reason)


@pytest.mark.parametrize("error", [UnavailableError, UnauthorizedError])
def test_what_may_pass_is_tried_again_until_the_last_attempt(
    stack: WorkerStack, resources: Resources, error: type[CmpRelayError]
) -> None:
    stack.api.resources[LINK] = error("GET: no")

    with pytest.raises(error):
        resources.get(LINK, FIRST)
    assert resources.get(LINK, LAST) == Resource(error=error.reason)


def test_waits_at_the_last_attempt_too_if_that_is_none(
    stack: WorkerStack, resources: Resources
) -> None:
    stack.api.resources[LINK] = RateLimitedError("GET: 429", retry_after=30)

    with pytest.raises(AppointmentError):
        resources.get(LINK, LAST)


def test_does_not_wait_for_the_next_month(stack: WorkerStack, resources: Resources) -> None:
    stack.api.resources[LINK] = QuotaError("used up", delay=1e6)

    assert resources.get(LINK, FIRST) == Resource(error="no_quota")


def test_one_at_a_time_asks_for_a_link_whose_query_nobody_reads(
    stack: WorkerStack, resources: Resources
) -> None:
    stack.api.resources[LINK] = RateLimitedError("GET: 429", retry_after=30)
    with pytest.raises(AppointmentError):
        resources.get(LINK, FIRST)

    (lease,) = stack.items("LEASE#fetch#")

    assert lease["slot"]["lane"] == "live"
    assert "hidden" not in str(lease)
