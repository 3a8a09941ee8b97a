import pytest

from cmp_relay.dead_letters import LONGEST_DETAIL, DeadLetters
from tests.support import environment, publish_jobs
from tests.support.worker_stack import WorkerStack, clients


@pytest.fixture
def dead_letters(stack: WorkerStack) -> DeadLetters:
    return DeadLetters(clients("workers").queues, environment.queue_url("dead-letter"))


def test_a_dead_letter_says_which_job_it_was_and_why(
    stack: WorkerStack, dead_letters: DeadLetters
) -> None:
    dead_letters.send("body", reason="why", detail="more", job=publish_jobs.job(), attempts=3)

    assert stack.dead_letters() == [
        (
            "body",
            {
                "reason": "why",
                "detail": "more",
                "attempts": "3",
                "job_id": "delivery-1.0",
                "delivery_id": "delivery-1",
                "event_name": "asset_published",
            },
        )
    ]


def test_a_message_that_is_no_job_has_a_reason_too(
    stack: WorkerStack, dead_letters: DeadLetters
) -> None:
    dead_letters.send("body", reason="why", detail="", job=None, attempts=1)

    ((_, attributes),) = stack.dead_letters()
    # SQS refuses empty attributes
    assert attributes == {"reason": "why", "detail": "-", "attempts": "1"}


def test_a_long_detail_is_cut(stack: WorkerStack, dead_letters: DeadLetters) -> None:
    dead_letters.send("body", reason="why", detail="x" * 10_000, job=None, attempts=1)

    ((_, attributes),) = stack.dead_letters()
    assert attributes["detail"] == "x" * LONGEST_DETAIL
