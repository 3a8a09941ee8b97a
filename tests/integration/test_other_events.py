import json
import re
from typing import Any

import pytest

from cmp_relay import subjects
from cmp_relay.cmp_events import CMP_EVENT
from cmp_relay.errors import ForbiddenError, NotFoundError, UnavailableError, UntrustedLinkError
from cmp_relay.library import FRESHNESS_MARGIN
from cmp_relay.outcomes import MOST_ATTEMPTS
from cmp_relay.routing import canonical
from tests.support import samples
from tests.support.killer import ProcessKilled
from tests.support.publish_jobs import API, receipt
from tests.support.worker_stack import CONTEXT, ENRICHED, WorkerStack

TASK = samples.sample("task_added")
LINK = TASK["data"]["task"]["links"]["self"]
SHOWN = {"title": "Shown"}


def deliver(stack: WorkerStack, body: object, delivery_id: str = "delivery-1") -> str:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    (message,) = stack.deliver(raw, receipt(delivery_id, stack.clock()))
    return message


def told(stack: WorkerStack) -> list[dict[str, Any]]:
    """Return and remove the details that the bus was told."""
    events = stack.announced()
    assert {event["detail-type"] for event in events} <= {"CmpEvent"}
    return [event["detail"] for event in events]


def deep(levels: int) -> bytes:
    return b'{"event_name": "x", "data": ' + b"[" * levels + b"]" * levels + b"}"


@pytest.mark.parametrize("name", samples.other_names())
def test_every_sample_reaches_the_bus_as_it_came(stack: WorkerStack, name: str) -> None:
    event_name, data = canonical(samples.sample(name)["event_name"]), samples.sample(name)["data"]
    link = subjects.link(event_name, data)
    asked = link is not None and subjects.is_enriched(event_name, ENRICHED)
    stack.api.resources[str(link)] = SHOWN

    came_back = stack.work(deliver(stack, samples.raw(name)))

    assert came_back == []
    (detail,) = told(stack)
    assert (detail["event_name"], detail["data"]) == (event_name, data)
    assert detail["organization"]["id"] == data.get("organization", {}).get("id")
    assert detail["resource"] == (SHOWN if asked else None)
    assert stack.api.asked == ([link] if asked else [])
    assert stack.outcomes() == {"delivery-1.0": "applied"}


@pytest.mark.parametrize(
    "data",
    [None, 0, 5.5, True, "text", "", [], [None, {"task": 1}], {}, {"task": None}, {"task": [1]}],
)
def test_data_of_any_shape_reach_the_bus(stack: WorkerStack, data: object) -> None:
    stack.work(deliver(stack, {"event_name": "task_added", "data": data}))

    (detail,) = told(stack)
    assert (detail["data"], detail["resource"], detail["resource_error"]) == (data, None, None)
    assert stack.api.asked == []


def test_an_event_without_data_reaches_the_bus(stack: WorkerStack) -> None:
    stack.work(deliver(stack, {"event_name": "never_heard_of", "more": {"than": "that"}}))

    (detail,) = told(stack)
    assert (detail["event_name"], detail["data"]) == ("never_heard_of", None)
    assert "truncated" not in detail


def test_data_nested_deep_reach_the_bus(stack: WorkerStack) -> None:
    stack.work(deliver(stack, deep(200)))

    (detail,) = told(stack)
    assert json.dumps(detail["data"]) == "[" * 200 + "]" * 200


def test_of_large_data_the_bus_is_told_where_they_are(stack: WorkerStack) -> None:
    stack.api.resources[LINK] = SHOWN
    data = {**TASK["data"], "text": "x" * 300_000}

    stack.work(deliver(stack, {"event_name": "task_added", "data": data}))

    (detail,) = told(stack)
    assert (detail["data"], detail["resource"]) == (None, SHOWN)
    place = detail["truncated"]
    archived = stack.s3.get_object(Bucket="archive", Key=place["archive_key"])["Body"].read()
    assert json.loads(json.loads(archived)["body"])["data"] == data
    assert place["pointer"] == "/data"


@pytest.mark.parametrize("error", [NotFoundError, ForbiddenError, UntrustedLinkError])
def test_an_event_is_true_whatever_cmp_shows(stack: WorkerStack, error: type[Exception]) -> None:
    stack.api.resources[LINK] = error("GET: no")

    stack.work(deliver(stack, TASK))

    (detail,) = told(stack)
    assert detail["data"] == TASK["data"]
    assert detail["resource_error"] == error("").reason  # type: ignore[attr-defined]
    assert stack.counts() == {"applied": 1}


def test_cmp_is_asked_again_while_it_fails_and_no_dead_letter_comes_of_it(
    stack: WorkerStack,
) -> None:
    message = deliver(stack, TASK)
    stack.api.resources[LINK] = UnavailableError("GET: 500", status=500)
    for _ in range(MOST_ATTEMPTS - 1):
        # The breaker opens for everybody, which is no attempt: here CMP fails for this link alone.
        stack.empty_budget()
        assert len(stack.work(message)) == 1
        assert told(stack) == []

    stack.empty_budget()
    assert stack.work(message) == []

    (detail,) = told(stack)
    assert detail["resource_error"] == "unavailable"
    assert (stack.dead_letters(), stack.counts()) == ([], {"applied": 1})


def test_an_outage_delays_an_event_and_takes_nothing_from_it(stack: WorkerStack) -> None:
    stack.api.resources[LINK] = SHOWN
    stack.api.is_up = False
    message = deliver(stack, TASK)
    for _ in range(20):
        assert len(stack.work(message)) == 1
        stack.sleep(stack.visibilities[-1])
    stack.api.is_up = True

    while stack.work(message):
        stack.sleep(stack.visibilities[-1])

    (detail,) = told(stack)
    assert detail["resource"] == SHOWN


def test_a_job_that_ended_is_not_told_again(stack: WorkerStack) -> None:
    stack.api.resources[LINK] = SHOWN
    message = deliver(stack, TASK)

    stack.work(message)
    stack.work(message)

    assert len(told(stack)) == 1
    assert stack.api.asked == [LINK]


def test_a_repeated_delivery_is_an_event_of_its_own(stack: WorkerStack) -> None:
    stack.work(deliver(stack, TASK, "first"))
    stack.work(deliver(stack, TASK, "second"))

    assert [detail["id"] for detail in told(stack)] == ["first.0", "second.0"]


@pytest.mark.parametrize("after", [False, True])
def test_a_worker_killed_at_any_call_leaves_one_event_to_be_told(
    stack: WorkerStack, *, after: bool
) -> None:
    stack.api.resources[LINK] = SHOWN
    stack.work(deliver(stack, TASK))
    calls = len(stack.killer.calls)
    assert len(told(stack)) == 1

    for call in range(calls):
        stack.empty()
        message = deliver(stack, TASK, f"killed-at-{call}")
        stack.killer.kill_at(call, after=after)
        with pytest.raises(ProcessKilled):
            stack.work(message)
        stack.killer.spare()
        stack.sleep(120)

        assert stack.work(message) == []

        details = told(stack)
        assert {detail["id"] for detail in details} == {f"killed-at-{call}.0"}
        assert details[-1]["resource"] == SHOWN
        assert stack.outcomes() == {f"killed-at-{call}.0": "applied"}


def test_the_documented_rule_hears_of_tasks_with_their_state(stack: WorkerStack) -> None:
    text = (samples.FOLDER.parents[1] / "docs" / "events" / "README.md").read_text()
    (pattern,) = [
        block for block in re.findall(r"```json\n(.*?)```", text, re.S) if CMP_EVENT in block
    ]
    stack.subscribe("tasks", pattern)
    stack.api.resources[LINK] = SHOWN | {"id": "task-1"}

    stack.work(deliver(stack, TASK, "shown"))
    stack.work(deliver(stack, {**TASK, "event_name": "task_brief_added"}, "another-name"))
    stack.api.resources[LINK] = NotFoundError("GET: 404")
    stack.clock.advance(1)
    stack.work(deliver(stack, TASK, "not-found"))

    # The tap hears of all; the rule sends to the same queue once more.
    heard = [detail["id"] for detail in told(stack)]
    assert sorted(heard) == ["another-name.0", "not-found.0", "shown.0", "shown.0"]


def test_one_request_serves_all_events_that_waited_for_it(stack: WorkerStack) -> None:
    stack.api.resources[LINK] = SHOWN
    fifty = [deliver(stack, TASK, f"delivery-{number}") for number in range(50)]
    stack.clock.advance(FRESHNESS_MARGIN / 1000)

    came_back = [stack.work(*fifty[n : n + 10]) for n in range(0, 50, 10)]

    assert came_back == [[]] * 5
    details = told(stack)
    assert {detail["id"] for detail in details} == {f"delivery-{n}.0" for n in range(50)}
    assert all(detail["resource"] == SHOWN for detail in details)
    assert stack.api.asked == [LINK]


def test_an_event_that_is_not_wanted_with_its_resource_costs_no_request(
    stack: WorkerStack,
) -> None:
    stack.api.resources[LINK] = SHOWN
    worker = stack.other_event_worker(wanted=("none",))

    worker.handle(stack.event(deliver(stack, TASK)), CONTEXT)

    (detail,) = told(stack)
    assert (detail["resource"], detail["resource_error"]) == (None, None)
    assert stack.api.asked == []


def test_an_event_whose_delivery_is_gone_is_a_dead_letter(stack: WorkerStack) -> None:
    message = deliver(stack, TASK)
    stack.s3.delete_object(Bucket="archive", Key=receipt(received_at=stack.clock()).archive_key)

    assert stack.work(message) == []

    ((_, attributes),) = stack.dead_letters()
    assert attributes["reason"] == "archive_unreadable"
    assert f"{API}" not in str(attributes)
