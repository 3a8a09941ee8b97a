"""Dead letters: exactly the chosen ones go, wherever the command is killed."""

import itertools
import json
import time
from contextlib import closing
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from cmp_relay.dead_letters import DeadLetters
from cmp_relay.outcomes import Outcomes
from cmp_relay_cli import dead_letters, job_items, moments, queue_walk
from cmp_relay_cli.app import app
from cmp_relay_cli.dead_letters import Filter, Report
from cmp_relay_cli.errors import MissingError, OperatorError
from cmp_relay_cli.job_items import JobItem
from cmp_relay_cli.queue_walk import QueueWalk
from cmp_relay_cli.stack import Choice, Stack
from tests.support.dead_letter_world import bury, job, show_again, taken, visible
from tests.support.killer import Killer, ProcessKilled


@pytest.fixture(autouse=True)
def _no_long_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_walk, "WAIT_SECONDS", 0)


def quiet(_: int) -> None:
    """Show no progress."""


def found(stack: Stack, **chosen: Any) -> list[JobItem]:  # noqa: ANN401 - what Filter takes
    return dead_letters.find(stack, Filter(**chosen), quiet)


def test_groups_them_by_reason_with_what_to_do(stack: Stack) -> None:
    bury(stack, [job("a"), job("b")])
    bury(stack, [job("c", event_name="campaign_added")], reason="untrusted_link")

    groups = dead_letters.groups(found(stack))

    assert [(each["reason"], each["event_name"], each["count"]) for each in groups] == [
        ("unavailable", "task_added", 2),
        ("untrusted_link", "campaign_added", 1),
    ]
    assert groups[0]["jobs"] == ["a", "b"]
    assert groups[0]["detail"] == "five times"
    assert "CmpApiOrigins" in groups[1]["advice"]


def test_lists_how_many_more_the_queues_hold_than_jobs_that_are_known(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Choice, "find", lambda _: stack)
    today = job("a").model_copy(update={"received_at": moments.now()})
    bury(stack, [today])
    assert [each["reason"] for each in listed()] == ["unavailable"]

    letters = DeadLetters(stack.sqs, stack.dead_letter_queue("OtherEvent"))
    letters.send("{}", reason="unreadable_job", detail="job_id", job=None, attempts=1)
    # As SQS moves by itself what a worker never finished.
    url = stack.dead_letter_queue("AssetPublished")
    stack.sqs.send_message(QueueUrl=url, MessageBody="{}")
    Outcomes(stack.dynamodb, stack.table).begin(job("z"), "r")
    bury(stack, [job("of last year")])
    assert stack.sqs.receive_message(QueueUrl=url)["Messages"]

    more = listed()[-1]
    assert (more["reason"], more["count"], more["jobs"]) == ("no_known_job", 3, [])
    assert more["detail"].startswith("1 of AssetPublished, 2 of OtherEvent, by SQS's count")
    shown = CliRunner().invoke(app, ["dead-letters", "list"]).stdout
    assert "no_known_job" in shown
    assert "SQS's console" in shown
    assert [each["reason"] for each in listed("--job", "a")] == ["unavailable"]


def listed(*words: str) -> list[dict[str, Any]]:
    """Return the groups that the command line lists."""
    groups: list[dict[str, Any]] = json.loads(
        CliRunner().invoke(app, ["--json", "dead-letters", "list", *words]).stdout
    )
    return groups


def test_moves_exactly_fifty_of_two_hundred(stack: Stack) -> None:
    chosen = [job(f"x.{n}", delivery="x") for n in range(50)]
    others = [job(f"y.{n}", delivery="y") for n in range(150)]
    both = [
        one for three in zip(others[::3], others[1::3], others[2::3], strict=True) for one in three
    ]
    mixed = [one for n, each in enumerate(chosen) for one in (each, *both[3 * n : 3 * n + 3])]
    bury(stack, mixed)

    report = dead_letters.redrive(stack, found(stack, deliveries=["x"]), quiet)

    names = {each.job_id for each in chosen}
    assert set(report.moved) == names
    assert visible(stack, stack.dead_letter_queue("OtherEvent")) == 150
    assert sorted(taken(stack, stack.queue("OtherEvent"))) == sorted(names)
    left = set(taken(stack, stack.dead_letter_queue("OtherEvent")))
    assert left == {each.job_id for each in others}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_wherever_it_is_killed_the_chosen_ones_end_once_and_no_other_moves(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    monkeypatch.setattr(queue_walk, "MOST_MESSAGES", 2)
    killer = Killer()
    killer.watch(stack.sqs)
    killer.watch(stack.dynamodb)
    bury(stack, [job("other.0"), job("other.1")])
    for call in range(100):
        delivery = f"x{call}"
        names = {f"{delivery}.{number}" for number in range(3)}
        bury(stack, [job(name, delivery=delivery) for name in sorted(names)])
        items = found(stack, deliveries=[delivery])
        killer.kill_at(call, after=after)
        was_killed = redriven(stack, items) is None
        killer.spare()
        show_again()

        ended = work_off(stack)
        redriven(stack, found(stack, deliveries=[delivery]))
        assert ended | work_off(stack) == names
        redriven(stack, [])
        assert visible(stack, stack.dead_letter_queue("OtherEvent")) == 2
        if not was_killed:
            break
    assert not was_killed
    assert call > 10
    assert set(taken(stack, stack.dead_letter_queue("OtherEvent"))) == {"other.0", "other.1"}


def redriven(stack: Stack, items: list[JobItem]) -> Report | None:
    """Return the report of a redrive, None if it was killed."""
    try:
        return dead_letters.redrive(stack, items, quiet)
    except ProcessKilled:
        return None


def work_off(stack: Stack) -> set[str]:
    """Do as the worker does: reopen what is dead and end it, leave alone what has ended."""
    outcomes, ended = Outcomes(stack.dynamodb, stack.table), set()
    for name in taken(stack, stack.queue("OtherEvent")):
        outcomes.reopen(job(name))
        outcomes.close(job(name), "applied")
        ended.add(name)
    return ended


def test_a_job_that_fails_again_at_once_is_sent_back_once(stack: Stack) -> None:
    bury(stack, [job(name) for name in "abc"])
    asked: list[str] = []

    def refused_again(_: int) -> None:
        asked.extend(names := list(taken(stack, stack.queue("OtherEvent"))))
        bury(stack, map(job, names), reason="forbidden")
        assert len(asked) < 10

    report = dead_letters.redrive(stack, found(stack), refused_again)

    assert sorted(asked) == sorted(report.moved) == ["a", "b", "c"]
    assert report.missing == []
    assert visible(stack, stack.dead_letter_queue("OtherEvent")) == 3


@pytest.mark.parametrize("name", ["a", "gone"])
def test_a_walk_ends_although_dead_letters_come_as_fast_as_it_looks(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(queue_walk, "HIDDEN_SECONDS", 1)
    bury(stack, [job("gone")])
    assert list(taken(stack, stack.dead_letter_queue("OtherEvent"))) == ["gone"]
    bury(stack, [job("a"), job("b")])
    chosen = found(stack, jobs=[name])
    numbers, receive = itertools.count(), stack.sqs.receive_message
    began = time.monotonic()

    def receive_after_another(**named: Any) -> Any:  # noqa: ANN401 - as boto3 has it
        bury(stack, [job(f"new.{next(numbers)}")])
        assert time.monotonic() - began < 30
        return receive(**named)

    monkeypatch.setattr(stack.sqs, "receive_message", receive_after_another)
    report = dead_letters.redrive(stack, chosen, quiet)

    assert [*report.moved, *report.missing] == [name]


def test_waits_for_what_a_killed_walk_has_hidden(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_walk, "HIDDEN_SECONDS", 1)
    bury(stack, [job(name) for name in "abc"])
    killed = QueueWalk(stack, stack.dead_letter_queue("OtherEvent")).messages(bool)
    assert len(next(killed)) == 3

    report = dead_letters.redrive(stack, found(stack), quiet)

    assert (sorted(report.moved), report.missing) == (["a", "b", "c"], [])
    del killed  # only now, since it would show them


def test_a_walk_keeps_hidden_what_it_has_seen_while_it_lasts(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_walk, "MOST_MESSAGES", 1)
    clock = itertools.count(step=queue_walk.HIDDEN_SECONDS / 2)
    monkeypatch.setattr(queue_walk, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    bury(stack, [job(name) for name in "abc"])
    killer = Killer()
    killer.watch(stack.sqs)

    with closing(QueueWalk(stack, stack.dead_letter_queue("OtherEvent")).messages(bool)) as walk:
        assert len(list(itertools.islice(walk, 3))) == 3
        renewed = killer.calls.count("ChangeMessageVisibilityBatch")

    assert renewed == 1 + 2 + 3  # a request for each message seen so far
    assert visible(stack, stack.dead_letter_queue("OtherEvent")) == 3


def test_who_could_not_show_them_again_moves_none(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    bury(stack, [job("a")])
    refusal = ClientError({"Error": {"Code": "AccessDenied"}}, "ChangeMessageVisibilityBatch")
    monkeypatch.setattr(stack.sqs, "change_message_visibility_batch", Mock(side_effect=refusal))

    with pytest.raises(ClientError, match="ChangeMessageVisibilityBatch"):
        dead_letters.redrive(stack, found(stack), quiet)

    assert list(taken(stack, stack.queue("OtherEvent"))) == []
    show_again()
    assert list(taken(stack, stack.dead_letter_queue("OtherEvent"))) == ["a"]


def test_discards_the_chosen_ones_and_lists_them_no_more(stack: Stack) -> None:
    bury(stack, [job("a"), job("b")])
    bury(stack, [job("c")], reason="untrusted_link")

    report = dead_letters.discard(stack, found(stack, reasons=["unavailable"]), 7, quiet)

    assert set(report.discarded) == {"a", "b"}
    assert [each.job_id for each in found(stack)] == ["c"]
    assert job_items.get(stack, ["a"])["a"].discarded_at == 7
    assert job_items.get(stack, ["a"])["a"].outcome == "dead_lettered"
    assert list(taken(stack, stack.dead_letter_queue("OtherEvent"))) == ["c"]


def test_says_which_are_in_no_queue_any_more(stack: Stack) -> None:
    bury(stack, [job("a"), job("b")])
    assert len(list(taken(stack, stack.dead_letter_queue("OtherEvent")))) == 2

    report = dead_letters.redrive(stack, found(stack), quiet)

    assert report.missing == ["a", "b"]
    assert not report.moved
    # Thrown away, they are dead letters no more, although there was no message to delete.
    assert dead_letters.discard(stack, found(stack, jobs=["a"]), 7, quiet).missing == ["a"]
    assert [each.job_id for each in found(stack)] == ["b"]


@pytest.mark.parametrize("verb", ["redrive", "discard"])
def test_those_that_wait_for_a_worker_are_neither_lost_nor_thrown_away(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setattr(Choice, "find", lambda _: stack)
    words = ["--json", "dead-letters", verb, "--all", "--yes"]
    bury(stack, [job("long gone")])
    assert list(taken(stack, stack.dead_letter_queue("OtherEvent"))) == ["long gone"]
    today = {"received_at": moments.now()}
    bury(stack, [job(name).model_copy(update=today) for name in "ab"])
    sent = CliRunner().invoke(app, ["dead-letters", "redrive", "--job", "a", "--job", "b", "--yes"])
    assert "listed until a worker takes them" in sent.stdout

    result = CliRunner().invoke(app, words)

    report = json.loads(result.stdout)
    assert (report["waiting"], report["missing"]) == (["a", "b"], ["long gone"])
    assert isinstance(result.exception, OperatorError)
    assert "sent back and not yet taken by a worker (`cmp-relay status`)" in str(result.exception)
    assert [each.job_id for each in found(stack)][-2:] == ["a", "b"]
    assert work_off(stack) == {"a", "b"}
    assert json.loads(CliRunner().invoke(app, words).stdout)["waiting"] == []


def test_two_dead_letters_of_one_job_are_sent_back_as_one(stack: Stack) -> None:
    bury(stack, [job("a"), job("b"), job("a")])

    report = dead_letters.redrive(stack, found(stack), quiet)

    assert sorted(report.moved) == ["a", "b"]
    assert sorted(taken(stack, stack.queue("OtherEvent"))) == ["a", "b"]
    assert visible(stack, stack.dead_letter_queue("OtherEvent")) == 0


def test_a_discard_that_was_stopped_before_its_note_owes_only_that(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Choice, "find", lambda _: stack)
    bury(stack, [job("a")])
    refusal = ClientError({"Error": {"Code": "ThrottlingException"}}, "UpdateItem")
    words = ["dead-letters", "discard", "--all", "--yes"]
    with monkeypatch.context() as patched:
        patched.setattr(job_items, "discard", Mock(side_effect=refusal))
        assert CliRunner().invoke(app, words).exception is refusal

    told = str(CliRunner().invoke(app, words).exception)

    assert "1 of them are in no queue: deleted before, by SQS after 14 days, or sent back" in told
    assert found(stack) == []


def test_what_somebody_else_hides_is_not_missing_and_stays_a_dead_letter(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_walk, "HIDDEN_SECONDS", 1)
    monkeypatch.setattr(Choice, "find", lambda _: stack)
    bury(stack, [job("a")])
    url = stack.dead_letter_queue("OtherEvent")
    stack.sqs.receive_message(QueueUrl=url, VisibilityTimeout=900)
    bury(stack, [job("b")])

    words = ["--json", "dead-letters", "discard", "--all", "--yes"]
    result = CliRunner().invoke(app, words)

    report = json.loads(result.stdout)
    assert (report["discarded"], report["missing"], report["hidden"]) == (["b"], [], ["a"])
    assert isinstance(result.exception, OperatorError)
    assert "SQS's console hides: repeat" in str(result.exception)
    assert [each.job_id for each in found(stack)] == ["a"]
    show_again()
    assert dead_letters.discard(stack, found(stack), 7, quiet).discarded == ["a"]


def test_those_that_somebody_has_sent_back_meanwhile_are_not_missing(stack: Stack) -> None:
    bury(stack, [job("a"), job("b")])
    chosen = found(stack)
    dead_letters.redrive(stack, chosen[:1], quiet)
    assert work_off(stack) == {"a"}

    report = dead_letters.redrive(stack, chosen, quiet)

    assert (report.moved, report.sent_before, report.missing) == (["b"], ["a"], [])


def test_finds_them_by_all_that_is_given(stack: Stack) -> None:
    bury(stack, [job("a", delivery="x"), job("b", delivery="x", event_name="campaign_added")])
    bury(stack, [job("c", delivery="y")], reason="crashed")
    a, c, b = found(stack)  # by when they ended

    assert found(stack, deliveries=["x"], events=["campaign_added"]) == [b]
    assert found(stack, reasons=["crashed", "unavailable"]) == [a, c, b]
    assert found(stack, since=b.ended_at) == [b]
    assert found(stack, until=a.ended_at) == []
    assert found(stack, jobs=["a"], assets=["nobody"]) == []


def test_a_job_that_nobody_knows_is_told_before_anything_moves(stack: Stack) -> None:
    bury(stack, [job("a")])

    with pytest.raises(MissingError, match="b is no dead letter"):
        found(stack, jobs=["a", "b"])


@pytest.mark.parametrize("option", ["--delivery", "--asset"])
def test_an_id_that_nobody_knows_is_told_beside_one_that_is_known(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.setattr(Choice, "find", lambda _: stack)
    bury(stack, [job("x.0", delivery="x"), job("y.0", delivery="y")])
    words = ["dead-letters", "redrive", "--delivery", "x", "--yes"]

    told = CliRunner().invoke(app, [*words, option, "typo"]).exception

    assert isinstance(told, MissingError)
    assert str(told).startswith("typo is neither a delivery")
    assert visible(stack, stack.queue("OtherEvent")) == 0
    assert CliRunner().invoke(app, words).exit_code == 0


def test_a_large_message_goes_in_a_batch_of_its_own(stack: Stack) -> None:
    bury(stack, [job(name) for name in "abc"])
    large = [job(f"large.{n}").model_copy(update={"entry": "/" + n * 150_000}) for n in "12"]
    bury(stack, large)

    report = dead_letters.redrive(stack, found(stack), quiet)

    assert len(report.moved) == 5
    assert len(list(taken(stack, stack.queue("OtherEvent")))) == 5
