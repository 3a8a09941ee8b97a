"""The stand-in's list of assets: what it finds, in which order, page by page; and its folders."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from tools.stand_in.client import StandIn

    Argument = str | int | bool | list[str]

pytestmark = pytest.mark.enable_socket


def listed(open_api: httpx.Client, **query: Argument) -> list[str]:
    answer = open_api.get("/assets", params=query).json()
    return [row["id"] for row in answer["data"]]


def moment(day: int) -> str:
    return f"2026-01-{day:02}T00:00:00Z"


@pytest.fixture
def week(stand_in: StandIn) -> list[str]:
    """Images `1` to `7`, each created and modified on its day of January."""
    days = range(1, 8)
    images: list[dict[str, Any]] = [
        {"kind": "image", "id": str(d), "created_at": moment(d), "modified_at": moment(d)}
        for d in days
    ]
    return stand_in.add_assets(images)


def test_the_latest_modification_comes_first(
    stand_in: StandIn, open_api: httpx.Client, week: list[str]
) -> None:
    stand_in.change_asset("3", title="Changed")

    assert listed(open_api) == ["3", "7", "6", "5", "4", "2", "1"]


def test_pages_follow_each_other_with_the_same_filters(
    open_api: httpx.Client, week: list[str]
) -> None:
    query: dict[str, Argument] = {
        "page_size": 2,
        "modified_at__from": moment(3),
        "type": ["image", "video"],
    }
    page = open_api.get("/assets", params=query).json()
    found = [row["id"] for row in page["data"]]

    while url := page["pagination"]["next"]:
        page = open_api.get(url).json()
        found += [row["id"] for row in page["data"]]

    assert found == ["7", "6", "5", "4", "3"]
    assert page["total_count"] == 5
    before = open_api.get(page["pagination"]["previous"]).json()
    assert [row["id"] for row in before["data"]] == ["5", "4"]


def test_a_page_has_ten_rows_unless_asked_otherwise(
    stand_in: StandIn, open_api: httpx.Client
) -> None:
    stand_in.add_assets([{"kind": "image"}] * 101)

    assert len(listed(open_api)) == 10
    assert len(listed(open_api, page_size=100, offset=1)) == 100
    assert len(listed(open_api, offset=99)) == 2
    assert listed(open_api, offset=101) == []


@pytest.mark.parametrize("name", ["modified_at", "created_at"])
def test_times_are_filtered_from_and_to(open_api: httpx.Client, week: list[str], name: str) -> None:
    query = {f"{name}__from": moment(3), f"{name}__to": moment(4).removesuffix("Z")}

    assert listed(open_api, **query) == ["4", "3"]


def test_only_the_library_is_listed_with_what_is_archived_in_it(
    stand_in: StandIn, open_api: httpx.Client, week: list[str]
) -> None:
    stand_in.move_asset("1", "task")
    stand_in.move_asset("2", "deleted")
    stand_in.move_asset("3", "forbidden")
    stand_in.change_asset("4", is_archived=True, modified_at=moment(9))

    assert listed(open_api) == ["4", "7", "6", "5"]


def test_kinds_and_words_are_filtered(stand_in: StandIn, open_api: httpx.Client) -> None:
    stand_in.add_asset("image", id="cat", title="Cute Cat")
    stand_in.add_asset("video", id="dog", description="chases a CAT")
    stand_in.add_asset("article", id="article", title="Cats")

    assert set(listed(open_api, search_text="cat")) == {"cat", "dog", "article"}
    assert set(listed(open_api, search_text="cat", type=["video", "article"])) == {"dog", "article"}
    assert listed(open_api, search_text="cute") == ["cat"]


def test_folders_are_looked_into(stand_in: StandIn, open_api: httpx.Client) -> None:
    parent = stand_in.add_folder("images")
    child = stand_in.add_folder("icons", parent_folder_id=parent["id"])
    stand_in.add_asset("image", id="parent", folder_id=parent["id"])
    stand_in.add_asset("image", id="child", folder_id=child["id"])
    stand_in.add_asset("image", id="nowhere", folder_id=None)
    stand_in.add_asset("image", id="elsewhere")

    below = listed(open_api, folder_id=parent["id"])
    right_there = open_api.get(parent["links"]["assets"]).json()["data"]
    nowhere = listed(open_api, include_subfolder_assets=False)
    children = open_api.get(parent["links"]["child_folders"]).json()["data"]

    assert set(below) == {"parent", "child"}
    assert [row["id"] for row in right_there] == ["parent"]
    assert nowhere == ["nowhere"]
    assert [folder["path"] for folder in children] == ["/images/icons"]


def test_an_asset_that_moves_tells_its_new_place(stand_in: StandIn, open_api: httpx.Client) -> None:
    asset = stand_in.add_asset("image")
    folder = stand_in.add_folder("icons")

    moved = stand_in.change_asset(asset["id"], folder_id=folder["id"])
    top = stand_in.change_asset(asset["id"], folder_id=None)

    places = [one["file_location"] for one in (asset, moved, top)]
    assert places == ["/Marketing/Campaigns", "/icons", "/"]
    assert open_api.get(f"/folders/{asset['folder_id']}").json()["path"] == places[0]


@pytest.mark.parametrize("argument", ["page_size=0", "offset=x", "type=podcast", "label=a"])
def test_an_argument_that_it_does_not_understand_is_named(
    open_api: httpx.Client, argument: str
) -> None:
    response = open_api.get(f"/assets?{argument}")

    assert response.status_code == 400
    name = argument.partition("=")[0]
    assert response.json() == {"message": f"Unsupported arguments: {name}"}


def test_a_page_of_thousands_of_assets_is_quick(stand_in: StandIn, open_api: httpx.Client) -> None:
    stand_in.add_assets([{"kind": "image"}] * 5_000)
    query: dict[str, Argument] = {"page_size": 100, "offset": 4_000, "modified_at__from": moment(1)}

    def seconds() -> float:
        began = time.perf_counter()
        assert len(listed(open_api, **query)) == 100
        return time.perf_counter() - began

    assert min(seconds() for _ in range(5)) < 0.1
