import json
from collections.abc import Mapping
from typing import Any

from cmp_relay import file_events
from cmp_relay.catalogue import AssetState
from cmp_relay.file_store import Stored
from cmp_relay.files import FilesState, MirroredFile, Place
from cmp_relay.jobs import FileJob

DETAILS = "assets/image/image-1/details.json"
KEY = "assets/image/image-1/v2/Title.png"
STORED = Stored(KEY, etag='"e1"', size=1234, checksum="c2hhMjU2", mime_type="image/png")
COPY = Place("repository", "website/images/image-1.png")
ASSET = AssetState(
    "image-1",
    "image",
    sequence=7,
    title="Title",
    library="present",
    published=True,
    organization_id="organization-of-the-item",
    details_key=DETAILS,
)
JOB = FileJob.model_validate(
    {
        "schema": 1,
        "job_id": "asset_file.image-1.5",
        "delivery_id": "asset_file.image-1.5",
        "received_at": 1_700_000_000_123,
        "event_name": "asset_file",
        "channel": "default",
        "cause": "files",
        "organization_id": "organization-1",
        "asset": {"id": "image-1", "type": "image"},
        "wanted": 5,
    }
)


def compose(files: Mapping[str, MirroredFile], asset: AssetState = ASSET) -> dict[str, Any]:
    state = FilesState("image-1", files=files, sequence=3)
    told: dict[str, Any] = json.loads(
        file_events.compose(JOB, asset, state, bucket="assets").detail
    )
    return told


def test_tells_all_that_a_consumer_needs() -> None:
    state = FilesState("image-1", files={"file": MirroredFile("v2", STORED, COPY)}, sequence=3)

    announcement = file_events.compose(JOB, ASSET, state, bucket="assets")

    assert (announcement.id, announcement.detail_type) == (JOB.job_id, "AssetFilesChanged")
    assert json.loads(announcement.detail) == {
        "schema": 1,
        "id": "asset_file.image-1.5",
        "sequence": 3,
        "received_at": "2023-11-14T22:13:20.123Z",
        "asset": {
            "id": "image-1",
            "type": "image",
            "title": "Title",
            "library": "present",
            "published": True,
        },
        "organization": {"id": "organization-1"},
        "details": {"bucket": "assets", "key": DETAILS},
        "files": [
            {
                "slot": "file",
                "version": "v2",
                "mime_type": "image/png",
                "size": 1234,
                "checksum": "c2hhMjU2",
                "object": {"bucket": "assets", "key": KEY},
                "copy": {"bucket": "repository", "key": "website/images/image-1.png"},
            }
        ],
    }


def test_a_file_that_no_rule_wants_has_no_copy() -> None:
    (file,) = compose({"file": MirroredFile("v2", STORED)})["files"]

    assert file["copy"] is None


def test_an_asset_whose_files_are_withdrawn_has_none() -> None:
    told = compose({}, AssetState("image-1", "image", library="removed"))

    assert (told["files"], told["details"]) == ([], None)


def test_the_files_of_an_article_are_told_in_one_order() -> None:
    files = {slot: MirroredFile("v1", STORED) for slot in ("image-b", "image-a")}

    assert [file["slot"] for file in compose(files)["files"]] == ["image-a", "image-b"]


def test_leaves_out_a_list_that_would_be_too_large_and_nothing_else() -> None:
    few = {"image-0": MirroredFile("v1", STORED)}
    many = {f"image-{number}": MirroredFile("v1", STORED, COPY) for number in range(1000)}

    told = compose(many)

    assert told == {**compose(few), "files": None}
    assert len(json.dumps(told)) < file_events.LARGEST_DETAIL
