"""A worker that is killed between two writes: its job ends on redelivery, nothing is missing."""

import json
import socket
from collections.abc import Iterator

import pytest

from cmp_relay.records import LEASE_SECONDS
from tests.e2e.relay import PATIENCE_SECONDS, Relay

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

REDELIVERY_SECONDS = "10"


@pytest.fixture
def impatient_queue(relay: Relay) -> Iterator[None]:
    """Let the queue give a dead worker's messages back soon."""
    sqs, url = relay.stack.boto("sqs"), relay.stack.env["ASSET_PUBLISHED_QUEUE_URL"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": REDELIVERY_SECONDS})
    yield
    before = attributes["Attributes"]["VisibilityTimeout"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": before})


@pytest.mark.usefixtures("impatient_queue")
def test_a_worker_killed_after_the_catalogue_and_before_the_bus_loses_no_event(
    relay: Relay,
) -> None:
    asset_id = relay.cmp.add_asset("image")["id"]
    body = json.dumps(relay.cmp.body("publish", [asset_id]))
    with socket.create_server(("127.0.0.1", 0)) as bus:
        bus.settimeout(30)
        endpoint = f"http://127.0.0.1:{bus.getsockname()[1]}"
        with relay.environment("on_asset_published", AWS_ENDPOINT_URL_EVENTBRIDGE=endpoint):
            answer = relay.post(body, secret=relay.stack.webhook_secret).json()
            held, _ = bus.accept()  # the worker waits for a bus that never answers
            written = relay.state(asset_id)
            killed = relay.restart("on_asset_published")
            held.close()

    assert killed > 0
    assert "ASSET" in written, "the catalogue was to be written before"
    # The dead worker's lease has to end first.
    ended = relay.ended(answer, seconds=LEASE_SECONDS + PATIENCE_SECONDS)
    assert [job.outcome for job in ended] == ["applied"]
    event = relay.events(asset_id, count=1)[0]
    assert event["detail"]["id"] == f"{answer['delivery_id']}.0"
    assert len(relay.requests(asset_id)) == 1
    assert relay.asset(asset_id)["revision"] == 1
