"""Every event that has no worker of its own reaches the bus, whatever it is called and holds."""

import json
from typing import Any

import pytest

from cmp_relay.routing import canonical
from tests.e2e.relay import Relay
from tests.support import samples
from tools.scenario import deliveries

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

LARGE = {"text": "x" * 300_000}


def send(relay: Relay, body: dict[str, Any]) -> str:
    """Deliver an event and return the delivery's id."""
    answer = relay.post(json.dumps(body), secret=relay.stack.webhook_secret, path="/others")
    assert (answer.status_code, answer.json()["jobs"]) == (202, 1)
    delivery_id: str = answer.json()["delivery_id"]
    return delivery_id


def told(relay: Relay, delivery_ids: list[str]) -> dict[str, dict[str, Any]]:
    """Wait for one event of each delivery, and return the details by delivery."""

    def is_meant(event: dict[str, Any]) -> bool:
        return (event["detail"].get("delivery") or {}).get("id") in delivery_ids

    found = relay.told(is_meant, count=len(delivery_ids))
    assert {event["detail-type"] for event in found} == {"CmpEvent"}
    return {event["detail"]["delivery"]["id"]: event["detail"] for event in found}


def test_every_sample_reaches_the_bus(relay: Relay) -> None:
    sent = {}
    for name in samples.other_names():
        body = json.loads(deliveries.at_home(samples.raw(name).decode(), relay.stack.cmp_url))
        sent[send(relay, body)] = body

    details = told(relay, [*sent])

    assert details.keys() == sent.keys()
    for delivery_id, body in sent.items():
        detail = details[delivery_id]
        assert detail["event_name"] == canonical(body["event_name"])
        assert (detail["data"], detail["channel"]) == (body["data"], "others")
        # The stand-in knows none of what the samples speak of.
        assert detail["resource_error"] in {None, "not_found"}


def test_a_task_comes_with_what_cmp_shows_of_it(relay: Relay) -> None:
    task_id = relay.cmp.tasks.add(title="Shown")["task_id"]
    link = f"{relay.stack.cmp_url}/v3/tasks/{task_id}"
    body = {
        "event_name": "task_metadata_modifed",
        "data": {"task": {"id": task_id, "links": {"self": link}}},
    }

    (detail,) = told(relay, [send(relay, body)]).values()

    assert (detail["event_name"], detail["data"]) == ("task_metadata_modified", body["data"])
    assert (detail["resource"]["id"], detail["resource"]["title"]) == (task_id, "Shown")
    assert detail["resource_asked_at"] > detail["received_at"]


@pytest.mark.parametrize(
    "body",
    [
        {"event_name": "never_heard_of", "data": {"never": {"links": {"self": "https://x.y"}}}},
        {"event_name": "never_heard_of", "data": ["a", "list"]},
        {"event_name": "never_heard_of", "data": "text"},
        {"event_name": "task_added", "data": None},
        {"event_name": "task_added", "more": 5},
        {"event_name": "task_added", "data": {"task": {"links": {"self": "https://x.y/v3/1"}}}},
    ],
)
def test_names_and_shapes_that_nobody_has_heard_of_reach_it_too(
    relay: Relay, body: dict[str, Any]
) -> None:
    delivery_id = send(relay, body)

    (detail,) = told(relay, [delivery_id]).values()

    assert (detail["event_name"], detail["data"]) == (body["event_name"], body.get("data"))
    assert detail["resource"] is None
    assert relay.cmp.requests("/v3") == []


def test_of_large_data_it_is_told_where_they_are(relay: Relay) -> None:
    delivery_id = send(relay, {"event_name": "task_added", "data": LARGE})

    (detail,) = told(relay, [delivery_id]).values()

    assert detail["data"] is None
    archived = relay.stack.boto("s3").get_object(
        Bucket=relay.stack.env["ARCHIVE_BUCKET"], Key=detail["truncated"]["archive_key"]
    )
    assert json.loads(json.loads(archived["Body"].read())["body"])["data"] == LARGE
