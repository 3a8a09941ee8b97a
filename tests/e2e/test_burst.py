"""A burst on the local stack: what CMP allows is used, and a publish does not wait behind it."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.relay import Relay
from tools.scenario import jobs
from tools.scenario.jobs import EndedJob

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket, pytest.mark.burst]

PER_SECOND, PER_MINUTE = 10, 100
ENDS_OF_A_RECEIVE = {"job postponed", "attempt failed", "job ended", "job has ended already"}
BURST, BACKLOG = 80, 40


@contextmanager
def limited(relay: Relay, *functions: str) -> Iterator[None]:
    """Let functions keep limits that CMP enforces."""
    limits = {"API_REQUESTS_PER_SECOND": PER_SECOND, "API_REQUESTS_PER_MINUTE": PER_MINUTE}
    variables = {name: str(value) for name, value in limits.items()}
    with ExitStack() as changed:
        for function in functions:
            changed.enter_context(relay.environment(function, **variables))
        relay.cmp.set_limits(per_second=PER_SECOND, per_minute=PER_MINUTE)
        yield


def test_a_burst_uses_what_cmp_allows_and_no_more(relay: Relay) -> None:
    with limited(relay, "on_asset_published"):
        bursts = [measured_burst(relay)]
        if not bursts[0].is_good:  # something else may have kept the machine busy
            bursts.append(measured_burst(relay))

    assert bursts[-1].is_good, bursts


def test_a_publish_does_not_wait_behind_a_backlog_of_library_changes(relay: Relay) -> None:
    waiting = [relay.cmp.add_asset("image")["id"] for _ in range(BACKLOG)]
    first, urgent = (relay.cmp.add_asset("image")["id"] for _ in range(2))
    bodies = [relay.cmp.library_body("asset_modified", each) for each in waiting]

    with limited(relay, "on_asset_published", "on_library_asset"):
        relay.outcomes(relay.cmp.publish([first]))  # its cold start is no matter of the budget
        changes = [each["response"] for each in relay.cmp.deliver(bodies=bodies)]
        relay.wait(lambda: all(seen(relay, each) for each in changes), "a look at each change")
        published = relay.ended(relay.cmp.publish([urgent])["deliveries"][0]["response"])
        asked_until_then = len(relay.cmp.requests("/v3"))
        changed = [job.outcome for each in changes for job in relay.ended(each)]

    assert [job.outcome for job in published] == ["applied"]
    assert seconds_taken(relay, published[0]) < 5
    assert asked_until_then < BACKLOG
    assert changed == ["applied"] * BACKLOG


@dataclass(frozen=True)
class Burst:
    """What was used of the allowed rate, and how often the message was received that was most."""

    used_rate: float
    most_receives: int

    @property
    def is_good(self) -> bool:
        """Tell whether it was as issue 4 asks."""
        return self.used_rate >= 0.95 and self.most_receives <= 3


def measured_burst(relay: Relay) -> Burst:
    """Publish assets at once, check that all are applied and none is refused, and measure."""
    relay.cmp.clear_requests()
    ids = [relay.cmp.add_asset("image")["id"] for _ in range(BURST)]
    began = int(time.time() * 1000)

    answer = relay.cmp.publish(ids)["deliveries"][0]["response"]
    ended = relay.ended(answer, seconds=120)

    assert [job.outcome for job in ended] == ["applied"] * BURST
    requests = relay.cmp.requests("/v3")
    answered = [one["at"] for one in requests if one["status"] == 200]
    assert len(answered) >= 0.99 * len(requests)
    return Burst(used_rate(answered), max(receives(relay, "on_asset_published", began).values()))


def seen(relay: Relay, answer: dict[str, Any]) -> bool:
    """Tell whether a worker has seen the one job of a delivery."""
    return bool(jobs.look(relay.stack, answer["delivery_id"], answer["jobs"]))


def seconds_taken(relay: Relay, job: EndedJob) -> float:
    """Return how long after its delivery a job had ended."""
    item = relay.item(f"JOB#{job.job_id}", "JOB")
    assert item is not None
    return float(item["ended_at"] - item["received_at"]) / 1000


def used_rate(moments: list[float]) -> float:
    """Return the rate of requests, from the first to the last, of the one that CMP allows."""
    return (len(moments) - 1) / (max(moments) - min(moments)) / (PER_MINUTE / 60)


def receives(relay: Relay, function: str, since: int) -> Counter[str]:
    """Count by job how often a function had its message; each time it says how that ended."""
    lines = relay.stack.functions.logs(function, since=since).splitlines()
    found: list[dict[str, Any]] = [json.loads(line) for line in lines if line.startswith("{")]
    return Counter(one["job_id"] for one in found if one.get("message") in ENDS_OF_A_RECEIVE)
