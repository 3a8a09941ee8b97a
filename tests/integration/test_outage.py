"""What fails for long, and what fails for ever, in virtual time: hours and days pass in seconds."""

from collections.abc import Iterator

import pytest

from cmp_relay.outcomes import MOST_ATTEMPTS
from tests.support.publish_jobs import link
from tests.support.relay_model import HOUR, MINUTE, RelayModel, relay_model
from tests.support.worker_stack import WorkerStack

pytestmark = pytest.mark.long

IMAGES = [f"image-{n}" for n in range(6)]
VIDEOS = [f"video-{n}" for n in range(4)]
PROBES = 17
"""An hour's: after 5 s, 10 s, 20 s … 5 minutes, each with the time that it takes itself."""
WORKERS = 10
SCHEDULED = 7


@pytest.fixture
def relay(stack: WorkerStack) -> Iterator[RelayModel]:
    with relay_model(stack) as made:
        yield made


def reasons(stack: WorkerStack) -> list[tuple[str, str, str]]:
    """Return job, reason and number of attempts of each dead letter."""
    return [(why["job_id"], why["reason"], why["attempts"]) for _, why in stack.dead_letters()]


def assert_nothing_happened_yet(relay: RelayModel, jobs: list[str]) -> None:
    assert relay.stack.counts() == {}
    assert relay.stack.dead_letters() == []
    assert set(relay.attempts()) == set(jobs)
    assert max(relay.attempts().values()) < MOST_ATTEMPTS
    # SQS gives up after 1000 receives; one for each probe, and those around them.
    assert max(message.receives for message in relay.messages) <= 2 * PROBES


def assert_all_applied(relay: RelayModel, jobs: list[str]) -> None:
    assert relay.stack.outcomes() == dict.fromkeys(jobs, "applied")
    assert relay.stack.counts() == {"applied": len(jobs)}
    assert relay.stack.dead_letters() == []
    assert relay.lost == []


def test_an_hour_without_cmp_costs_time_alone(relay: RelayModel) -> None:
    relay.cmp.is_up = False
    jobs = relay.publish(*IMAGES) + relay.change(*VIDEOS)

    relay.run(HOUR)

    assert_nothing_happened_yet(relay, jobs)
    assert len(relay.cmp.asked) <= PROBES + WORKERS + SCHEDULED

    relay.cmp.is_up = True
    ended = relay.time.now()
    relay.run()

    assert_all_applied(relay, jobs)
    assert relay.time.now() - ended < 20 * MINUTE  # a probe comes within 15
    looks = [path for path in relay.cmp.paths(since=ended) if "image-" in path or "video-" in path]
    assert len(looks) == len(jobs)


def test_an_hour_with_revoked_credentials_costs_time_alone(relay: RelayModel) -> None:
    relay.cmp.is_locked = True
    jobs = relay.publish(*IMAGES[:3]) + relay.change(*VIDEOS[:2])

    relay.run(HOUR)

    assert_nothing_happened_yet(relay, jobs)

    relay.cmp.is_locked = False
    relay.run()

    assert_all_applied(relay, jobs)


def test_an_hour_without_the_token_endpoint_costs_time_alone(relay: RelayModel) -> None:
    relay.run(2 * MINUTE)  # a younger token is not replaced
    relay.cmp.expire_tokens()
    relay.cmp.grants = False
    jobs = relay.publish(*IMAGES[:3]) + relay.change(*VIDEOS[:2])

    relay.run(HOUR)

    assert_nothing_happened_yet(relay, jobs)

    relay.cmp.grants = True
    relay.run()

    assert_all_applied(relay, jobs)


def test_an_asset_that_cmp_cannot_serve_ends_without_holding_up_others(
    relay: RelayModel,
) -> None:
    relay.cmp.refusals[link("poison")] = 500
    *healthy, poisoned = relay.publish(*IMAGES[:4], "poison")
    relay.run(30_000)

    late = relay.publish("later")
    relay.run(30_000)
    assert relay.stack.outcomes() == {**dict.fromkeys(healthy + late, "applied"), poisoned: None}
    relay.run()

    assert reasons(relay.stack) == [(poisoned, "unavailable", str(MOST_ATTEMPTS))]
    assert relay.stack.counts() == {"applied": len(healthy + late), "dead_lettered": 1}


def test_an_asset_that_cmp_cannot_serve_ends_also_alone(relay: RelayModel) -> None:
    relay.cmp.refusals[link("poison")] = 500
    (poisoned,) = relay.publish("poison")

    relay.run()

    assert reasons(relay.stack) == [(poisoned, "unavailable", str(MOST_ATTEMPTS))]
    jobs = relay.publish("later")
    relay.run(10_000)
    assert relay.stack.outcomes() == {poisoned: "dead_lettered", jobs[0]: "applied"}


def test_what_cmp_refuses_or_must_not_be_asked_ends_at_once(relay: RelayModel) -> None:
    relay.cmp.refusals[link("refused")] = 400
    (refused,) = relay.publish("refused")
    (strange,) = relay.publish("strange", links={"self": "https://example.com/images/strange"})

    relay.run(10_000)

    assert sorted(reasons(relay.stack)) == [
        (refused, "request_refused", "1"),
        (strange, "untrusted_link", "1"),
    ]
    assert [message.receives for message in relay.messages] == [1, 1]
