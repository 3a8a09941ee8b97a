import json
from typing import Any

import pytest
from pydantic import ValidationError

from cmp_relay.errors import UnreadableJobError
from cmp_relay.jobs import read_file_job, read_library_job, read_publish_job
from tests.support import library_jobs
from tests.support.publish_jobs import API, body, entry, jobs, link, receipt

PLANTED = "-".join(["must", "not", "show"])


def message(**changes: object) -> str:
    (made,) = jobs(body("asset_published", [entry()]), receipt())
    whole: dict[str, Any] = json.loads(made)
    return json.dumps({**whole, **changes})


def test_reads_what_the_receiver_writes() -> None:
    job = read_publish_job(message())

    assert (job.job_id, job.delivery_id, job.event_name) == (
        "delivery-1.0",
        "delivery-1",
        "asset_published",
    )
    assert (job.asset.id, job.asset.type, job.asset.href) == ("image-1", "image", link("image-1"))
    assert (
        job.publishing_event.metadata_href == f"{API}/publishing-events/event-1/publishing-metadata"
    )
    assert job.triggered_from is not None
    assert job.triggered_from.href == f"{API}/tasks/task-1"
    assert (job.organization_id, job.entry) == ("organization-1", "/data/assets/images/0")


def test_ignores_what_a_later_version_may_add() -> None:
    job = read_publish_job(message(new={"field": 1}, asset={"id": "1", "type": "image", "new": 1}))

    assert (job.asset.id, job.asset.href, job.asset.entry_hash) == ("1", None, None)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"schema": 2}, "schema"),
        ({"asset": None}, "asset"),
        ({"asset": {"id": "", "type": "image"}}, "asset.id"),
        ({"publishing_event": None, "received_at": 0}, "publishing_event, received_at"),
        ({"archive_key": {"secret": PLANTED}}, "archive_key"),
        ({"job_id": PLANTED * 100}, "job_id"),
    ],
)
def test_names_the_fields_that_it_cannot_read(changes: dict[str, object], fields: str) -> None:
    with pytest.raises(UnreadableJobError) as caught:
        read_publish_job(message(**changes))

    assert str(caught.value) == f"unreadable: {fields}"


@pytest.mark.parametrize("text", ["", PLANTED, "[]", "null"])
def test_says_when_the_whole_is_no_job(text: str) -> None:
    with pytest.raises(UnreadableJobError, match=r"^unreadable: body$") as caught:
        read_publish_job(text)

    assert not caught.value.retryable


def test_a_job_does_not_change() -> None:
    job = read_publish_job(message())

    with pytest.raises(ValidationError):
        job.job_id = "other"  # type: ignore[misc]


def test_a_library_job_needs_an_asset_and_no_publishing_event() -> None:
    job = read_library_job(library_jobs.message("asset_removed"))

    assert (job.event_name, job.asset.id, job.asset.href) == ("asset_removed", "image-1", None)
    assert job.publishing_event is None
    with pytest.raises(UnreadableJobError, match=r"^unreadable: asset$"):
        read_library_job(message(asset=None))


def test_a_job_that_no_delivery_caused_has_no_place_in_the_archive() -> None:
    found = {**json.loads(library_jobs.message("asset_modified")), "cause": "reconcile"}
    del found["archive_key"], found["entry"]

    assert read_library_job(json.dumps(found)).archive_key is None
    with pytest.raises(UnreadableJobError):
        read_library_job(json.dumps({**found, "cause": "delivery"}))


def test_a_replay_is_of_a_delivery_and_keeps_to_the_bulk_lane() -> None:
    replayed = read_publish_job(message(cause="replay"))

    assert (replayed.is_delivered, replayed.lane) == (True, "bulk")
    assert read_publish_job(message()).lane is None
    with pytest.raises(UnreadableJobError):
        read_publish_job(message(cause="replay", entry=None))


def test_a_replay_knows_which_job_it_gives_once_more() -> None:
    original = read_publish_job(message())
    name = f"replay.2026-11-22T12:00:00.000Z.{original.job_id}"

    replayed = read_publish_job(message(cause="replay", job_id=name))

    assert replayed.original_id == original.original_id == original.job_id


@pytest.mark.parametrize("wanted", [0, None])
def test_a_job_for_files_says_since_which_change(wanted: int | None) -> None:
    job = {**json.loads(library_jobs.message("asset_modified")), "cause": "files", "wanted": wanted}

    with pytest.raises(UnreadableJobError, match="wanted"):
        read_file_job(json.dumps(job))
