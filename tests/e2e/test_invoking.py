"""`make invoke`: each function takes its sample input on the running stack, and does its work."""

import json

import pytest

from tests.e2e.relay import Relay
from tools.local_stack.folders import PROJECT
from tools.scenario.rehearsal import rehearse

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

INPUTS = PROJECT / "events" / "invoke"


def test_the_receiver_accepts_its_sample(relay: Relay) -> None:
    event = rehearse(relay.stack, INPUTS / "receive_webhook.json")

    answer = relay.stack.functions.invoke("receive_webhook", event)

    response = json.loads(answer.payload)
    assert response["statusCode"] == 202
    ended = relay.ended(json.loads(response["body"]))
    assert {relay.asset(job.asset_id)["details_source"] for job in ended} == {"library"}


@pytest.mark.parametrize(
    "function",
    [
        "on_asset_published",
        "on_asset_synced",
        "on_asset_unpublished",
        "on_library_asset",
        "on_asset_file",
        "on_external_work",
        "on_other_event",
    ],
)
def test_a_worker_ends_every_job_of_its_sample(relay: Relay, function: str) -> None:
    event = rehearse(relay.stack, INPUTS / f"{function}.json")
    job_ids = [json.loads(record["body"])["job_id"] for record in event["Records"]]

    answer = relay.stack.functions.invoke(function, event)

    assert json.loads(answer.payload) == {"batchItemFailures": []}
    items = [relay.item(f"JOB#{job_id}", "JOB") for job_id in job_ids]
    assert {item["outcome"] for item in items if item} <= {"applied", "superseded"}
    assert all(items)


def test_a_command_is_run(relay: Relay) -> None:
    event = rehearse(relay.stack, INPUTS / "run_command.json")
    command_id = json.loads(event["Records"][0]["body"])["command_id"]

    answer = relay.stack.functions.invoke("run_command", event)

    assert json.loads(answer.payload) == {"batchItemFailures": []}
    item = relay.item(f"JOB#command.{command_id}", "JOB")
    assert item is not None
    assert item["outcome"] == "applied"


def test_a_webhook_of_jira_is_accepted(relay: Relay) -> None:
    event = rehearse(relay.stack, INPUTS / "receive_ticket.json")

    answer = relay.stack.functions.invoke("receive_ticket", event)

    assert json.loads(answer.payload)["statusCode"] == 202


def test_a_ticket_is_opened(relay: Relay) -> None:
    event = rehearse(relay.stack, INPUTS / "on_ticket.json")
    job_id = json.loads(event["Records"][0]["body"])["job_id"]

    answer = relay.stack.functions.invoke("on_ticket", event)

    assert json.loads(answer.payload) == {"batchItemFailures": []}
    item = relay.item(f"JOB#{job_id}", "JOB")
    assert item is not None
    assert item["outcome"] == "applied"


def test_the_reconciliation_takes_its_sample(relay: Relay) -> None:
    event = rehearse(relay.stack, INPUTS / "reconcile_library.json")

    answer = relay.stack.functions.invoke("reconcile_library", event)

    assert json.loads(answer.payload)["status"] in {"finished", "idle", "in_progress", "under_way"}


def test_the_token_is_looked_after(relay: Relay) -> None:
    event = rehearse(relay.stack, INPUTS / "refresh_token.json")

    answer = relay.stack.functions.invoke("refresh_token", event)

    assert json.loads(answer.payload)["status"] in {"current", "refreshed"}
