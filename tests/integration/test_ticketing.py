"""Tickets and external steps tell each other: each thing once, whoever dies, and no loop."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from cmp_relay import marks, tickets
from cmp_relay.errors import (
    CmpRelayError,
    CredentialsError,
    ForbiddenError,
    RequestRefusedError,
    UnavailableError,
)
from cmp_relay.exchanges import build_client
from cmp_relay.ticketing import EARLY_SECONDS, LATE_RECHECK_SECONDS, SEARCH_SECONDS, SKEW
from cmp_relay.tickets import Draft, Tickets
from tests.support.external_steps import SUB_STEP, WORK
from tests.support.stub_server import stub_server
from tests.support.ticket_world import Message, TicketWorld
from tests.support.worker_stack import CONTEXT, WorkerStack
from tools.stand_in_jira.app import SITE
from tools.stand_in_jira.client import StandInJira
from tools.stand_in_jira.process import API_TOKEN, EMAIL, running

pytestmark = pytest.mark.enable_socket

STARTED = "external_sub_step_started"
COMPLETED = "external_sub_step_completed"


@pytest.fixture(scope="module")
def server() -> Iterator[StandInJira]:
    with running() as started:
        yield started


@pytest.fixture
def world(stack: WorkerStack, server: StandInJira) -> Iterator[TicketWorld]:
    with stub_server() as hooks, build_client() as http:
        yield TicketWorld(stack, server, hooks, http)


def told(world: TicketWorld, message: Message) -> Message:
    """Let the bus hear of a delivery, and return the job of the ticket that follows."""
    world.finish(message)
    (job,) = world.waiting()
    return job


def opened(world: TicketWorld) -> str:
    """Open the ticket, link it, and return its id."""
    world.settle([world.delivered(STARTED)])
    (issue,) = world.jira.issues()
    return str(issue["id"])


def outcome(world: TicketWorld, message: Message) -> tuple[str, str | None]:
    """Return how the job of a message has ended, and why."""
    job_id = json.loads(message[1])["job_id"]
    (item,) = world.stack.items(f"JOB#{job_id}")
    return str(item.get("outcome")), item.get("reason")


def reasons(world: TicketWorld) -> list[str]:
    return [attributes["reason"] for _, attributes in world.stack.dead_letters()]


# Opening a ticket


def test_a_step_that_starts_becomes_a_ticket_that_cmp_shows(world: TicketWorld) -> None:
    started = told(world, world.delivered(STARTED))

    assert world.work(started)

    (issue,) = world.jira.issues()
    assert issue["summary"] == "Summer campaign: Legal review"
    assert issue["labels"] == ["cmp-relay", tickets.label_of("sub-1")]
    assert "In CMP: https://app.example.com/tasks/task-1" in issue["description"]
    assert "- Beach (image): https://app.example.com/images/image-1" in issue["description"]
    (command,) = world.commands()
    assert command["command_id"] == f"jira.{issue['id']}.3.link_ticket"
    assert command["arguments"] == {
        "external_work_link": WORK,
        "identifier": "CMP-1",
        "title": "Summer campaign: Legal review",
        "status": "To Do",
        "url": f"{SITE}/browse/CMP-1",
    }


def test_a_step_of_another_system_is_none_of_our_business(world: TicketWorld) -> None:
    work = world.stack.api.resources[WORK]
    assert not isinstance(work, Exception)
    world.stack.api.resources[WORK] = {**work, "external_system": "Trello"}

    assert world.work(world.delivered(STARTED))

    assert world.waiting() == []


def test_a_step_that_starts_twice_has_one_ticket(world: TicketWorld) -> None:
    first = told(world, world.delivered(STARTED))
    again = (first[0], first[1].replace("ticket.delivery-1", "ticket.delivery-9"))

    assert world.work(first)
    assert world.work(again)

    assert len(world.jira.issues()) == 1
    assert outcome(world, again)[0] == "superseded"
    assert len(world.commands()) == 1


def test_a_worker_that_dies_anywhere_opens_one_ticket(world: TicketWorld) -> None:
    started = told(world, world.delivered(STARTED))
    calls = len(world.calls_of(started))
    state = world.stack.items("TICKET#")

    for call in range(calls + 1):
        world.stack.empty()
        world.waiting()
        world.start_jira_anew()

        world.work_and_die(started, min(call, calls - 1), after=call == calls)
        world.finish(started)

        (issue,) = world.jira.issues()
        now = world.stack.items("TICKET#")
        assert [item["verdict"] for item in now] == [item["verdict"] for item in state], call
        ids = {command["command_id"] for command in world.commands()}
        assert len(ids) == 1, call
        assert ids.pop().startswith(f"jira.{issue['id']}."), call
        assert world.stack.outcomes() == {json.loads(started[1])["job_id"]: "applied"}, call


def test_a_ticket_that_the_search_does_not_show_yet_is_waited_for(world: TicketWorld) -> None:
    started = told(world, world.delivered(STARTED))
    world.jira.index_after(3600)
    world.tickets = LostAnswer(world.tickets)

    assert not world.work(started)
    assert not world.work(started)
    assert world.stack.visibilities[-1] == 30
    assert len(world.jira.issues()) == 1

    world.jira.index_after(0)

    assert world.work(started)
    (issue,) = world.jira.issues()
    assert [command["arguments"]["identifier"] for command in world.commands()] == [issue["key"]]


def test_a_ticket_that_no_search_shows_was_not_opened(world: TicketWorld) -> None:
    started = told(world, world.delivered(STARTED))
    world.tickets = LostQuestion(world.tickets)
    assert not world.work(started)

    world.stack.sleep(SEARCH_SECONDS + 1)

    assert world.work(started)
    assert len(world.jira.issues()) == 1


@pytest.mark.parametrize(
    ("status", "reason"), [(400, "request_refused"), (403, "forbidden"), (404, "not_found")]
)
def test_what_jira_refuses_is_a_dead_letter_that_begins_anew_when_sent_back(
    world: TicketWorld, status: int, reason: str
) -> None:
    started = told(world, world.delivered(STARTED))
    world.jira.fault("status", status=status)
    world.jira.index_after(3600)

    assert world.work(started)
    assert reasons(world) == [reason]
    assert "claimed_at" not in world.stack.items("TICKET#")[0]

    sent_back = world.stack.event(started[1], attributes={"reason": reason})
    assert world.worker().handle(sent_back, CONTEXT) == {"batchItemFailures": []}
    assert len(world.jira.issues()) == 1


def test_jira_puts_a_job_off_which_is_no_attempt(world: TicketWorld) -> None:
    started = told(world, world.delivered(STARTED))
    world.jira.index_after(3600)
    world.jira.fault("status", status=429, retry_after="40", count=8)

    assert [world.work(started) for _ in range(8)] == [False] * 8
    assert world.stack.visibilities[-1] == 40
    assert world.work(started)

    assert len(world.jira.issues()) == 1
    (item,) = [item for item in world.stack.items("JOB#") if item["cause"] == "ticket"]
    assert item["attempts"] == 1


# From CMP to Jira


def test_a_worker_that_dies_anywhere_writes_one_comment(world: TicketWorld) -> None:
    opened(world)
    commented = told(world, world.comment_in_cmp("Is the model's consent there?"))
    calls = len(world.calls_of(commented))

    for call in range(calls + 1):
        words = f"Comment {call}"
        commented = told(world, world.comment_in_cmp(words))
        world.work_and_die(commented, min(call, calls - 1), after=call == calls)

        assert world.work(commented), call

        (issue,) = world.jira.issues()
        found = [one["body"] for one in issue["comments"] if words in one["body"].split("\n")]
        assert len(found) == 1, call


def test_comments_of_long_ago_are_not_looked_through(world: TicketWorld) -> None:
    opened(world)
    calls = world.calls_of(told(world, world.comment_in_cmp("Of long ago")))
    world.stack.clock.milliseconds = int(time.time() * 1000) + SKEW + 60_000
    commented = told(world, world.comment_in_cmp("Of today"))
    world.work_and_die(commented, calls.index("PutItem"), after=True)
    assert len(world.jira.issues()[0]["comments"]) == 1

    assert world.work(commented)

    words = [marks.strip(one["body"]) for one in world.jira.issues()[0]["comments"]]
    assert words == ["Comment in CMP:\n\nOf long ago", "Comment in CMP:\n\nOf today"]


def test_a_step_whose_links_no_command_takes_is_a_dead_letter(world: TicketWorld) -> None:
    queue, body = told(world, world.delivered(STARTED))

    assert world.work((queue, body.replace("/external-work", "/work-of-tomorrow")))

    assert reasons(world) == ["untrusted_link"]


def test_a_comment_overtakes_the_start_of_its_step(world: TicketWorld) -> None:
    commented = told(world, world.comment_in_cmp("Too early"))
    assert not world.work(commented)

    world.settle([world.delivered(STARTED), commented])

    (issue,) = world.jira.issues()
    assert [marks.strip(one["body"]) for one in issue["comments"]] == [
        "Comment in CMP:\n\nToo early"
    ]


def test_a_comment_on_a_step_that_never_gets_a_ticket_ends(world: TicketWorld) -> None:
    commented = told(world, world.comment_in_cmp("Nobody listens"))
    world.stack.sleep(EARLY_SECONDS + 1)

    assert world.work(commented)

    assert outcome(world, commented) == ("superseded", "the sub-step has no ticket")


@pytest.mark.parametrize(
    "error",
    [CredentialsError("401", delay=660), RequestRefusedError("400"), UnavailableError("POST: 503")],
    ids=lambda error: error.reason,
)
def test_what_is_said_waits_for_a_ticket_that_cannot_be_opened_yet(
    world: TicketWorld, error: CmpRelayError
) -> None:
    started, good = told(world, world.delivered(STARTED)), world.tickets
    commented = told(world, world.comment_in_cmp("Check the licence"))
    show(world, is_completed=True)
    completed = told(world, world.delivered(COMPLETED))
    world.tickets = Failing(good, error)
    world.work(started)

    world.stack.sleep(EARLY_SECONDS + 1)
    assert [world.work(late) for late in (commented, completed) for _ in range(6)] == [False] * 12
    assert world.stack.visibilities[-1] == LATE_RECHECK_SECONDS
    (item,) = world.stack.items(f"JOB#{json.loads(commented[1])['job_id']}")
    assert (item.get("outcome"), item["attempts"]) == (None, 0)

    world.tickets = good
    again = (started[0], started[1].replace("ticket.delivery-", "ticket.delivery-9"))
    world.settle([again, commented, completed])
    (issue,) = world.jira.issues()
    words = " ".join(one["body"] for one in issue["comments"])
    assert "Check the licence" in words
    assert "is completed in CMP" in words


def test_a_comment_reaches_its_ticket_while_cmp_does_not_show_the_work(world: TicketWorld) -> None:
    opened(world)
    world.stack.api.resources[WORK] = ForbiddenError("GET: 403", status=403)

    world.settle([world.comment_in_cmp("Do not publish this!")])

    (comment,) = world.jira.issues()[0]["comments"]
    assert "Do not publish this!" in comment["body"]


def test_a_step_that_starts_again_says_so_on_its_ticket_once(world: TicketWorld) -> None:
    queue, body = told(world, world.delivered(STARTED))
    world.settle([(queue, body)])
    world.jira.move(world.jira.issues()[0]["id"], "Done")
    world.settle()
    first = queue, body.replace("ticket.delivery-", "ticket.delivery-8")
    again = queue, body.replace("ticket.delivery-", "ticket.delivery-9")

    calls = world.calls_of(first)
    world.work_and_die(again, len(calls) - 1, after=False)
    world.settle([again])

    comments = world.jira.issues()[0]["comments"]
    assert [marks.strip(one["body"])[:46] for one in comments] == [
        "The step “Legal review” has started again in C"
    ] * 2
    assert outcome(world, again)[0] == "applied"
    assert world.cmp_comments == {}


def test_a_comment_that_cmp_does_not_show_any_more_is_not_carried(world: TicketWorld) -> None:
    opened(world)
    queue, body = told(world, world.comment_in_cmp("Gone"))
    job = json.loads(body)
    job["event"]["found"] = False

    assert world.work((queue, json.dumps(job)))

    assert world.jira.issues()[0]["comments"] == []


def test_a_completed_step_is_told_once(world: TicketWorld) -> None:
    opened(world)
    show(world, is_completed=True)
    first = told(world, world.delivered(COMPLETED))
    again = (first[0], first[1].replace("delivery-", "delivery-9"))

    assert world.work(first)
    assert world.work(again)

    (comment,) = world.jira.issues()[0]["comments"]
    assert marks.strip(comment["body"]) == "The step “Legal review” is completed in CMP."


def test_a_step_without_a_ticket_is_completed_in_silence(world: TicketWorld) -> None:
    show(world, is_completed=True)
    completed = told(world, world.delivered(COMPLETED))
    assert not world.work(completed)
    world.stack.sleep(EARLY_SECONDS + 1)

    assert world.work(completed)

    assert outcome(world, completed) == ("superseded", "the sub-step has no ticket")


def test_a_ticket_that_was_deleted_makes_a_dead_letter(world: TicketWorld) -> None:
    world.jira.delete(opened(world))

    assert world.work(told(world, world.comment_in_cmp("Where are you?")))

    assert reasons(world) == ["not_found"]


# From Jira to CMP


def test_a_status_is_told_and_a_resolved_ticket_completes_its_step(world: TicketWorld) -> None:
    ticket = opened(world)

    world.jira.move(ticket, "In Progress")
    world.settle()
    assert shown(world)["status"] == "In Progress"
    assert world.completed == 0

    world.jira.move(ticket, "Done")
    world.settle()
    assert shown(world)["status"] == "Done"
    assert world.completed == 1
    assert world.cmp_comments == {}


def test_a_rejected_ticket_says_so_and_leaves_the_step_open(world: TicketWorld) -> None:
    ticket = opened(world)

    world.jira.move(ticket, "Rejected")
    world.settle()

    assert shown(world)["status"] == "Rejected"
    assert world.completed == 0
    (comment,) = world.cmp_comments.values()
    assert marks.strip(comment["value"]) == "CMP-1 was rejected: Won't Do. This step stays open."


def test_a_ticket_may_be_rejected_then_done(world: TicketWorld) -> None:
    ticket = opened(world)

    for status in ("Rejected", "In Progress", "Done", "In Progress", "Done"):
        world.jira.move(ticket, status)
        world.settle()

    assert world.completed == 2
    assert len(world.cmp_comments) == 1


def test_webhooks_that_overtake_each_other_tell_the_newest_state(world: TicketWorld) -> None:
    ticket = opened(world)
    world.jira.move(ticket, "In Progress")
    world.jira.move(ticket, "Done")
    late = world.heard()

    for message in reversed(late):
        assert world.work(message)

    assert [command["command"] for command in world.commands()] == ["link_ticket", "complete"]


def test_a_webhook_that_comes_again_may_be_the_first_to_see_what_is_newer(
    world: TicketWorld,
) -> None:
    ticket = opened(world)
    world.jira.move(ticket, "In Progress")
    changed, copied = world.heard()
    world.settle([changed])
    world.jira.move(ticket, "Done")
    newer = world.heard()

    world.settle([copied])
    world.settle(newer)

    assert shown(world)["status"] == "Done"
    assert world.completed == 1


def test_a_worker_that_dies_anywhere_tells_cmp_of_a_state_under_one_id(world: TicketWorld) -> None:
    ticket = opened(world)
    world.jira.move(ticket, "Rejected")
    changed, copied = world.heard()
    calls = len(world.calls_of(changed))
    expected = {command["command_id"] for command in world.commands()}
    assert len(expected) == 2

    for call in range(calls + 1):
        other = "Done" if call % 2 == 0 else "Rejected"
        world.jira.move(ticket, other)
        changed, copied = world.heard()
        world.work_and_die(changed, min(call, calls - 1), after=call == calls)

        assert world.work(copied), call
        assert world.work(changed), call

        found = {command["command_id"]: command for command in world.commands()}
        assert sorted(command["command"] for command in found.values()) == [
            "complete" if other == "Done" else "comment",
            "link_ticket",
        ], call


def test_a_comment_comes_with_its_author(world: TicketWorld) -> None:
    ticket = opened(world)

    world.jira.comment(ticket, "Consent is there.", author="Grace Hopper")
    world.settle()

    (comment,) = world.cmp_comments.values()
    assert marks.strip(comment["value"]) == (
        "Grace Hopper commented on CMP-1:\n\nConsent is there."
    )


def test_a_comment_for_few_stays_in_jira(world: TicketWorld) -> None:
    ticket = opened(world)

    world.jira.comment(ticket, "Between us", visibility="Administrators")
    world.settle()

    assert world.cmp_comments == {}


def test_a_copy_of_our_mark_hides_no_comment_of_a_person(world: TicketWorld) -> None:
    ticket = opened(world)
    world.settle([world.comment_in_cmp("Original")])
    ours = world.jira.issues()[0]["comments"][0]["body"]

    world.jira.comment(ticket, f"I quote:\n{ours}")
    world.settle()

    assert len(world.cmp_comments) == 2


def test_a_comment_that_was_deleted_meanwhile_is_not_carried(world: TicketWorld) -> None:
    ticket = opened(world)
    world.jira.comment(ticket, "Oops")
    (message, _) = world.heard()
    job = json.loads(message[1])
    gone = (message[0], json.dumps({**job, "comment": {"id": "99999"}}))

    assert world.work(gone)

    assert world.commands() == []
    expected = ("superseded", "the comment is gone from the ticket system")
    assert outcome(world, gone) == expected


@pytest.mark.parametrize("kind", ["moved", "commented"])
def test_a_ticket_on_record_that_jira_does_not_show_is_a_dead_letter(
    world: TicketWorld, kind: str
) -> None:
    ticket = opened(world)
    world.jira.move(ticket, "Done") if kind == "moved" else world.jira.comment(ticket, "Approved")
    (message, _) = world.heard()
    world.jira.delete(ticket)

    assert world.work(message)

    assert reasons(world) == ["not_found"]


def test_a_comment_that_jira_refuses_leaves_no_mark_for_others(world: TicketWorld) -> None:
    ticket, good = opened(world), world.tickets
    refused = told(world, world.comment_in_cmp("Refused"))
    comment_id = json.loads(refused[1])["comment"]["id"]
    world.tickets = Failing(good, RequestRefusedError("POST: 400", status=400))
    assert world.work(refused)
    world.tickets = good

    mark = marks.of(f"jira.sub-1.comment.{comment_id}")
    world.jira.comment(ticket, marks.add("Stop! Do not publish.", mark))
    world.settle()

    assert any("Stop!" in one["value"] for one in world.cmp_comments.values())


def test_a_mark_stays_while_an_attempt_before_may_be_under_way(world: TicketWorld) -> None:
    opened(world)
    commented, good = told(world, world.comment_in_cmp("Perhaps")), world.tickets

    world.tickets = Failing(good, UnavailableError("POST: no answer"))
    assert not world.work(commented)
    world.tickets = Failing(good, RequestRefusedError("POST: 400", status=400))
    assert world.work(commented)

    assert any(item["sk"].startswith("COMMENT#") for item in world.stack.items("TICKET#"))


def test_an_issue_of_others_is_left_alone(world: TicketWorld) -> None:
    fields = {"project": {"key": "CMP"}, "issuetype": {"name": "Task"}, "summary": "Theirs"}
    url = f"{world.jira.base_url}/rest/api/3/issue"
    with build_client() as http:
        theirs = http.post(url, json={"fields": fields}, auth=(EMAIL, API_TOKEN)).json()["id"]
    moved = heard_of(world, theirs)

    assert world.work(moved)

    assert outcome(world, moved) == ("superseded", "no ticket of the relay's")


def test_an_issue_that_jira_does_not_show_is_left_alone(world: TicketWorld) -> None:
    ticket = world.tickets.open(Draft("cmp-relay-1", "Title", "Text"))
    moved = heard_of(world, ticket)
    world.jira.delete(ticket)

    assert world.work(moved)

    assert outcome(world, moved) == ("superseded", "no ticket that the ticket system shows")


def test_a_ticket_that_is_not_on_record_yet_is_waited_for(world: TicketWorld) -> None:
    started = told(world, world.delivered(STARTED))
    world.tickets = LostAnswer(world.tickets)
    assert not world.work(started)
    (issue,) = world.jira.issues()
    world.jira.comment(issue["id"], "I take it.")
    (early, _) = world.heard()

    world.stack.sleep(EARLY_SECONDS)
    assert not world.work(early)
    assert world.stack.visibilities[-1] == LATE_RECHECK_SECONDS
    world.settle([started, early])

    assert any("I take it." in one["value"] for one in world.cmp_comments.values())


def test_a_copy_of_a_ticket_is_left_alone(world: TicketWorld) -> None:
    opened(world)
    copied = world.tickets.open(Draft(tickets.label_of("sub-1"), "A copy", "Text"))
    foreign = world.tickets.open(Draft(tickets.label_of("sub-2"), "Another relay's", "Text"))

    for ticket in (copied, foreign):
        moved = heard_of(world, ticket)
        assert world.work(moved)
        assert outcome(world, moved) == (
            "superseded",
            "a ticket of another relay, or a copy of one of ours",
        )


def test_what_is_heard_of_a_ticket_that_is_being_recorded_comes_back(world: TicketWorld) -> None:
    started = told(world, world.delivered(STARTED))
    # After the ticket leads to its sub-step, before it is on record there.
    names = world.calls_of(started)
    world.stack.empty()
    world.start_jira_anew()
    world.work_and_die(started, names.index("PutItem", names.index("PutItem") + 3), after=False)
    (issue,) = world.jira.issues()
    early = heard_of(world, issue["id"])

    assert not world.work(early)
    assert world.work(started)
    assert world.work(early)


# No loop


@pytest.mark.parametrize("count", [10, pytest.param(100, marks=pytest.mark.long)])
def test_comments_in_both_directions_are_as_many_on_the_other_side(
    world: TicketWorld, count: int
) -> None:
    world.start_jira_anew(copies=1)  # that each comes twice is tried above
    ticket = opened(world)
    theirs = [f"From Jira {number}" for number in range(count)]
    ours = [f"From CMP {number}" for number in range(count)]
    messages: list[Message] = []
    for words in ours:
        job = told(world, world.comment_in_cmp(words))
        # Each worker dies once: at its first call, at its second ...
        world.work_and_die(job, len(messages) % 8, after=len(messages) % 2 == 1)
        messages.append(job)
    for words in theirs:
        world.jira.comment(ticket, words)

    world.settle(messages)
    echoes = [
        world.delivered("external_sub_step_comment_added", comment_id)
        for comment_id in world.cmp_comments
    ]
    world.settle(echoes)

    in_jira = [marks.strip(one["body"]) for one in world.jira.issues()[0]["comments"]]
    in_cmp = [marks.strip(one["value"]) for one in world.cmp_comments.values()]
    assert sorted(in_jira) == sorted([*theirs, *(f"Comment in CMP:\n\n{words}" for words in ours)])
    carried = (f"Ada Reviewer commented on CMP-1:\n\n{words}" for words in theirs)
    assert sorted(in_cmp) == sorted([*ours, *carried])
    assert reasons(world) == []


class LostAnswer:
    """A ticket system that opens a ticket and does not say so, once."""

    def __init__(self, tickets: Tickets) -> None:
        self._tickets = tickets
        self._is_lost = False

    def open(self, draft: Draft) -> str:
        ticket = self._tickets.open(draft)
        if self._is_lost:
            return ticket
        self._is_lost = True
        raise UnavailableError("POST: no answer")

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._tickets, name)


class LostQuestion(LostAnswer):
    """A ticket system that does not hear that it is to open a ticket, once."""

    def open(self, draft: Draft) -> str:
        if self._is_lost:
            return self._tickets.open(draft)
        self._is_lost = True
        raise UnavailableError("POST: no answer")


class Failing:
    """A ticket system that fails whoever wants to write."""

    def __init__(self, tickets: Tickets, error: CmpRelayError) -> None:
        self._tickets = tickets
        self._error = error

    def open(self, _draft: Draft) -> str:
        raise self._error

    def comment(self, _ticket_id: str, _text: str, _mark: str) -> str:
        raise self._error

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._tickets, name)


def heard_of(world: TicketWorld, ticket: str) -> Message:
    """Return the job of a change of an issue."""
    world.heard()
    world.jira.move(ticket, "In Progress")
    return world.heard()[0]


def show(world: TicketWorld, **changes: object) -> None:
    """Let CMP show the sub-step with other facts."""
    sub_step = world.stack.api.resources[SUB_STEP]
    assert not isinstance(sub_step, Exception)
    world.stack.api.resources[SUB_STEP] = {**sub_step, **changes}


def shown(world: TicketWorld) -> dict[str, Any]:
    """Return what CMP was told last of the ticket."""
    told = [body for _, link, body in world.stack.api.told if link == WORK]
    return dict(told[-1])
