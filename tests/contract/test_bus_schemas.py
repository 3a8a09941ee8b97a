"""What the bus carries keeps the schemas under docs/events, and they promise nothing else."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cmp_relay import announcements, cmp_events, deliveries, file_events, work_events
from cmp_relay.announcements import DETAIL_TYPES, LIBRARY_CHANGED, LIBRARY_REMOVED
from cmp_relay.bus import Bus
from cmp_relay.catalogue import Announcement, AssetState, PublicationState
from cmp_relay.cmp_events import CMP_EVENT
from cmp_relay.command_results import COMMAND_RESULT, CommandResults
from cmp_relay.commands import read_command_job
from cmp_relay.deliveries import Receipt
from cmp_relay.file_events import FILES_CHANGED
from cmp_relay.file_store import Stored
from cmp_relay.files import FilesState, MirroredFile, Place
from cmp_relay.jobs import (
    FileJob,
    PublishJob,
    read_file_job,
    read_other_event_job,
    read_publish_job,
)
from cmp_relay.outcomes import Ending
from cmp_relay.publications import Publication
from cmp_relay.resource_table import Resource
from tests.support import library_jobs, publish_jobs, samples
from tests.template import snapshot
from tools.schemas import events
from tools.schemas.events import ContractError

FOLDER = snapshot.PROJECT / "docs" / "events"
RECEIPT = Receipt("4b8f", 1_700_000_000_000, "default", "deliveries/2023/11/14/4b8f.json")
ONLY_IF_TOO_LARGE = {"truncated", "truncated.archive_key", "truncated.pointer"}
EVERY_DETAIL_TYPE = (
    *DETAIL_TYPES.values(),
    LIBRARY_CHANGED,
    LIBRARY_REMOVED,
    FILES_CHANGED,
    CMP_EVENT,
    *work_events.DETAIL_TYPES.values(),
    COMMAND_RESULT,
)
FREE_FORM = {"asset.labels", "task.labels", "data", "resource", "result"}


def schema(detail_type: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / f"{detail_type}.schema.json").read_text())
    return document


def jobs_of(name: str) -> list[PublishJob]:
    split = deliveries.split(deliveries.read(samples.raw(name)), RECEIPT)
    return [read_publish_job(json.dumps(job)) for job in split.jobs]


def detail(
    job: PublishJob, *, labels: object = None, ended: tuple[str, ...] = (), **asset: object
) -> dict[str, Any]:
    """Return what the bus is told of a job, by a worker that knows `asset` of its asset."""
    state = AssetState(job.asset.id, job.asset.type, sequence=1, **asset)  # type: ignore[arg-type]
    entry_key = "assets/entry.json" if state.details_key else None
    publication = PublicationState(
        Publication(job.channel, job.publishing_event.id), entry_key=entry_key, sequence=1
    )
    composed = announcements.compose(
        job,
        state,
        publication,
        bucket="assets",
        labels=labels,
        ended=ended,
        event_name=job.event_name,
    )
    told: dict[str, Any] = json.loads(composed.detail)
    return told


def known(job: PublishJob) -> dict[str, Any]:
    """Return what is told of an asset with details, published unless the job says otherwise."""
    return detail(
        job,
        labels=publish_jobs.entry()["labels"],
        ended=() if job.event_name == "asset_published" else ("event-0",),
        title="Title",
        modified_at=1_700_000_000_123,
        published=job.event_name != "asset_unpublished",
        details_source="library",
        details_key="assets/image/image-1/details.json",
    )


def validate(job: PublishJob, told: dict[str, Any]) -> None:
    """Raise an error if a detail breaks its schema."""
    events.check(DETAIL_TYPES[job.event_name], told)


def of_library(
    library: str, *, labels: object = None, **asset: object
) -> tuple[str, dict[str, Any]]:
    """Return detail type and detail of what the bus is told of an asset in the library."""
    removed = library == "removed"
    job = library_jobs.job("asset_removed" if removed else "asset_modified")
    state = AssetState("image-1", "image", library=library, library_sequence=1, **asset)  # type: ignore[arg-type]
    composed = announcements.compose_library(job, state, bucket="assets", labels=labels)
    return composed.detail_type, json.loads(composed.detail)


def file_job() -> FileJob:
    """Return the job to look after an image's files that the relay gives itself."""
    message = json.loads((snapshot.PROJECT / "events/invoke/on_asset_file.json").read_text())
    return read_file_job(message["Records"][0]["body"])


def of_files(files: dict[str, MirroredFile], **asset: object) -> dict[str, Any]:
    """Return what the bus is told of the files of an image."""
    state = AssetState("image-1", "image", **asset)  # type: ignore[arg-type]
    mirrored = FilesState("image-1", files=files, sequence=1)
    composed = file_events.compose(file_job(), state, mirrored, bucket="assets")
    told: dict[str, Any] = json.loads(composed.detail)
    return told


def documented(part: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the dotted name of every key that a schema describes, those of a list's items too."""
    for name, described in part.get("properties", {}).items():
        yield f"{prefix}{name}"
        yield from documented(described, f"{prefix}{name}.")
        yield from documented(described.get("items", {}), f"{prefix}{name}[].")


def emitted(part: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the dotted name of every key of a detail, but those that CMP makes up."""
    for name, value in part.items():
        yield f"{prefix}{name}"
        if f"{prefix}{name}" in FREE_FORM:
            continue
        if isinstance(value, dict):
            yield from emitted(value, f"{prefix}{name}.")
        for item in value if isinstance(value, list) else ():
            if isinstance(item, dict):
                yield from emitted(item, f"{prefix}{name}[].")


def test_every_detail_type_has_a_schema_and_every_schema_a_detail_type() -> None:
    described = {path.name.removesuffix(".schema.json") for path in FOLDER.glob("*.schema.json")}

    assert described == set(events.DETAILS) == set(EVERY_DETAIL_TYPE)


@pytest.mark.parametrize("detail_type", EVERY_DETAIL_TYPE)
def test_a_schema_is_one_and_explains_every_value(detail_type: str) -> None:
    document = schema(detail_type)

    Draft202012Validator.check_schema(document)
    assert document["$id"] == f"urn:cmp-relay:event:{detail_type}:1"
    assert "additionalProperties" not in json.dumps(document), "keys are added within a version"
    for name in documented(document):
        part = document
        for step in name.split("."):
            part = part.get("items", part)
            part = part["properties"][step.removesuffix("[]")]
        assert part.get("description") or part.get("properties"), name


@pytest.mark.parametrize("name", samples.publish_names())
def test_what_is_told_of_every_sample_keeps_its_schema(name: str) -> None:
    jobs = jobs_of(name)

    assert jobs
    for job in jobs:
        validate(job, known(job))


@pytest.mark.parametrize("event_name", DETAIL_TYPES)
def test_every_documented_key_is_emitted_and_every_emitted_key_documented(event_name: str) -> None:
    job = publish_jobs.job(event_name)

    told = set(emitted(known(job)))

    assert told == set(documented(schema(DETAIL_TYPES[event_name]))) - ONLY_IF_TOO_LARGE


@pytest.mark.parametrize("event_name", DETAIL_TYPES)
def test_every_key_but_those_of_large_events_is_required(event_name: str) -> None:
    job = publish_jobs.job(event_name)
    told = known(job)

    for name in told:
        less = {key: value for key, value in told.items() if key != name}
        assert not Draft202012Validator(schema(DETAIL_TYPES[event_name])).is_valid(less), name


def test_an_unpublish_of_an_asset_that_nobody_has_heard_of_keeps_its_schema() -> None:
    sparse = publish_jobs.job("asset_unpublished").model_copy(
        update={"triggered_from": None, "organization_id": None}
    )

    told = detail(sparse)

    validate(sparse, told)
    assert (told["details"], told["entry"], told["asset"]["title"]) == (None, None, None)


def test_an_event_that_lost_its_labels_for_its_size_keeps_its_schema() -> None:
    job = publish_jobs.job()

    told = detail(
        job,
        labels=["x" * announcements.LARGEST_DETAIL],
        published=True,
        details_source="library",
        details_key="assets/image/image-1/details.json",
    )

    validate(job, told)
    assert set(emitted(told)) >= ONLY_IF_TOO_LARGE


KNOWN = {
    "title": "Title",
    "modified_at": 1_700_000_000_123,
    "version": "3",
    "details_source": "library",
    "details_key": "assets/image/image-1/details.json",
    "href": publish_jobs.link("image-1"),
}


@pytest.mark.parametrize("library", ["present", "archived", "removed"])
def test_what_is_told_of_the_library_is_what_is_documented(library: str) -> None:
    detail_type, told = of_library(library, **KNOWN)

    document = schema(detail_type)
    events.check(detail_type, told)
    assert set(emitted(told)) == set(documented(document)) - ONLY_IF_TOO_LARGE
    for name in told:
        less = {key: value for key, value in told.items() if key != name}
        assert not Draft202012Validator(document).is_valid(less), name


def test_the_removal_of_an_asset_that_nobody_has_heard_of_keeps_its_schema() -> None:
    detail_type, told = of_library("removed")

    events.check(detail_type, told)
    assert (told["details"], told["asset"]["title"], told["asset"]["link"]) == (None, None, None)


def test_an_event_of_the_library_that_lost_its_labels_for_its_size_keeps_its_schema() -> None:
    labels = ["x" * announcements.LARGEST_DETAIL]

    detail_type, told = of_library("present", labels=labels, **KNOWN)

    events.check(detail_type, told)
    assert set(emitted(told)) >= ONLY_IF_TOO_LARGE
    assert len(json.dumps(told)) < announcements.LARGEST_DETAIL


FILE = MirroredFile(
    "v2",
    Stored("assets/image/image-1/v2/Title.png", '"e1"', 1234, "c2hhMjU2", "image/png"),
    Place("repository", "website/images/image-1.png"),
)
OF_FILES = schema(FILES_CHANGED)


def test_what_is_told_of_files_is_what_is_documented() -> None:
    told = of_files({"file": FILE}, **{**KNOWN, "library": "present"})

    events.check(FILES_CHANGED, told)
    assert set(emitted(told)) == set(documented(OF_FILES))
    for name in told:
        less = {key: value for key, value in told.items() if key != name}
        assert not Draft202012Validator(OF_FILES).is_valid(less), name


@pytest.mark.parametrize(
    ("files", "listed"),
    [
        ({}, []),
        ({f"image-{number}": FILE for number in range(1000)}, None),
    ],
    ids=["withdrawn", "too large"],
)
def test_files_that_are_not_listed_keep_the_schema(
    files: dict[str, MirroredFile], listed: object
) -> None:
    told = of_files(files)

    events.check(FILES_CHANGED, told)
    assert told["files"] == listed


OF_OTHERS = schema(CMP_EVENT)


def of_others(raw: bytes, resource: Resource) -> dict[str, Any]:
    """Return what the bus is told of a delivery that has no detail type of its own."""
    (job,) = deliveries.split(deliveries.read(raw), RECEIPT).jobs
    data = json.loads(raw).get("data")
    composed = cmp_events.compose(read_other_event_job(json.dumps(job)), data, resource)
    told: dict[str, Any] = json.loads(composed.detail)
    return told


def test_what_is_told_of_other_events_is_what_is_documented() -> None:
    shown = Resource({"id": "task-1", "labels": [{"id": "1"}]}, 1_700_000_000_123)

    told = of_others(samples.raw("task_added"), shown)

    events.check(CMP_EVENT, told)
    assert set(emitted(told)) == set(documented(OF_OTHERS)) - ONLY_IF_TOO_LARGE
    for name in told:
        less = {key: value for key, value in told.items() if key != name}
        assert not Draft202012Validator(OF_OTHERS).is_valid(less), name


@pytest.mark.parametrize("name", samples.other_names())
def test_what_is_told_of_every_other_sample_keeps_its_schema(name: str) -> None:
    told = of_others(samples.raw(name), Resource(error="not_found"))

    events.check(CMP_EVENT, told)
    assert told["data"] == samples.sample(name)["data"]


@pytest.mark.parametrize("data", [None, 5, "text", True, ["list"], {"deep": [{"er": None}]}])
def test_data_of_any_shape_keep_the_schema(data: object) -> None:
    told = of_others(
        json.dumps({"event_name": "never_heard_of", "data": data}).encode(), Resource()
    )

    events.check(CMP_EVENT, told)
    assert (told["data"], told["resource"], told["resource_error"]) == (data, None, None)


def test_an_event_that_lost_its_data_for_their_size_keeps_its_schema() -> None:
    data = {"text": "x" * announcements.LARGEST_DETAIL}

    told = of_others(json.dumps({"event_name": "x", "data": data}).encode(), Resource())

    events.check(CMP_EVENT, told)
    assert set(emitted(told)) >= ONLY_IF_TOO_LARGE


def of_command(ending: Ending, command: str = "start") -> dict[str, Any]:
    """Return what the bus is told of a command's end."""
    told: list[Announcement] = []

    class Tap(Bus):
        def __init__(self) -> None:
            """Need no client."""

        def put(self, announcement: Announcement) -> None:
            """Keep the event."""
            told.append(announcement)

    message = {
        "schema": 1,
        "command_id": "ticket-1",
        "command": command,
        "issued_at": "2026-11-21T12:00:00+01:00",
        "arguments": {},
    }
    CommandResults(Tap(), lambda: 1_700_000_000_123).tell(
        read_command_job(json.dumps(message)), ending
    )
    (only,) = told
    assert only.detail_type == COMMAND_RESULT
    detail: dict[str, Any] = json.loads(only.detail)
    return detail


@pytest.mark.parametrize(
    ("ending", "explained"),
    [
        (Ending("applied", result={"id": "comment-1", "link": None}), (None, None)),
        (Ending("applied", result={"text": "x" * 100 * 1024}), (None, None)),
        (Ending("superseded", "a later report"), (None, "a later report")),
        (Ending("dead_lettered", "not_found: GET: 404"), ("not_found", "GET: 404")),
        (Ending("dead_lettered", "no_quota"), ("no_quota", None)),
    ],
)
def test_what_is_told_of_a_command_is_what_is_documented(
    ending: Ending, explained: tuple[str | None, str | None]
) -> None:
    told = of_command(ending)

    events.check(COMMAND_RESULT, told)
    assert set(emitted(told)) == set(documented(schema(COMMAND_RESULT)))
    assert (told["outcome"], (told["reason"], told["detail"])) == (ending.outcome, explained)
    for name in told:
        less = {key: value for key, value in told.items() if key != name}
        assert not Draft202012Validator(schema(COMMAND_RESULT)).is_valid(less), name


def test_a_detail_with_a_key_that_nobody_has_described_is_noticed() -> None:
    told = of_command(Ending("applied"))

    with pytest.raises(ContractError, match="surprise: Extra inputs are not permitted"):
        events.check(COMMAND_RESULT, told | {"surprise": 1})
    with pytest.raises(ContractError, match=r"\$.outcome: 'sung' is not one of"):
        events.check(COMMAND_RESULT, told | {"outcome": "sung"})
    with pytest.raises(ContractError, match="no such detail type"):
        events.check("SomethingElse", told)
