"""External steps on the deployed stack: what people do is told, what commands do is not."""

import json
import uuid
from typing import Any

import pytest

from tests.e2e.relay import Item, Relay

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]


def told(relay: Relay, sub_step_id: str, count: int = 0) -> list[tuple[str, Item]]:
    """Return what the bus was told of a sub-step, in order, each event once."""

    def is_its(event: Item) -> bool:
        return bool(event["detail"].get("sub_step", {}).get("id") == sub_step_id)

    found = {each["detail"]["id"]: each for each in relay.told(is_its, count)}
    ordered = sorted(found.values(), key=lambda each: str(each["detail"]["received_at"]))
    return [(each["detail-type"], each["detail"]) for each in ordered]


def give(relay: Relay, name: str, **arguments: object) -> str:
    """Put a command into the queue and wait until it is run; return its id."""
    command_id = str(uuid.uuid4())
    message = {
        "schema": 1,
        "command_id": command_id,
        "command": name,
        "issued_at": "2026-11-21T12:00:00Z",
        "arguments": arguments,
    }
    relay.stack.boto("sqs").send_message(
        QueueUrl=relay.stack.env["COMMAND_QUEUE_URL"], MessageBody=json.dumps(message)
    )
    (result,) = relay.told(lambda each: each["detail"].get("command_id") == command_id, 1)
    assert result["detail"]["outcome"] == "applied"
    return command_id


def outcomes(relay: Relay, deliveries: Any) -> list[str | None]:  # noqa: ANN401 - records
    """Wait for the jobs of deliveries that the stand-in has sent."""
    return [job.outcome for each in deliveries for job in relay.ended(each["response"])]


def test_what_people_do_to_a_step_is_told(relay: Relay) -> None:
    step = relay.cmp.tasks.add("Jira")
    sub_step_id = step["sub_step_id"]

    relay.cmp.tasks.act("start", sub_step_id)
    ((started, detail),) = told(relay, sub_step_id, 1)
    relay.cmp.tasks.comment(sub_step_id, "Please look.")
    relay.cmp.tasks.act("complete", sub_step_id)

    events = dict(told(relay, sub_step_id, 3))
    assert started == "ExternalWorkStarted"
    assert detail["external_work"]["external_system"] == "Jira"
    assert detail["sub_step"]["link"] == step["links"]["sub_step"]
    assert detail["task"]["title"]
    assert detail["found"]
    assert events["ExternalWorkCommentAdded"]["comment"]["value"] == "Please look."
    assert events["ExternalWorkCompleted"]["sub_step"]["is_completed"] is True
    assert events["ExternalWorkCompleted"]["sequence"] == 2


def test_a_new_assignee_is_told(relay: Relay) -> None:
    sub_step_id = relay.cmp.tasks.add("Jira")["sub_step_id"]

    relay.cmp.tasks.act("modify", sub_step_id, assignee_id="user-7")

    ((detail_type, detail),) = told(relay, sub_step_id, 1)
    assert detail_type == "ExternalWorkModified"
    assert detail["sub_step"]["assignee_id"] == "user-7"


def test_what_commands_do_to_a_step_is_not_told(relay: Relay) -> None:
    step = relay.cmp.tasks.add("Ours")
    sub_step_id, links = step["sub_step_id"], step["links"]
    # What the bus was told before tells that the assignee of the command is all that is new.
    relay.cmp.tasks.act("modify", sub_step_id, assignee_id="user-6")
    told(relay, sub_step_id, 1)

    give(relay, "start", sub_step_link=links["sub_step"])
    give(relay, "assign", sub_step_link=links["sub_step"], assignee_id="user-7")
    give(relay, "comment", comments_link=links["comments"], text="From the other system.")
    give(relay, "complete", sub_step_link=links["sub_step"])
    relay.cmp.tasks.comment(sub_step_id, "From a person.")

    (_, (detail_type, detail)) = told(relay, sub_step_id, 2)
    assert (detail_type, detail["comment"]["value"]) == (
        "ExternalWorkCommentAdded",
        "From a person.",
    )
    assert len(told(relay, sub_step_id)) == 2


def test_a_comment_is_told_from_its_beginning_to_its_end(relay: Relay) -> None:
    sub_step_id = relay.cmp.tasks.add("Jira")["sub_step_id"]
    sent = relay.cmp.tasks.comment(sub_step_id, "One.")
    comment_id = sent["comment"]["id"]
    assert outcomes(relay, sent["deliveries"]) == ["applied"]

    changed = relay.cmp.tasks.change_comment(sub_step_id, comment_id, "Two.")
    assert outcomes(relay, changed["deliveries"]) == ["applied"]
    removed = relay.cmp.tasks.remove_comment(sub_step_id, comment_id)
    assert outcomes(relay, removed["deliveries"]) == ["applied"]

    events = told(relay, sub_step_id, 3)
    assert [(name, detail["comment"]["value"]) for name, detail in events] == [
        ("ExternalWorkCommentAdded", "One."),
        ("ExternalWorkCommentModified", "Two."),
        ("ExternalWorkCommentRemoved", "Two."),
    ]
    assert [detail["sequence"] for _, detail in events] == [1, 2, 3]
