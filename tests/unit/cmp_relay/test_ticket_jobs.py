"""The jobs of tickets: which messages are some, and what follows from an external step."""

import json
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cmp_relay import ticket_queue
from cmp_relay.errors import UnreadableJobError
from cmp_relay.jobs import ExternalWorkJob, read_external_work_job
from cmp_relay.ticket_jobs import message, read_ticket_job
from tests.support import environment, external_steps
from tests.support.external_steps import COMMENTS, SUB_STEP, WORK

STARTED = "external_sub_step_started"
ADDED = "external_sub_step_comment_added"
OF_JIRA: dict[str, Any] = {
    "schema": 1,
    "job_id": "hook-1.0",
    "delivery_id": "hook-1",
    "received_at": 1,
    "event_name": "ticket.ticket_changed",
    "channel": "jira",
    "cause": "ticket",
    "kind": "ticket_changed",
    "ticket": {"id": "10000"},
}


def test_what_follows_from_an_external_step_is_a_job_that_is_always_the_same() -> None:
    cause = external_steps.job(ADDED)

    body = json.dumps(message(cause, "comment_added", {"found": True}))
    job = read_ticket_job(body)

    assert body == json.dumps(message(cause, "comment_added", {"found": True}))
    assert job.job_id == f"ticket.{cause.job_id}"
    assert (job.cause, job.kind, job.event) == ("ticket", "comment_added", {"found": True})
    assert job.sub_step
    assert job.comment
    assert (job.sub_step.href, job.sub_step.comments_href) == (SUB_STEP, COMMENTS)
    assert job.sub_step.external_work_href == WORK
    assert job.comment.id == "comment-1"


def test_what_follows_from_a_webhook_of_jira_is_a_job() -> None:
    assert read_ticket_job(json.dumps(OF_JIRA)).kind == "ticket_changed"


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "ticket_lost"},
        {"ticket": None},
        {"ticket": {"id": ""}},
        {"kind": "ticket_commented"},
        {"kind": "work_started"},
        {"kind": "work_started", "sub_step": {"id": "sub-1"}},
        {"kind": "comment_added", "sub_step": {"id": "sub-1", "href": SUB_STEP}},
        {"schema": 2},
    ],
)
def test_a_job_that_does_not_say_of_what_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(UnreadableJobError, match="unreadable: "):
        read_ticket_job(json.dumps({**OF_JIRA, **changes}))


def offered(job: ExternalWorkJob, event: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what a queue for steps of jira (sic) gets of an event."""
    with mock_aws():
        client = boto3.client("sqs")
        client.create_queue(QueueName="ticket")
        url = environment.queue_url("ticket")
        ticket_queue.TicketQueue(client, url, "jira").offer(job, event)
        got = client.receive_message(QueueUrl=url).get("Messages", [])
    return [json.loads(each["Body"]) for each in got]


@pytest.mark.parametrize(
    ("event_name", "kind"),
    [
        (STARTED, "work_started"),
        (ADDED, "comment_added"),
        ("external_sub_step_completed", "work_completed"),
    ],
)
def test_three_events_become_jobs(event_name: str, kind: str) -> None:
    event = {"external_work": {"external_system": "Jira"}}

    (body,) = offered(external_steps.job(event_name), event)

    assert read_ticket_job(json.dumps(body)).kind == kind


@pytest.mark.parametrize(
    ("event_name", "event"),
    [
        ("external_sub_step_modified", {"external_work": {"external_system": "Jira"}}),
        ("external_sub_step_comment_removed", {"external_work": {"external_system": "Jira"}}),
        (STARTED, {"external_work": {"external_system": "Trello"}}),
        (ADDED, {"external_work": {"external_system": "Trello"}}),
    ],
)
def test_the_others_do_not(event_name: str, event: dict[str, Any]) -> None:
    assert offered(external_steps.job(event_name), event) == []


def test_what_the_delivery_says_of_the_system_is_enough() -> None:
    assert len(offered(external_steps.job(STARTED), {"external_work": None})) == 1


@pytest.mark.parametrize(
    ("event_name", "count"), [(ADDED, 1), ("external_sub_step_completed", 1), (STARTED, 0)]
)
def test_a_step_of_a_system_that_nobody_tells_may_have_a_ticket(
    event_name: str, count: int
) -> None:
    told = json.loads(external_steps.job(event_name).model_dump_json(by_alias=True))
    told["external_work"] = None

    assert len(offered(read_external_work_job(json.dumps(told)), {})) == count


def test_a_step_without_a_link_could_never_be_answered() -> None:
    told = json.loads(external_steps.job(STARTED).model_dump_json(by_alias=True))
    told["sub_step"]["href"] = None

    assert offered(read_external_work_job(json.dumps(told)), {}) == []


def test_without_jira_nobody_is_offered_anything() -> None:
    named = {"JIRA_EXTERNAL_SYSTEM": "Jira", "TICKET_QUEUE_URL": "url"}

    assert ticket_queue.build({**named, "JIRA_BASE_URL": ""}) is None
    assert ticket_queue.build({**named, "JIRA_BASE_URL": "https://a"}) is not None
