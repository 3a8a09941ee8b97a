import json
from typing import Any

import pytest

from cmp_relay import cmp_events
from cmp_relay.announcements import LARGEST_DETAIL
from cmp_relay.jobs import OtherEventJob, read_other_event_job
from cmp_relay.resource_table import Resource
from tests.support import publish_jobs
from tests.support.clock import NOON
from tests.support.publish_jobs import receipt

HALF = {"text": "x" * (LARGEST_DETAIL // 2)}
WHOLE = {"text": "x" * LARGEST_DETAIL}
PLACE = {"archive_key": receipt().archive_key, "pointer": "/data"}


def job(data: object) -> OtherEventJob:
    raw = json.dumps({"event_name": "task_added", "data": data}).encode()
    (message,) = publish_jobs.jobs(raw, receipt())
    return read_other_event_job(message)


def told(data: object, resource: Resource) -> dict[str, Any]:
    composed = cmp_events.compose(job(data), data, resource)
    assert (composed.detail_type, composed.id) == ("CmpEvent", "delivery-1.0")
    assert len(composed.detail) <= LARGEST_DETAIL
    detail: dict[str, Any] = json.loads(composed.detail)
    return detail


def test_tells_what_was_received_and_what_was_shown() -> None:
    data = {"task": {"id": 5}, "organization": {"id": "organization-1"}}

    detail = told(data, Resource({"title": "Shown"}, NOON + 1))

    assert detail == {
        "schema": 1,
        "id": "delivery-1.0",
        "event_name": "task_added",
        "organization": {"id": "organization-1"},
        "channel": "default",
        "received_at": "2026-11-21T12:00:00.000Z",
        "data": data,
        "resource": {"title": "Shown"},
        "resource_asked_at": "2026-11-21T12:00:00.001Z",
        "resource_error": None,
        "delivery": {"id": "delivery-1", "archive_key": receipt().archive_key},
    }


def test_tells_why_there_is_no_resource() -> None:
    detail = told({}, Resource(error="forbidden"))

    assert (detail["resource"], detail["resource_asked_at"]) == (None, None)
    assert detail["resource_error"] == "forbidden"


def test_data_that_are_too_large_stay_in_the_archive_and_the_resource_comes() -> None:
    detail = told(WHOLE, Resource(HALF, NOON))

    assert (detail["data"], detail["truncated"], detail["resource"]) == (None, PLACE, HALF)


def test_a_resource_that_is_too_large_stays_in_cmp_and_the_data_come() -> None:
    detail = told(HALF, Resource(HALF, NOON))

    assert (detail["data"], detail["resource"]) == (HALF, None)
    assert detail["resource_error"] == "too_large"
    assert "truncated" not in detail


def test_both_can_be_too_large() -> None:
    detail = told(WHOLE, Resource(WHOLE, NOON))

    assert (detail["data"], detail["resource"]) == (None, None)
    assert (detail["truncated"], detail["resource_error"]) == (PLACE, "too_large")


def test_the_largest_data_that_fit_come() -> None:
    room = LARGEST_DETAIL - len(json.dumps(told("", Resource())))

    assert told("x" * room, Resource())["data"] == "x" * room
    assert told("x" * (room + 1), Resource())["data"] is None


@pytest.mark.parametrize("part", ["data", "resource"])
def test_what_is_nested_too_deep_to_be_written_is_too_large(part: str) -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"deeper": deep}
    composed = cmp_events.compose(
        job({}),
        deep if part == "data" else {},
        Resource(deep if part == "resource" else None),
    )

    assert json.loads(composed.detail)[part] is None
