import itertools
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cmp_relay.errors import PostponedError
from cmp_relay.jobs import Job
from cmp_relay.outcomes import KEPT_SECONDS, Attempt, Ending, Outcome, Outcomes
from tests.support import publish_jobs
from tests.support.clock import NOON
from tests.support.publish_jobs import receipt
from tests.support.worker_stack import WorkerStack

JOB = publish_jobs.job()
REFUSAL: Any = {
    "Error": {"Code": "TransactionCanceledException", "Message": ""},
    "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}],
}


RECEIVES = itertools.count()


def begin(outcomes: Outcomes, job: Job) -> Attempt:
    """Begin an attempt at a message that was received once more."""
    return outcomes.begin(job, f"message#{next(RECEIVES)}")


@pytest.fixture
def outcomes(stack: WorkerStack) -> Outcomes:
    return Outcomes(stack.dynamodb, "catalogue", now=stack.clock)


def test_each_attempt_is_counted_before_its_work(outcomes: Outcomes) -> None:
    attempts = [begin(outcomes, JOB) for _ in range(3)]

    assert [attempt.number for attempt in attempts] == [1, 2, 3]
    assert {(attempt.outcome, attempt.not_found_at) for attempt in attempts} == {(None, None)}


def test_a_receive_counts_once_however_often_the_call_is_repeated(outcomes: Outcomes) -> None:
    begin(outcomes, JOB)

    attempts = [outcomes.begin(JOB, "message#again") for _ in range(3)]

    assert [attempt.number for attempt in attempts] == [2, 2, 2]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_each_attempt_is_taken_back_once_in_whatever_order(
    outcomes: Outcomes, order: tuple[int, ...]
) -> None:
    attempts = [begin(outcomes, JOB) for _ in range(3)]

    for number in order:
        for _ in range(2):  # the client repeats a call whose answer was lost
            outcomes.take_back(JOB.job_id, attempts[number], "appointment")

    assert begin(outcomes, JOB).number == 1


def test_an_attempt_that_failed_stays_counted(outcomes: Outcomes) -> None:
    begin(outcomes, JOB)
    postponed = begin(outcomes, JOB)

    outcomes.take_back(JOB.job_id, postponed, "appointment")

    assert begin(outcomes, JOB).number == 2


def test_two_messages_of_one_job_take_back_an_attempt_each(outcomes: Outcomes) -> None:
    first = begin(outcomes, JOB)
    begin(outcomes, JOB)

    outcomes.take_back(JOB.job_id, first, "appointment")

    assert begin(outcomes, JOB).number == 2


def test_an_attempt_that_was_none_is_taken_back(outcomes: Outcomes) -> None:
    begun = begin(outcomes, JOB)
    outcomes.take_back(JOB.job_id, begun, "no_quota")

    again = begin(outcomes, JOB)

    assert (again.number, again.waits_for) == (1, "no_quota")


def test_the_item_says_which_job_it_is_and_when_it_was_first_seen(
    outcomes: Outcomes, stack: WorkerStack
) -> None:
    outcomes.begin(JOB, "message#1")
    stack.clock.advance(60)
    outcomes.begin(JOB, "message#2")

    (item,) = stack.items("JOB#")
    assert item == {
        "pk": "JOB#delivery-1.0",
        "sk": "JOB",
        "first_seen_at": NOON,
        "delivery_id": "delivery-1",
        "event_name": "asset_published",
        "received_at": NOON,
        "archive_key": "deliveries/2026/11/21/delivery-1.json",
        "asset_id": "image-1",
        "expires_at": NOON // 1000 + KEPT_SECONDS,
        "attempts": 2,
        "receives": {"message#1", "message#2"},
        "cause": "delivery",
    }


def test_a_job_without_an_asset_is_seen_too(outcomes: Outcomes, stack: WorkerStack) -> None:
    job = Job.model_validate_json(
        JOB.model_copy(update={"asset": None}).model_dump_json(by_alias=True)
    )

    assert begin(outcomes, job).number == 1
    assert stack.items("JOB#")[0]["asset_id"] is None


def test_the_next_attempt_knows_that_cmp_did_not_find_the_asset(
    outcomes: Outcomes, stack: WorkerStack
) -> None:
    begin(outcomes, JOB)
    outcomes.note_not_found(JOB.job_id)

    assert begin(outcomes, JOB).not_found_at == NOON


def test_a_job_ends_once_and_is_counted_once(outcomes: Outcomes, stack: WorkerStack) -> None:
    begin(outcomes, JOB)

    outcomes.close(JOB, "superseded", "why")
    outcomes.close(JOB, "superseded", "why")
    outcomes.close(JOB, "applied")

    (item,) = stack.items("JOB#")
    assert (item["outcome"], item["reason"], item["ended_at"]) == ("superseded", "why", NOON)
    assert stack.counts() == {"superseded": 1}
    assert begin(outcomes, JOB).outcome == "superseded"


def test_a_job_that_applied_has_no_reason(outcomes: Outcomes, stack: WorkerStack) -> None:
    outcomes.close(JOB, "applied")

    assert stack.items("JOB#")[0]["reason"] is None


def test_outcome_and_count_are_written_together_or_not_at_all(
    outcomes: Outcomes, stack: WorkerStack
) -> None:
    begin(outcomes, JOB)
    outcomes.close(JOB, "applied")
    (count,) = stack.items("COUNT#")
    stack.dynamodb.delete_item(
        TableName="catalogue", Key={"pk": {"S": "JOB#delivery-1.0"}, "sk": {"S": "JOB"}}
    )
    # A count that is no number refuses its half of the transaction
    broken = {"pk": {"S": count["pk"]}, "sk": {"S": "COUNT"}, "applied": {"S": "many"}}
    stack.dynamodb.put_item(TableName="catalogue", Item=broken)
    begin(outcomes, JOB)

    with pytest.raises(ClientError):
        outcomes.close(JOB, "applied")

    assert stack.outcomes() == {"delivery-1.0": None}


def test_a_dead_letter_that_was_sent_back_is_as_good_as_new(
    outcomes: Outcomes, stack: WorkerStack
) -> None:
    for _ in range(5):
        begin(outcomes, JOB)
    outcomes.note_not_found(JOB.job_id)
    outcomes.close(JOB, "dead_lettered", "why")
    key = {"pk": {"S": f"JOB#{JOB.job_id}"}, "sk": {"S": "JOB"}}
    stack.dynamodb.update_item(
        TableName="catalogue",
        Key=key,
        UpdateExpression="SET discarded_at = :now",
        ExpressionAttributeValues={":now": {"N": str(NOON)}},
    )

    outcomes.reopen(JOB)
    outcomes.reopen(JOB)
    (item,) = stack.items("JOB#")
    assert item.keys().isdisjoint({"outcome", "reason", "ended_at", "discarded_at"})

    attempt = begin(outcomes, JOB)
    assert (attempt.number, attempt.outcome, attempt.not_found_at) == (2, None, None)
    assert stack.counts() == {}
    outcomes.close(JOB, "applied")
    assert stack.counts() == {"applied": 1}


def test_it_is_known_how_a_job_ended(outcomes: Outcomes) -> None:
    assert outcomes.ending(JOB.job_id) is None
    begin(outcomes, JOB)
    assert outcomes.ending(JOB.job_id) is None

    outcomes.close(JOB, "superseded", "of no use")

    assert outcomes.ending(JOB.job_id) == Ending("superseded", "of no use")


@pytest.mark.parametrize("outcome", ["applied", "superseded"])
def test_only_a_dead_letter_can_be_reopened(
    outcomes: Outcomes, stack: WorkerStack, outcome: Outcome
) -> None:
    outcomes.close(JOB, outcome)

    outcomes.reopen(JOB)

    assert stack.counts() == {outcome: 1}
    assert begin(outcomes, JOB).outcome == outcome


def test_counts_are_spread_and_add_up(outcomes: Outcomes, stack: WorkerStack) -> None:
    for number in range(20):
        outcomes.close(publish_jobs.job(of=receipt(f"delivery-{number}")), "applied")
    outcomes.close(publish_jobs.job(of=receipt("day-before", NOON - 24 * 3_600_000)), "applied")

    assert stack.counts() == {"applied": 21}
    items = stack.items("COUNT#")
    assert len(items) > 5
    assert {item["pk"].split("#")[1] for item in items} == {"2026-11-20", "2026-11-21"}


def test_tries_again_when_two_transactions_met(
    outcomes: Outcomes, stack: WorkerStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    meet(stack, monkeypatch, times=4)

    outcomes.close(JOB, "applied")

    assert len(waits) == 4
    assert stack.counts() == {"applied": 1}


def test_gives_up_when_transactions_keep_meeting(
    outcomes: Outcomes, stack: WorkerStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    meet(stack, monkeypatch, times=5)

    with pytest.raises(PostponedError):
        outcomes.close(JOB, "applied")

    assert stack.outcomes() == {}


def meet(stack: WorkerStack, monkeypatch: pytest.MonkeyPatch, *, times: int) -> None:
    """Let so many transactions fail as they do when another one is under way."""
    client = stack.dynamodb
    really = client.transact_write_items
    left = [times]

    def transact(**request: object) -> object:
        if left[0]:
            left[0] -= 1
            raise client.exceptions.TransactionCanceledException(REFUSAL, "TransactWriteItems")
        return really(**request)  # type: ignore[arg-type]

    monkeypatch.setattr(client, "transact_write_items", transact)


def test_what_the_relay_asked_of_itself_is_counted_apart(
    outcomes: Outcomes, stack: WorkerStack
) -> None:
    own = JOB.model_copy(update={"job_id": "own", "cause": "files", "archive_key": None})
    for job in (JOB, own):
        outcomes.begin(job, "message#1")
        outcomes.close(job, "applied")

    counts = {item["sk"]: item["applied"] for item in stack.items("COUNT#")}
    assert counts == {"COUNT": 1, "COUNT#files": 1}
