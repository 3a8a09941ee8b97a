"""Commands on the deployed stack: what a program says arrives in CMP, and its result on the bus."""

import json
import uuid

import pytest

from tests.e2e.relay import Item, Relay

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]


def give(relay: Relay, name: str, command_id: str | None = None, **arguments: object) -> str:
    """Put a command into the queue and return its id."""
    command_id = command_id or str(uuid.uuid4())
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
    return command_id


def result(relay: Relay, command_id: str) -> Item:
    """Wait for a command's result on the bus."""

    def is_its(event: Item) -> bool:
        return bool(event["detail"].get("command_id") == command_id)

    detail: Item = relay.told(is_its, 1)[0]["detail"]
    return detail


def test_a_program_works_on_an_external_step(relay: Relay) -> None:
    step = relay.cmp.tasks.add("Ours")
    link = step["links"]["sub_step"]
    ticket = {"identifier": "T-1", "title": "Review", "status": "Open", "url": "https://t.test/1"}

    given = [
        give(relay, "link_ticket", external_work_link=f"{link}/external-work", **ticket),
        give(relay, "comment", comments_link=f"{link}/comments", text="Please *look*."),
        give(relay, "start", sub_step_link=link),
        give(relay, "assign", sub_step_link=link, assignee_id="user-7", assignee_type="user"),
    ]
    assert {result(relay, each)["outcome"] for each in given} == {"applied"}
    assert result(relay, give(relay, "complete", sub_step_link=link))["outcome"] == "applied"

    shown = relay.cmp.tasks.show(step["sub_step_id"])
    assert {key: shown["external_work"][key] for key in ticket} == ticket
    assert [each["value"].splitlines()[0] for each in shown["comments"]] == ["Please *look*."]
    assert (shown["is_completed"], shown["assignee_id"]) == (True, "user-7")


def test_a_repeated_command_is_run_once(relay: Relay) -> None:
    step = relay.cmp.tasks.add("Ours")
    comments = step["links"]["comments"]

    command_id = give(relay, "comment", comments_link=comments, text="Once.")
    give(relay, "comment", command_id, comments_link=comments, text="Once.")
    result(relay, command_id)
    give(relay, "comment", command_id, comments_link=comments, text="Once.")
    after = give(relay, "comment", comments_link=comments, text="Last.")
    result(relay, after)

    shown = relay.cmp.tasks.show(step["sub_step_id"])["comments"]
    assert sorted(each["value"].splitlines()[0] for each in shown) == ["Last.", "Once."]


def test_who_gives_a_command_that_cannot_be_run_hears_why(relay: Relay) -> None:
    step = relay.cmp.tasks.add("Ours")
    link = step["links"]["sub_step"]

    unknown = result(relay, give(relay, "sing"))
    elsewhere = result(
        relay,
        give(relay, "complete", sub_step_link="https://evil.test/tasks/t/steps/s/sub-steps/ss"),
    )
    nowhere = result(relay, give(relay, "complete", sub_step_link=f"{link}nowhere"))

    assert [(each["outcome"], each["reason"]) for each in (unknown, elsewhere, nowhere)] == [
        ("dead_lettered", "invalid_command"),
        ("dead_lettered", "untrusted_link"),
        ("dead_lettered", "not_found"),
    ]
