"""The ledger: every job that was received has a row, and one that nobody saw is found."""

import json
from dataclasses import replace

import pytest

from tools.ledger.ledger import Received, Seen, draw_up
from tools.ledger.sources import jobs_of

PUBLISH = {
    "event_name": "asset_published",
    "data": {
        "assets": {
            "images": [{"id": "image", "modified_at": "2026-11-21T10:00:00Z"}],
            "videos": [{"id": "video"}],
        },
        "publishing_event": {"id": "event"},
    },
}


def job(number: int, delivery: str = "first", **changes: object) -> Received:
    made = Received(f"{delivery}.{number}", delivery, "asset_published", f"/{number}", 1000, "body")
    return replace(made, **changes)  # type: ignore[arg-type]


def archived(body: object, delivery_id: str = "first") -> dict[str, object]:
    return {
        "delivery_id": delivery_id,
        "received_at": 1_760_000_000_000,
        "channel": "default",
        "encoding": "utf-8",
        "body": body if isinstance(body, str) else json.dumps(body),
    }


def test_every_job_has_one_row_and_the_counts_agree() -> None:
    received = [job(0), job(1), job(2), job(3)]
    seen = [
        Seen("first.0", "applied"),
        Seen("first.1", "superseded"),
        Seen("first.2", "dead_lettered"),
        Seen("first.3", None),
    ]

    ledger = draw_up(received, seen, {"applied": 1, "superseded": 1, "dead_lettered": 1})

    assert ledger.problems == []
    assert sum(ledger.rows.values()) == ledger.received == 4
    assert ledger.in_flight == ["first.3"]


def test_a_job_that_no_worker_ever_saw_is_found_from_the_archive() -> None:
    ledger = draw_up([job(0), job(1)], [Seen("first.0", "applied")], {"applied": 1})

    assert [one.job_id for one in ledger.missing] == ["first.1"]
    assert ledger.problems == ["1 jobs that no worker has seen"]


@pytest.mark.parametrize(
    ("again", "missing"),
    [
        (job(1, "second", received_at=2000), []),
        (job(1, "second", received_at=500), ["first.1"]),
        (job(1, "second", received_at=2000, fingerprint="another body"), ["first.1"]),
        (job(2, "second", received_at=2000), ["first.1"]),
    ],
)
def test_a_job_that_was_never_queued_is_no_loss_only_if_the_same_came_again_later(
    again: Received, missing: list[str]
) -> None:
    seen = [Seen("first.0", "applied"), Seen(again.job_id, "applied")]

    ledger = draw_up([job(0), job(1), again], seen, {"applied": 2})

    assert [one.job_id for one in ledger.missing] == missing


def test_counts_that_differ_from_the_items_are_told() -> None:
    ledger = draw_up([job(0)], [Seen("first.0", "applied")], {"applied": 2})

    assert ledger.problems == ["2 counted as applied, but 1 items say so"]


def test_an_item_whose_delivery_is_not_in_the_archive_is_told() -> None:
    ledger = draw_up([], [Seen("first.0", "applied")], {"applied": 1})

    assert ledger.problems == ["1 jobs without an archived delivery"]


def test_an_archived_body_is_split_into_the_same_jobs_again() -> None:
    image, video = jobs_of("key", archived(PUBLISH))

    assert (image.job_id, image.asset_id, image.place) == (
        "first.0",
        "image",
        "/data/assets/images/0",
    )
    assert image.announced == "2026-11-21T10:00:00Z"
    assert (video.job_id, video.publishing_event_id, video.announced) == ("first.1", "event", None)
    assert image.fingerprint == video.fingerprint


def test_the_same_body_of_another_delivery_has_the_same_fingerprint() -> None:
    first, second = jobs_of("key", archived(PUBLISH)), jobs_of("key", archived(PUBLISH, "second"))

    assert [one.fingerprint for one in first] == [one.fingerprint for one in second]


def test_an_event_of_any_name_is_a_job_and_a_body_that_nobody_can_read_is_none() -> None:
    (task,) = jobs_of("key", archived({"event_name": "task_added", "data": {}}))

    assert (task.job_id, task.place, task.asset_id) == ("first.0", "/data", None)
    assert jobs_of("key", archived("{")) == []
