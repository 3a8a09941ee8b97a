"""What CMP refuses for a while, met by several workers at once: it costs time, nothing else."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.e2e.relay import Relay
from tests.e2e.test_token import stored
from tools.stand_in.records import Sent

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket, pytest.mark.long]

WORKER = "on_asset_published"
CONCURRENCY = 10
START_SECONDS = 180.0
"""How long ten workers may take to start, all on one machine."""
# The budget and the back-off in the way of no test: what CMP answers is to decide.
HASTY = {
    "API_REQUESTS_PER_SECOND": "100",
    "API_REQUESTS_PER_MINUTE": "6000",
    "RETRY_SECONDS": "1",
}


@pytest.fixture(scope="module")
def hasty_workers(running_relay: Relay) -> Iterator[None]:
    """Keep one set of warm workers for all tests, and leave the mapping as it was."""
    client = running_relay.stack.boto("lambda")
    before = mapping(running_relay)
    with running_relay.environment(WORKER, **HASTY):
        yield
    client.update_event_source_mapping(
        UUID=before["UUID"],
        BatchSize=before["BatchSize"],
        ScalingConfig={"MaximumConcurrency": int(before["ScalingConfig"]["MaximumConcurrency"])},
    )


@pytest.fixture
def hasty(relay: Relay, hasty_workers: None) -> Relay:
    return relay


def mapping(relay: Relay) -> dict[str, Any]:
    """Return what joins the worker with its queue."""
    name = relay.stack.functions.physical_name(WORKER)
    answer = relay.stack.boto("lambda").list_event_source_mappings(FunctionName=name)
    (found,) = answer["EventSourceMappings"]
    return dict(found)


@contextmanager
def all_at_once(relay: Relay, *, batch: int) -> Iterator[None]:
    """Hold the queue back while the block runs, then let ten workers at it with small batches."""
    client = relay.stack.boto("lambda")
    name = mapping(relay)["UUID"]
    client.update_event_source_mapping(UUID=name, Enabled=False)
    try:
        yield
    finally:
        client.update_event_source_mapping(
            UUID=name,
            Enabled=True,
            BatchSize=batch,
            ScalingConfig={"MaximumConcurrency": CONCURRENCY},
        )


def images(relay: Relay, count: int) -> list[str]:
    return [relay.cmp.add_asset("image")["id"] for _ in range(count)]


def outcomes(relay: Relay, sent: Sent) -> list[str | None]:
    """Wait for the jobs, also where workers take long to start."""
    (delivery,) = sent["deliveries"]
    return [job.outcome for job in relay.ended(delivery["response"], seconds=START_SECONDS)]


def statuses(relay: Relay) -> list[int | None]:
    return [one["status"] for one in relay.cmp.requests("/v3/images")]


def await_first_answer(relay: Relay) -> None:
    deadline = time.monotonic() + START_SECONDS
    while 200 not in statuses(relay):
        assert time.monotonic() < deadline, "no worker got an answer"
        time.sleep(0.1)


def attempts(relay: Relay, sent: Sent) -> list[int]:
    (delivery,) = sent["deliveries"]
    answer = delivery["response"]
    items = [
        relay.item(f"JOB#{answer['delivery_id']}.{number}", "JOB")
        for number in range(answer["jobs"])
    ]
    return [int(item["attempts"]) for item in items if item]


def test_a_burst_of_5xx_costs_time_alone(hasty: Relay) -> None:
    ids = images(hasty, CONCURRENCY)
    hasty.cmp.add_fault("timeout", path="/v3/images", seconds=1.0, count=CONCURRENCY)
    began = time.monotonic()

    with all_at_once(hasty, batch=1):
        sent = hasty.cmp.publish(ids)

    assert outcomes(hasty, sent) == ["applied"] * len(ids)
    assert statuses(hasty).count(504) == CONCURRENCY
    assert statuses(hasty).count(200) == len(ids)
    assert hasty.cmp.requests("/v3/assets"), "the breaker's probe"
    assert time.monotonic() - began > 5, "the breaker's first wait"


@pytest.mark.parametrize("retry_after", [None, 2])
def test_a_burst_of_429_costs_time_alone(hasty: Relay, retry_after: int | None) -> None:
    ids = images(hasty, 10)
    refused = 4
    hasty.cmp.add_fault("status", status=429, retry_after=retry_after, path="/v3", count=refused)

    sent = hasty.cmp.publish(ids)

    assert outcomes(hasty, sent) == ["applied"] * len(ids)
    assert statuses(hasty).count(429) == refused
    assert statuses(hasty).count(200) == len(ids)
    assert attempts(hasty, sent) == [1] * len(ids)


def test_a_token_refused_to_ten_workers_amid_their_batches_is_replaced_once(hasty: Relay) -> None:
    ids = images(hasty, CONCURRENCY * 3)
    with stored(hasty, "TokenSecretArn") as token:
        token["obtained_at"] -= 120.0  # a younger one is not replaced
    hasty.cmp.add_fault("slow", path="/v3/images", seconds=0.5, count=len(ids))

    with all_at_once(hasty, batch=3):
        sent = hasty.cmp.publish(ids)
    await_first_answer(hasty)
    hasty.cmp.expire_tokens()

    assert outcomes(hasty, sent) == ["applied"] * len(ids)
    assert statuses(hasty).count(401) > 1
    assert len(hasty.stack.functions.processes(WORKER)) >= CONCURRENCY
    assert [one["status"] for one in hasty.cmp.requests("/o/oauth2")] == [200]
