"""The inputs under events/invoke are what Lambda would hand to the functions."""

import json
from typing import Any

import pytest

from cmp_relay import archive, deliveries, gateway, jira_webhook, routing, ticket_jobs
from cmp_relay.deliveries import Receipt
from cmp_relay.jobs import read_external_work_job
from cmp_relay.ticket_jobs import read_ticket_job
from cmp_relay.verification import Secrets
from tests.support import samples
from tests.template import processed, snapshot

FOLDER = snapshot.PROJECT / "events" / "invoke"
RECEIVED_AT = 1_700_000_000_000
DELIVERY_IDS = {
    "asset_published": "00000000-0000-4000-8000-000000000001",
    "asset_synced": "00000000-0000-4000-8000-000000000002",
    "asset_unpublished": "00000000-0000-4000-8000-000000000003",
    "asset_modified": "00000000-0000-4000-8000-000000000004",
    "external_sub_step_started": "00000000-0000-4000-8000-000000000006",
    "task_added": "00000000-0000-4000-8000-000000000005",
}
YEAR_2100 = 4_102_444_800_000


def invoke_event(function: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / f"{function}.json").read_text())
    return document


def worker(event_name: str) -> str:
    return f"on_{routing.route(event_name)}"


def test_the_receivers_body_is_the_sample_as_cmp_sends_it() -> None:
    request = gateway.Request(invoke_event("receive_webhook"))

    assert request.is_webhook
    assert request.body() == samples.raw("asset_published")
    assert request.headers["content-length"] == str(len(samples.raw("asset_published")))
    assert request.headers["callback-secret"] == "your-webhook-secret"


@pytest.mark.parametrize("name", DELIVERY_IDS)
def test_a_workers_jobs_are_those_that_the_receiver_makes_of_the_sample(name: str) -> None:
    delivery_id = DELIVERY_IDS[name]
    receipt = Receipt(delivery_id, RECEIVED_AT, "default", archive.key(delivery_id, RECEIVED_AT))

    bodies = [json.loads(record["body"]) for record in invoke_event(worker(name))["Records"]]

    assert bodies == deliveries.split(deliveries.read(samples.raw(name)), receipt).jobs


@pytest.mark.parametrize("name", DELIVERY_IDS)
def test_a_workers_messages_come_from_its_queue_and_never_expire(name: str) -> None:
    queue = routing.route(name).title().replace("_", "") + "Queue"

    for record in invoke_event(worker(name))["Records"]:
        assert record["eventSourceARN"].endswith(f":{queue}")
        assert int(record["attributes"]["SentTimestamp"]) == YEAR_2100


def test_the_ticket_receivers_body_is_signed_and_becomes_a_job() -> None:
    request = gateway.Request(invoke_event("receive_ticket"))
    secrets = Secrets((("current", "your-webhook-secret"),))
    receipt = Receipt("1", RECEIVED_AT, "jira", archive.key("1", RECEIVED_AT, "tickets"))

    assert request.is_ticket_webhook
    assert jira_webhook.verify(request.headers["x-hub-signature"], request.body(), secrets)
    (job,) = jira_webhook.jobs(request.body(), receipt)
    assert read_ticket_job(json.dumps(job)).kind == "ticket_changed"


def test_the_ticket_job_is_what_follows_from_the_job_of_the_external_step() -> None:
    (record,) = invoke_event("on_ticket")["Records"]
    (cause,) = invoke_event("on_external_work")["Records"]
    given = json.loads(record["body"])

    made = ticket_jobs.message(
        read_external_work_job(cause["body"]), "work_started", given["event"]
    )

    assert given == made
    assert record["eventSourceARN"].endswith(":TicketQueue")
    assert int(record["attributes"]["SentTimestamp"]) == YEAR_2100


@pytest.mark.parametrize("function", ["reconcile_library", "refresh_token"])
def test_the_tick_is_the_one_that_the_schedule_sends(function: str) -> None:
    name = function.title().replace("_", "")
    schedule = processed.of_type("AWS::Scheduler::Schedule")[f"{name}FunctionTick"]

    assert invoke_event(function) == json.loads(schedule["Target"]["Input"])


def test_every_variable_of_every_function_can_be_filled_in_for_sam_local_invoke() -> None:
    given = json.loads((FOLDER.parent / "env.json").read_text())
    shared = snapshot.source()["Globals"]["Function"]["Environment"]["Variables"]

    assert {name: sorted(variables) for name, variables in given.items()} == {
        name: sorted(function["Environment"]["Variables"].keys() - shared.keys())
        for name, function in processed.functions().items()
    }
