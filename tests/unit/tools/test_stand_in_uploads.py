"""Files that come to the stand-in, and changes of its assets through the Open API."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.stub_server import StubServer, stub_server
from tools.stand_in.form_data import parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.stand_in.client import StandIn

pytestmark = pytest.mark.enable_socket

PICTURE = os.urandom(300_000)


@pytest.fixture
def webhook(stand_in: StandIn) -> Iterator[StubServer]:
    with stub_server() as started:
        stand_in.register_webhook(started.url, attempts=1)
        stand_in.tasks.set_rules(echoes="first")
        yield started


def form(open_api: httpx.Client) -> tuple[str, dict[str, str]]:
    told = open_api.get("/upload-url").json()
    return told["url"], told["upload_meta_fields"]


def upload(open_api: httpx.Client, name: str = "hero.PNG", content: bytes = PICTURE) -> str:
    url, fields = form(open_api)
    assert httpx.post(url, data=fields, files={"file": (name, content)}).status_code == 204
    return fields["key"]


@given(
    st.lists(st.tuples(st.text("abc", min_size=1), st.text("xyz \r\n-"))), st.binary(max_size=200)
)
def test_a_form_is_read_as_it_was_written(fields: list[tuple[str, str]], content: bytes) -> None:
    told = [(name, (None, value)) for name, value in fields]
    request = httpx.Request("POST", "http://x", files=[*told, ("file", ("a.png", content))])

    *values, file = parts(request.headers["content-type"], request.read())

    assert [(one.name, one.content.decode()) for one in values] == fields
    assert (file.name, file.content, file.filename, file.mime_type) == (
        "file",
        content,
        "a.png",
        "image/png",
    )


def test_what_is_no_form_has_no_fields() -> None:
    assert parts("application/json", b"{}") == []


def test_an_upload_becomes_an_asset_as_often_as_it_is_asked_for(
    stand_in: StandIn, open_api: httpx.Client, webhook: StubServer
) -> None:
    key = upload(open_api)

    first, second = (
        open_api.post("/assets", json={"key": key, "title": "Hero"}).json() for _ in range(2)
    )

    assert first["id"] != second["id"]
    assert (first["type"], first["mime_type"]) == ("image", "image/png")
    asset = open_api.get(first["links"]["self"]).json()
    assert (asset["title"], asset["file_size"], asset["file_extension"]) == (
        "Hero",
        len(PICTURE),
        "png",
    )
    assert httpx.get(asset["url"]).content == PICTURE
    told = json.loads(webhook.asked[0].body)
    assert told["event_name"] == "asset_added"
    assert told["data"]["asset"]["source"] == {"id": None, "type": None, "links": {"self": None}}


def test_an_upload_becomes_the_newest_version(
    stand_in: StandIn, open_api: httpx.Client, webhook: StubServer
) -> None:
    before = stand_in.add_asset("image")
    key = upload(open_api)

    answer = open_api.post(f"/assets/{before['id']}/versions", json={"key": key, "title": "New"})

    after = open_api.get(f"/images/{before['id']}").json()
    assert answer.status_code == 201
    assert answer.json()["version_number"] == after["version_number"] == 2
    assert after["version_id"] != before["version_id"]
    assert after["url"] == before["url"]
    assert httpx.get(after["url"], headers={"Range": "bytes=7-9"}).content == PICTURE[7:10]
    assert [json.loads(one.body)["event_name"] for one in webhook.asked] == ["asset_modified"]


@pytest.mark.parametrize(
    ("order", "status"),
    [
        ({"key": "gone", "title": "New"}, 422),
        ({"key": "k" * 101, "title": "New"}, 400),
        ({"key": "gone", "title": "t" * 101}, 400),
        ({"key": "gone"}, 400),
    ],
)
def test_a_version_needs_an_upload_and_a_title(
    stand_in: StandIn, open_api: httpx.Client, order: dict[str, str], status: int
) -> None:
    asset = stand_in.add_asset("image")["id"]

    assert open_api.post(f"/assets/{asset}/versions", json=order).status_code == status
    assert open_api.post("/assets", json=order).status_code == 400


def test_a_version_is_of_the_kind_of_its_asset(stand_in: StandIn, open_api: httpx.Client) -> None:
    asset = stand_in.add_asset("image")["id"]
    order = {"key": upload(open_api, "paper.pdf"), "title": "New"}

    assert open_api.post(f"/assets/{asset}/versions", json=order).status_code == 422
    assert open_api.post("/assets", json=order).json()["type"] == "raw_file"
    assert open_api.post("/assets/gone/versions", json=order).status_code == 404


def test_the_storage_takes_the_form_as_it_is_with_the_file_last(
    stand_in: StandIn, open_api: httpx.Client
) -> None:
    url, fields = form(open_api)
    file = ("file", ("hero.png", PICTURE))
    turned = dict(reversed(fields.items()))
    first: list[Any] = [file, *((name, (None, value)) for name, value in fields.items())]

    answers = [
        httpx.post(url, data=turned, files=[file]),
        httpx.post(url, data={**fields, "policy": "other"}, files=[file]),
        httpx.post(url, files=first),
        httpx.post(url, data=fields),
        httpx.post(url, data=fields, files=[file], headers={"Authorization": "Bearer x"}),
    ]

    assert [one.status_code for one in answers] == [403, 403, 400, 400, 204]
    assert [one["authorization"] for one in stand_in.uploads()] == [False] * 4 + [True]
    assert stand_in.uploads()[-1]["size"] == len(PICTURE)
    assert stand_in.downloads() == []


def test_a_form_is_good_for_a_time_only(stand_in: StandIn, open_api: httpx.Client) -> None:
    stand_in.set_upload_rules(seconds=0)
    url, fields = form(open_api)

    late = httpx.post(url, data=fields, files={"file": ("hero.png", PICTURE)})

    assert late.status_code == 403
    assert open_api.post("/assets", json={"key": fields["key"], "title": "x"}).status_code == 400


def test_the_storage_can_fail(stand_in: StandIn, open_api: httpx.Client) -> None:
    stand_in.set_upload_rules(failures=1)
    url, fields = form(open_api)

    answers = [
        httpx.post(url, data=fields, files={"file": ("hero.png", PICTURE)}) for _ in range(2)
    ]

    assert [one.status_code for one in answers] == [503, 204]


CHANGE: dict[str, Any] = {
    "title": "Renamed",
    "description": "",
    "folder_id": None,
    "is_archived": True,
    "expires_at": "2026-12-24T17:00:00Z",
}


@pytest.mark.parametrize(
    ("kind", "segment", "more"),
    [
        ("image", "images", {"alt_text": "A hero"}),
        ("video", "videos", {"alt_text": "A film"}),
        ("raw_file", "raw-files", {}),
    ],
)
def test_an_asset_is_changed_in_what_is_given(
    stand_in: StandIn,
    open_api: httpx.Client,
    webhook: StubServer,
    kind: str,
    segment: str,
    more: dict[str, str],
) -> None:
    before = stand_in.add_asset(kind)
    change = {**CHANGE, **more}

    changed = open_api.patch(f"/{segment}/{before['id']}", json=change)

    after = changed.json()
    assert changed.status_code == 200
    assert {key: after[key] for key in change} == change
    assert after["file_location"] == "/"
    assert after["modified_at"] > before["modified_at"]
    assert after["version_id"] == before["version_id"]
    assert [json.loads(one.body)["event_name"] for one in webhook.asked] == ["asset_modified"]


@pytest.mark.parametrize(
    ("kind", "change", "status"),
    [
        ("images", {"title": ""}, 400),
        ("images", {"url": "https://x.example"}, 400),
        ("images", {"description": None}, 400),
        ("images", {"folder_id": "gone"}, 422),
        ("images", {"labels": [{"group": "short", "values": []}]}, 400),
        ("videos", {"title": "An image is no video"}, 404),
        ("articles", {"title": "Articles cannot be changed"}, 405),
    ],
)
def test_what_cannot_be_changed_is_refused(
    stand_in: StandIn, open_api: httpx.Client, kind: str, change: dict[str, Any], status: int
) -> None:
    asset = stand_in.add_asset("image")["id"]

    assert open_api.patch(f"/{kind}/{asset}", json=change).status_code == status


def test_labels_and_tags_are_shown_with_names(stand_in: StandIn, open_api: httpx.Client) -> None:
    asset = stand_in.add_asset("image")["id"]
    group, value = "a" * 32, "b" * 32
    change = {"labels": [{"group": group, "values": [value]}], "tags": ["spring"]}

    changed = open_api.patch(f"/images/{asset}", json=change).json()

    assert [one["group"]["id"] for one in changed["labels"]] == [group]
    assert [one["name"] for one in changed["tags"]] == ["spring"]


def test_fields_replace_fields_and_labels(
    stand_in: StandIn, open_api: httpx.Client, webhook: StubServer
) -> None:
    asset = stand_in.add_asset("image")["id"]
    text, _ = open_api.get(f"/assets/{asset}/fields").json()["data"]
    review = {"id": "123124", "type": "label", "values": ["234236"]}

    told = open_api.put(
        f"/assets/{asset}/fields",
        json=[review, {"id": text["id"], "type": "text", "values": ["AUTUMN-26"]}],
    )

    (label,) = open_api.get(f"/images/{asset}").json()["labels"]
    (field,) = open_api.get(f"/assets/{asset}/fields").json()["data"]
    assert (label["group"]["name"], label["values"][0]["name"]) == ("Review", "Approved")
    assert field == {**text, "values": ["AUTUMN-26"]}
    assert [one["id"] for one in told.json()["data"]] == ["123124", text["id"]]
    assert [json.loads(one.body)["event_name"] for one in webhook.asked] == ["asset_modified"]


def test_one_field_leaves_the_others(stand_in: StandIn, open_api: httpx.Client) -> None:
    asset = stand_in.add_asset("image")["id"]
    url = f"/assets/{asset}/fields"
    text, date = open_api.get(url).json()["data"]

    open_api.put(f"{url}/{text['id']}", json={"type": "text", "values": ["AUTUMN-26"]})
    open_api.put(f"{url}/123124", json={"type": "label", "values": ["234236"]})

    labels = open_api.get(f"/images/{asset}").json()["labels"]
    assert open_api.get(url).json()["data"] == [date, {**text, "values": ["AUTUMN-26"]}]
    assert [one["group"]["name"] for one in labels] == ["Content Format", "Review"]


@pytest.mark.parametrize(
    ("field", "kind", "values"),
    [
        ("gone", "text", []),
        ("123124", "text", ["234236"]),
        ("123124", "label", ["234234"]),
        ("123124", "label", None),
    ],
)
def test_a_field_has_to_be_there_and_to_hold_its_values(
    stand_in: StandIn, open_api: httpx.Client, field: str, kind: str, values: list[str] | None
) -> None:
    url = f"/assets/{stand_in.add_asset('image')['id']}/fields"
    change = {"type": kind, "values": values}

    assert open_api.put(f"{url}/{field}", json=change).status_code == 400
    assert open_api.put(url, json=[{**change, "id": field}]).status_code == 400
    assert open_api.put("/assets/gone/fields", json=[]).status_code == 404
    assert open_api.put("/assets/gone/fields/1", json=change).status_code == 404
