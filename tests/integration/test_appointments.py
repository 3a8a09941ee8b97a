"""Jobs for which CMP may not be asked now: they wait in the queue, and no attempt is counted."""

from collections.abc import Iterator

import pytest

from cmp_relay.slots import Limits
from tests.support.relay_model import DAY, MINUTE, RelayModel, relay_model
from tests.support.worker_stack import WorkerStack

pytestmark = pytest.mark.long

IMAGES = [f"image-{n}" for n in range(10)]
SLOW = Limits(per_second=1, per_minute=5, per_month=200_000, bulk_share=0.7)
SCARCE = Limits(per_second=10, per_minute=100, per_month=5, bulk_share=0.7)
MONTH = "used#2026-11"


@pytest.fixture
def slow(stack: WorkerStack) -> Iterator[RelayModel]:
    """Yield a relay that may ask CMP every quarter of a minute, and has just done so."""
    with relay_model(stack, SLOW) as relay:
        relay.publish("earlier")
        relay.run(2000)
        assert stack.counts() == {"applied": 1}
        yield relay


def used(stack: WorkerStack, month: str = MONTH) -> int:
    """Return how many requests the budget has counted in a month."""
    (budget,) = stack.items("BUDGET")
    return int(budget[month])


def test_a_batch_of_ten_that_all_get_appointments_is_no_error(slow: RelayModel) -> None:
    jobs = slow.publish(*IMAGES)

    slow.run(10_000)

    assert slow.publications.batches[1:] == [(10, 10)]
    assert used(slow.stack) == 1 + 10
    assert [slow.attempts()[job] for job in jobs] == [0] * 10

    slow.run()

    assert slow.stack.counts() == {"applied": 1 + 10}
    assert slow.stack.dead_letters() == []
    assert [slow.attempts()[job] for job in jobs] == [1] * 10
    assert used(slow.stack) == len(slow.looks) == 1 + 10
    assert max(message.receives for message in slow.messages) == 2


def test_jobs_of_one_asset_share_an_appointment_and_its_slot(slow: RelayModel) -> None:
    jobs = slow.change(*["image-1"] * 10)

    slow.run(10_000)

    assert slow.library.batches == [(10, 10)]
    assert used(slow.stack) == 1 + 1
    assert [slow.attempts()[job] for job in jobs] == [0] * 10

    slow.run()

    assert slow.stack.counts() == {"applied": 1 + 1, "superseded": 9}
    assert used(slow.stack) == len(slow.looks) == 1 + 1


def test_a_publication_does_not_wait_behind_changes_of_the_library(slow: RelayModel) -> None:
    slow.change(*IMAGES)
    slow.run(3000)

    (published,) = slow.publish("image-new")
    slow.run(MINUTE // 2)

    assert slow.stack.outcomes()[published] == "applied"
    assert slow.stack.counts()["applied"] < 1 + 5
    slow.run()
    assert slow.stack.counts() == {"applied": 1 + 10 + 1}


def test_jobs_wait_for_the_next_month_when_this_one_has_no_requests_left(
    stack: WorkerStack,
) -> None:
    stack.sleep(6 * DAY / 1000)
    with relay_model(stack, SCARCE) as relay:
        jobs = relay.publish(*IMAGES[:8])

        relay.run(2 * DAY)
        assert stack.counts() == {"applied": 5}
        assert used(stack) == 5
        relay.run()

        assert stack.outcomes() == dict.fromkeys(jobs, "applied")
        assert set(relay.attempts().values()) == {1}
        assert (used(stack), used(stack, "used#2026-12")) == (5, 3)
        assert max(message.receives for message in relay.messages) < 20


def test_a_job_that_waited_a_week_for_requests_becomes_a_dead_letter(stack: WorkerStack) -> None:
    with relay_model(stack, SCARCE) as relay:
        relay.publish(*IMAGES[:8])

        relay.run(7 * DAY)
        assert stack.counts() == {"applied": 5}
        relay.run(DAY)

        assert stack.counts() == {"applied": 5, "dead_lettered": 3}
        assert [why["reason"] for _, why in stack.dead_letters()] == ["no_quota"] * 3
        assert relay.lost == []
