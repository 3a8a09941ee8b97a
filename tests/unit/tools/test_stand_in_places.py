"""Assets of the stand-in, how they change, and where they live."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from tools.stand_in.client import StandIn
    from tools.stand_in.deliveries import LibraryEventName
    from tools.stand_in.world import Place

pytestmark = pytest.mark.enable_socket


@pytest.mark.parametrize(
    ("place", "library", "urls", "task"),
    [
        ("library", 200, 302, 404),
        ("task", 404, 302, 200),
        ("deleted", 404, 404, 404),
        ("forbidden", 403, 403, 403),
    ],
)
def test_an_asset_is_where_it_was_put(
    stand_in: StandIn, open_api: httpx.Client, place: Place, library: int, urls: int, task: int
) -> None:
    stand_in.add_asset("video", id="4567m4749")

    task_id = stand_in.move_asset("4567m4749", place)["task_id"]

    assert open_api.get("/videos/4567m4749").status_code == library
    assert open_api.get("/asset-urls/4567m4749").status_code == urls
    assert open_api.get(f"/tasks/{task_id}/videos/4567m4749").status_code == task


def test_an_asset_is_of_its_kind_and_in_its_task_alone(
    stand_in: StandIn, open_api: httpx.Client
) -> None:
    asset_id = stand_in.add_asset("video")["id"]
    stand_in.move_asset(asset_id, "task")

    assert open_api.get(f"/images/{asset_id}").status_code == 404
    assert open_api.get(f"/tasks/another/videos/{asset_id}").status_code == 404


def test_a_change_shows_and_moves_modified_at_on(stand_in: StandIn, open_api: httpx.Client) -> None:
    asset = stand_in.add_asset("article")

    moments = [asset["modified_at"]]
    moments += [stand_in.change_asset(asset["id"], title=f"{n}")["modified_at"] for n in range(3)]

    assert open_api.get(f"/articles/{asset['id']}").json()["title"] == "2"
    assert moments == sorted(set(moments))
    assert all(moment.endswith("Z") for moment in moments)


def test_modified_at_can_be_given(stand_in: StandIn) -> None:
    asset = stand_in.add_asset("image", modified_at="2019-10-07T13:15:30Z")

    changed = stand_in.change_asset(asset["id"], modified_at="2019-10-06T13:15:30Z")

    assert asset["modified_at"] == "2019-10-07T13:15:30Z"
    assert changed["modified_at"] == "2019-10-06T13:15:30Z"


def test_a_structured_content_has_locales_and_nested_components(stand_in: StandIn) -> None:
    body = stand_in.add_asset("structured_content")["content_body"]

    fields = body["latest_fields_version"]["fields"]
    author = _only_value(fields["author"])["content_details"]["latest_fields_version"]["fields"]
    office = _only_value(author["office"])["content_details"]["latest_fields_version"]["fields"]

    assert [one["locale"] for one in fields["headline"]] == ["en_US", "en", "de"]
    assert office["city"][0]["field_values"][0]["text_value"] == "Berlin"


def test_a_structured_content_can_lack_its_body(stand_in: StandIn) -> None:
    asset = stand_in.add_asset("structured_content", content_body=None)

    assert "content_body" not in asset


def test_links_name_the_host_that_was_asked(stand_in: StandIn, open_api: httpx.Client) -> None:
    asset_id = stand_in.add_asset("structured_content")["id"]

    shown = open_api.get(f"/structured-contents/{asset_id}", headers={"Host": "cmp.test:81"})

    own = f"http://cmp.test:81/v3/structured-contents/{asset_id}"
    assert shown.json()["links"]["self"] == own
    assert shown.json()["content_body"]["links"]["self"] == own


def test_a_publish_delivery_has_the_documented_shape(stand_in: StandIn) -> None:
    kinds = ("article", "image", "video", "raw_file", "structured_content")
    ids = [stand_in.add_asset(kind)["id"] for kind in kinds]

    data = stand_in.body("publish", ids)["data"]

    assert set(data) == {"assets", "publishing_event", "triggered_from", "organization"}
    assert list(data["assets"]) == [
        "articles",
        "images",
        "videos",
        "raw_files",
        "structured_contents",
    ]
    assert [entries[0]["id"] for entries in data["assets"].values()] == ids
    assert "alt_text" not in data["assets"]["images"][0]
    moment = data["assets"]["structured_contents"][0]["modified_at"]
    assert datetime.fromisoformat(moment).tzinfo is None


def test_an_unpublish_delivery_says_little_and_names_the_same_event(stand_in: StandIn) -> None:
    asset_id = stand_in.add_asset("image")["id"]

    published = stand_in.body("publish", [asset_id])["data"]
    withdrawn = stand_in.body("unpublish", [asset_id])["data"]

    assert set(withdrawn["assets"]["images"][0]) == {"id", "links"}
    assert "triggered_from" not in withdrawn
    assert withdrawn["publishing_event"] == published["publishing_event"]


def test_the_old_generation_knows_no_structured_contents(stand_in: StandIn) -> None:
    ids = [stand_in.add_asset(kind)["id"] for kind in ("image", "structured_content")]

    assets = stand_in.body("sync", ids, generation="old")["data"]["assets"]

    assert list(assets) == ["articles", "images", "videos", "raw_files"]


def test_library_deliveries_have_the_documented_shape(stand_in: StandIn) -> None:
    asset = stand_in.add_asset("raw_file", id="4567m4749")
    own = {
        "id": "4567m4749",
        "type": "raw_file",
        "owner_organization_id": asset["owner_organization_id"],
    }
    links = {"self": f"{stand_in.base_url}/v3/raw-files/4567m4749"}

    names: list[LibraryEventName] = [
        "asset_added",
        "asset_modified",
        "asset_removed",
        "asset_renditions_created",
    ]
    told = {name: stand_in.library_body(name, "4567m4749")["data"]["asset"] for name in names}

    source = told["asset_added"].pop("source")
    assert source["links"]["self"].endswith(f"/v3/tasks/{source['id']}")
    assert told == {
        "asset_added": {**own, "links": links},
        "asset_modified": {**own, "links": links},
        "asset_removed": own,
        "asset_renditions_created": {**own, "links": links},
    }


def test_the_old_generation_tells_no_source(stand_in: StandIn) -> None:
    asset_id = stand_in.add_asset("image")["id"]

    body = stand_in.library_body("asset_added", asset_id, generation="old")

    assert "source" not in body["data"]["asset"]


def test_what_the_admin_side_cannot_read_is_refused(stand_in: StandIn) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="400"):
        stand_in.add_asset("podcast")
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        stand_in.change_asset("nobody", title="x")
    with pytest.raises(httpx.HTTPStatusError, match="409"):
        stand_in.deliver(body={})


def _only_value(localized: list[dict[str, Any]]) -> dict[str, Any]:
    (values,) = (one["field_values"] for one in localized)
    (value,) = values
    assert isinstance(value, dict)
    return value
