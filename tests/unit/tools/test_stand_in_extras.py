"""Renditions and custom fields of the stand-in's assets."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import httpx
import pytest

from tools.stand_in.files import picture

if TYPE_CHECKING:
    from tools.stand_in.client import StandIn
    from tools.stand_in.world import Place

pytestmark = pytest.mark.enable_socket


def test_a_rendition_can_be_downloaded(stand_in: StandIn) -> None:
    asset = stand_in.add_asset("image")

    (rendition,) = stand_in.set_renditions(asset["id"], "Facebook")
    response = httpx.get(rendition["url"])

    assert response.headers["Content-Type"] == rendition["mime_type"]
    assert sha256(response.content).hexdigest() == picture(rendition["url"]).sha256()
    assert [one["asset_id"] for one in stand_in.downloads()] == [asset["id"]]


def test_renditions_that_are_made_anew_replace_the_others(
    stand_in: StandIn, open_api: httpx.Client
) -> None:
    asset = stand_in.add_asset("image")
    (before,) = stand_in.set_renditions(asset["id"], "Facebook")

    stand_in.set_renditions(asset["id"], "Square")

    listed = open_api.get(f"/assets/{asset['id']}/renditions").json()["data"]
    assert [one["name"] for one in listed] == ["Square"]
    assert open_api.get(f"/renditions/{before['id']}").status_code == 404
    assert httpx.get(before["url"]).status_code == 404


def test_more_than_ten_renditions_come_in_pages(stand_in: StandIn, open_api: httpx.Client) -> None:
    asset = stand_in.add_asset("image")
    stand_in.set_renditions(asset["id"], *(f"{number}" for number in range(11)))

    first = open_api.get(f"/assets/{asset['id']}/renditions").json()
    second = open_api.get(first["pagination"]["next"]).json()

    assert [len(page["data"]) for page in (first, second)] == [10, 1]


def test_custom_fields_can_be_set(stand_in: StandIn, open_api: httpx.Client) -> None:
    asset = stand_in.add_asset("image")
    region = {"id": "1", "name": "Region", "type": "text", "values": ["EMEA"]}

    stand_in.set_custom_fields(asset["id"], region)

    assert open_api.get(f"/assets/{asset['id']}/fields").json()["data"] == [region]


@pytest.mark.parametrize(("place", "status"), [("task", 404), ("deleted", 404), ("forbidden", 403)])
def test_only_the_library_tells_them(
    stand_in: StandIn, open_api: httpx.Client, place: Place, status: int
) -> None:
    asset = stand_in.add_asset("image")
    (rendition,) = stand_in.set_renditions(asset["id"], "Facebook")
    stand_in.move_asset(asset["id"], place)

    paths = (
        f"/assets/{asset['id']}/renditions",
        f"/assets/{asset['id']}/fields",
        f"/renditions/{rendition['id']}",
    )

    assert {open_api.get(path).status_code for path in paths} == {status}
