import json
from dataclasses import replace
from typing import Any

import pytest

from cmp_relay import announcements
from cmp_relay.announcements import LARGEST_DETAIL
from cmp_relay.catalogue import Announcement, AssetState, PublicationState
from cmp_relay.jobs import PublishJob
from cmp_relay.publications import Publication
from tests.support import library_jobs, publish_jobs
from tests.support.publish_jobs import API, entry, link

ASSET = AssetState(
    "image-1",
    "image",
    sequence=3,
    published=True,
    title="Title",
    modified_at=1_700_000_000_123,
    details_source="library",
    details_key="assets/image/image-1/details.json",
)
PUBLICATION = PublicationState(
    Publication("default", "event-1"), entry_key="assets/entry.json", sequence=3
)
LABELS = entry()["labels"]


def compose(
    job: PublishJob,
    asset: AssetState = ASSET,
    publication: PublicationState = PUBLICATION,
    *,
    labels: object = LABELS,
    ended: tuple[str, ...] = (),
    event_name: str = "asset_published",
) -> Announcement:
    return announcements.compose(
        job,
        asset,
        publication,
        bucket="assets",
        labels=labels,
        ended=ended,
        event_name=event_name,
    )


def detail(announcement: Announcement) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(announcement.detail)
    return read


def test_tells_all_that_a_consumer_needs() -> None:
    announcement = compose(publish_jobs.job(), ended=("event-0",))

    assert (announcement.id, announcement.detail_type) == ("delivery-1.0", "AssetPublished")
    assert detail(announcement) == {
        "schema": 1,
        "id": "delivery-1.0",
        "sequence": 3,
        "channel": "default",
        "received_at": "2026-11-21T12:00:00.000Z",
        "asset": {
            "id": "image-1",
            "type": "image",
            "title": "Title",
            "modified_at": "2023-11-14T22:13:20.123Z",
            "published": True,
            "labels": LABELS,
            "link": link("image-1"),
        },
        "publishing_event": {
            "id": "event-1",
            "link": f"{API}/publishing-events/event-1",
            "publishing_metadata_link": f"{API}/publishing-events/event-1/publishing-metadata",
        },
        "ended": ["event-0"],
        "organization": {"id": "organization-1"},
        "triggered_from": {
            "id": "task-1",
            "source_type": "task",
            "link": f"{API}/tasks/task-1",
        },
        "details_source": "library",
        "details": {"bucket": "assets", "key": "assets/image/image-1/details.json"},
        "entry": {"bucket": "assets", "key": "assets/entry.json"},
        "delivery": {
            "id": "delivery-1",
            "archive_key": "deliveries/2026/11/21/delivery-1.json",
        },
    }


def test_has_the_same_keys_when_next_to_nothing_is_known() -> None:
    job = publish_jobs.job().model_copy(update={"triggered_from": None, "organization_id": None})
    bare = AssetState("image-1", "image")

    known = detail(compose(publish_jobs.job()))
    told = detail(compose(job, bare, replace(PUBLICATION, entry_key=None), labels=None))

    assert told.keys() == known.keys()
    assert told["asset"].keys() == known["asset"].keys()
    for name in ("triggered_from", "details_source", "details", "entry"):
        assert told[name] is None
    assert told["organization"] == {"id": None}
    assert told["asset"]["modified_at"] is None


@pytest.mark.parametrize(
    ("event_name", "detail_type"),
    [
        ("asset_published", "AssetPublished"),
        ("asset_synced", "AssetSynced"),
        ("asset_unpublished", "AssetUnpublished"),
    ],
)
def test_is_named_after_what_happened(event_name: str, detail_type: str) -> None:
    assert compose(publish_jobs.job(), event_name=event_name).detail_type == detail_type


def test_labels_that_are_too_large_are_replaced_by_where_they_are() -> None:
    told = compose(publish_jobs.job(), labels=["x" * LARGEST_DETAIL])

    assert len(told.detail) < LARGEST_DETAIL
    assert detail(told)["asset"]["labels"] is None
    assert detail(told)["truncated"] == {
        "archive_key": "deliveries/2026/11/21/delivery-1.json",
        "pointer": "/data/assets/images/0",
    }


def test_labels_that_just_fit_are_kept() -> None:
    without = len(compose(publish_jobs.job(), labels="").detail)

    fits = compose(publish_jobs.job(), labels="x" * (LARGEST_DETAIL - without))
    too_large = compose(publish_jobs.job(), labels="x" * (LARGEST_DETAIL - without + 1))

    assert (len(fits.detail), "truncated" in detail(fits)) == (LARGEST_DETAIL, False)
    assert "truncated" in detail(too_large)


def test_counts_bytes_and_not_letters() -> None:
    told = compose(publish_jobs.job(), labels=["ä" * (LARGEST_DETAIL // 2)])

    assert len(told.detail.encode()) <= LARGEST_DETAIL


LIBRARY_ASSET = replace(ASSET, library="archived", version="3", library_sequence=2, href="kept")


def of_library(asset: AssetState = LIBRARY_ASSET, *, labels: object = LABELS) -> Announcement:
    job = library_jobs.job("asset_modified")
    return announcements.compose_library(job, asset, bucket="assets", labels=labels)


def test_tells_all_of_the_library_that_a_consumer_needs() -> None:
    announcement = of_library()

    assert (announcement.id, announcement.detail_type) == ("delivery-1.0", "LibraryAssetChanged")
    assert detail(announcement) == {
        "schema": 1,
        "id": "delivery-1.0",
        "sequence": 2,
        "channel": "default",
        "received_at": "2026-11-21T12:00:00.000Z",
        "asset": {
            "id": "image-1",
            "type": "image",
            "title": "Title",
            "modified_at": "2023-11-14T22:13:20.123Z",
            "version": "3",
            "library": "archived",
            "published": True,
            "expires_at": None,
            "expired": False,
            "labels": LABELS,
            "link": link("image-1"),
        },
        "organization": {"id": "organization-1"},
        "details_source": "library",
        "details": {"bucket": "assets", "key": "assets/image/image-1/details.json"},
        "delivery": {
            "id": "delivery-1",
            "archive_key": "deliveries/2026/11/21/delivery-1.json",
        },
    }


@pytest.mark.parametrize(("cause", "is_named"), [("replay", True), ("reconcile", False)])
def test_names_the_delivery_that_told_of_it_now_or_before(cause: str, is_named: bool) -> None:
    job = library_jobs.job("asset_modified").model_copy(update={"cause": cause})

    told = announcements.compose_library(job, LIBRARY_ASSET, bucket="assets", labels=LABELS)

    assert (detail(told)["delivery"] is not None) == is_named


def test_a_removal_has_a_name_of_its_own_and_the_link_that_is_remembered() -> None:
    job = library_jobs.job("asset_removed")
    removed = replace(LIBRARY_ASSET, library="removed")

    announcement = announcements.compose_library(job, removed, bucket="assets", labels=None)

    assert announcement.detail_type == "LibraryAssetRemoved"
    assert detail(announcement)["asset"]["link"] == "kept"


def test_labels_of_the_library_that_are_too_large_are_left_to_the_details() -> None:
    told = of_library(labels=["x" * LARGEST_DETAIL])

    assert len(told.detail) < LARGEST_DETAIL
    assert detail(told)["asset"]["labels"] is None
    assert detail(told)["details"] == detail(of_library())["details"]
    assert detail(told)["truncated"] == {
        "archive_key": "deliveries/2026/11/21/delivery-1.json",
        "pointer": "/data/asset",
    }
