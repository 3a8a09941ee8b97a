from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay import folder_rules, library
from cmp_relay.catalogue import AssetState
from cmp_relay.file_plan import FilePlan, Folders
from cmp_relay.file_store import Stored, Unfinished
from cmp_relay.files import FilesState, MirroredFile, Place

NOW = 1_700_000_000_000
RULES = folder_rules.parse(
    "label=Web when=published -> web/; folder=/Press -> press/2026/; kind=image -> rest/"
)
FOLDERS = Folders("assets", "repository", RULES)
IMAGE: Mapping[str, Any] = {
    "title": "Harbour.jpg",
    "url": "https://files/1",
    "version_number": 7,
    "file_extension": "jpg",
}
PRESENT = AssetState("image-1", "image", library=library.PRESENT)

NAMES = st.sampled_from(["file", "image-1", "a/b", "..", "ä b", "", "x" * 200]) | st.text()
URLS = st.sampled_from([f"https://files/{name}" for name in ("1", "2?a=1", "2?a=2", "é", "%2F")])
PICTURES = st.fixed_dictionaries(
    {"url": URLS}, optional={"file_extension": NAMES, "file_size": st.integers(0, 9)}
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "title": NAMES,
        "url": URLS,
        "images": st.lists(PICTURES, max_size=5),
        "version_id": NAMES,
        "file_extension": NAMES,
        "file_location": st.sampled_from(["/Press/2026", "/Other"]),
        "labels": st.sampled_from([[], [{"group": {"name": "Web"}, "values": [{"name": "Yes"}]}]]),
    },
)
ASSETS = st.builds(
    AssetState,
    asset_id=NAMES.filter(bool),
    type=st.sampled_from(["article", "image", "raw_file", "video", "unheard of"]),
    published=st.booleans(),
    library=st.sampled_from([None, library.PRESENT, library.ARCHIVED, library.REMOVED]),
    expires_at=st.sampled_from([None, NOW, NOW + 1]),
)


def brought(plan: FilePlan, before: FilesState) -> FilesState:
    """Return the state once all is where the plan wants it, and what it does not want is gone."""
    files = {
        slot: MirroredFile(
            source.version,
            Stored(plan.objects[slot].key, "e", 1, "c", "image/png"),
            plan.copies.get(slot),
        )
        for slot, source in plan.sources.items()
    }
    return replace(before, files=files, claims=plan.places)


def image(state: FilesState, asset: AssetState = PRESENT, **fields: object) -> FilePlan:
    return FOLDERS.plan(asset, {**IMAGE, **fields}, state, NOW)


@given(ASSETS, BODIES, BODIES)
def test_no_two_files_ever_share_a_place(
    asset: AssetState, before: dict[str, Any], after: dict[str, Any]
) -> None:
    held = brought(FOLDERS.plan(asset, before, FilesState(asset.asset_id), NOW), FilesState("1"))

    plan = FOLDERS.plan(asset, after, held, NOW)

    assert len(plan.places) == len(plan.objects) + len(plan.copies)
    assert plan.objects.keys() == plan.sources.keys() >= plan.copies.keys()


@given(ASSETS, BODIES, BODIES)
def test_no_place_is_of_another_asset_or_of_the_relays_documents(
    asset: AssetState, before: dict[str, Any], after: dict[str, Any]
) -> None:
    other = replace(asset, asset_id=f"{asset.asset_id}1")
    mine = FOLDERS.plan(asset, before, FilesState(asset.asset_id), NOW).places
    others = FOLDERS.plan(other, after, FilesState(other.asset_id), NOW).places

    assert not mine & others
    # details.json is one level higher
    assert all(place.key.count("/") == 4 for place in mine if place.bucket == "assets")


@given(ASSETS, BODIES, BODIES)
def test_what_serves_still_is_not_withdrawn_before_the_new_files_come(
    asset: AssetState, before: dict[str, Any], after: dict[str, Any]
) -> None:
    held = brought(FOLDERS.plan(asset, before, FilesState(asset.asset_id), NOW), FilesState("1"))

    plan = FOLDERS.plan(asset, after, held, NOW)

    withdrawn = held.claims - plan.places - plan.waiting
    assert not withdrawn & plan.places
    for slot, file in held.files.items():
        assert (Place("assets", file.stored.key) in withdrawn) == (slot not in plan.sources)
        if file.copy:
            assert (file.copy in withdrawn) == (slot not in plan.copies)


@given(ASSETS, BODIES)
def test_what_is_expired_has_no_copies(asset: AssetState, body: dict[str, Any]) -> None:
    expired = replace(asset, expires_at=NOW)

    plan = FOLDERS.plan(expired, body, FilesState(asset.asset_id), NOW)

    assert plan.copies == {}


def test_a_file_keeps_its_place_whatever_its_title_becomes() -> None:
    held = brought(image(FilesState("image-1")), FilesState("image-1"))

    assert image(held, title="Pier.jpg").objects == image(held).objects
    moved = image(held, title="Pier.jpg", version_number=8).objects["file"]
    assert moved == Place("assets", "assets/image/image-1/8/Pier.jpg")


@pytest.mark.parametrize(
    ("key", "version", "wanted"),
    [
        ("assets/image/image-1/7/Harbour.jpg", "7", True),
        ("assets/image/image-1/7/Harbour.jpg", "6", False),
        ("assets/image/image-1/7/Pier.jpg", "7", False),
    ],
)
def test_an_upload_is_of_use_for_the_same_version_at_the_same_place(
    key: str, version: str, wanted: bool
) -> None:
    unfinished = Unfinished(key, "1", version, "image/jpeg", '"1"', 1)

    assert image(FilesState("image-1")).wants(unfinished) == wanted


def test_goes_on_with_the_file_that_was_begun() -> None:
    article = AssetState("article-1", "article", library=library.PRESENT)
    body = {"images": [{"url": f"https://files/{number}"} for number in range(3)]}
    plan = FOLDERS.plan(article, body, FilesState("article-1"), NOW)
    slots = list(plan.sources)
    begun = Unfinished(plan.objects[slots[1]].key, "1", "1", "image/png", '"1"', 1)

    assert plan.order(FilesState("article-1")) == slots
    order = plan.order(FilesState("article-1", unfinished=begun))
    assert order == [slots[1], slots[0], slots[2]]
