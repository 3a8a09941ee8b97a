"""The stand-in's file host: what it serves, to whom, and what it remembers of it."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import httpx
import pytest

from tools.stand_in.contents import BLOCK, Content
from tools.stand_in.files import own_content, picture
from tools.stand_in.guids import guid_in

if TYPE_CHECKING:
    from tools.stand_in.client import StandIn

pytestmark = pytest.mark.enable_socket

SIZE = 3 * BLOCK + 17


def test_parts_of_a_content_make_up_the_whole() -> None:
    content = Content("seed", SIZE)

    whole = b"".join(content.pieces())
    parts = b"".join(content.pieces(0, BLOCK + 5)) + b"".join(content.pieces(BLOCK + 5))

    assert len(whole) == SIZE
    assert parts == whole
    assert sha256(whole).hexdigest() == content.sha256()
    assert whole[:BLOCK] != whole[BLOCK : 2 * BLOCK]


def test_a_shorter_content_is_the_beginning_of_a_longer_one() -> None:
    shorter, longer = (b"".join(Content("seed", size).pieces()) for size in (5, SIZE))

    assert longer.startswith(shorter)


@pytest.mark.parametrize("kind", ["image", "video", "raw_file"])
def test_the_file_of_an_asset_is_what_its_fields_say(stand_in: StandIn, kind: str) -> None:
    asset = stand_in.add_asset(kind, file_size=SIZE)

    response = httpx.get(asset["url"])

    assert asset["url"].startswith(stand_in.files_origin + "/")
    assert response.headers["Content-Length"] == str(SIZE)
    assert response.headers["Content-Type"] == asset["mime_type"]
    content = own_content(asset)
    assert content is not None
    assert sha256(response.content).hexdigest() == content.sha256()


def test_the_images_of_an_article_are_files_too(stand_in: StandIn) -> None:
    image = stand_in.add_asset("article")["images"][0]

    response = httpx.get(image["url"])

    assert response.headers["Content-Type"] == image["mime_type"]
    assert sha256(response.content).hexdigest() == picture(image["url"]).sha256()


def test_a_new_version_is_another_file_under_the_same_url(stand_in: StandIn) -> None:
    asset = stand_in.add_asset("image")
    before = httpx.get(asset["url"])

    stand_in.change_asset(asset["id"], title="Renamed")
    renamed = httpx.get(asset["url"])
    stand_in.change_asset(asset["id"], version_id="2")
    after = httpx.get(asset["url"])

    assert renamed.headers["ETag"] == before.headers["ETag"] != after.headers["ETag"]
    assert before.content != after.content


def test_only_what_is_there_can_be_downloaded(stand_in: StandIn) -> None:
    asset = stand_in.add_asset("image")
    stand_in.move_asset(asset["id"], "deleted")

    assert httpx.get(asset["url"]).status_code == 404
    assert httpx.get(f"{stand_in.files_origin}/files/nobody").status_code == 404
    assert httpx.get(f"{stand_in.files_origin}/v3/images/{asset['id']}").status_code == 404


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=10-19", 10, 20), (f"bytes={SIZE - 3}-", SIZE - 3, SIZE), ("bytes=-7", SIZE - 7, SIZE)],
)
def test_a_range_is_that_part_of_the_file(
    stand_in: StandIn, asked: str, start: int, end: int
) -> None:
    asset = stand_in.add_asset("video", file_size=SIZE)
    whole = httpx.get(asset["url"])

    part = httpx.get(
        asset["url"], headers={"Range": asked, "If-Range": whole.headers["Last-Modified"]}
    )

    assert part.status_code == 206
    assert part.headers["Content-Range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert part.content == whole.content[start:end]


def test_a_range_of_a_file_that_has_changed_is_the_whole_file(stand_in: StandIn) -> None:
    asset = stand_in.add_asset("video")
    etag = httpx.get(asset["url"]).headers["ETag"]
    stand_in.change_asset(asset["id"], version_id="2")

    response = httpx.get(asset["url"], headers={"Range": "bytes=10-", "If-Range": etag})

    assert response.status_code == 200
    assert len(response.content) == asset["file_size"]


def test_a_range_beyond_the_file_is_refused(stand_in: StandIn) -> None:
    asset = stand_in.add_asset("video", file_size=SIZE)

    response = httpx.get(asset["url"], headers={"Range": f"bytes={SIZE}-"})

    assert response.status_code == 416
    assert response.headers["Content-Range"] == f"bytes */{SIZE}"


def test_a_private_file_needs_the_token_of_its_guid(
    stand_in: StandIn, open_api: httpx.Client
) -> None:
    asset, other = (stand_in.add_asset("image", is_public=False) for _ in range(2))
    urls = open_api.post("/file-urls", json={"guids": [asset["id"], other["id"]]}).json()["urls"]
    query = httpx.URL(urls[other["id"]]).query.decode()

    assert httpx.get(asset["url"]).status_code == 403
    assert httpx.get(f"{asset['url']}?{query}").status_code == 403
    assert httpx.get(urls[asset["id"]]).status_code == 200


def test_a_token_ends(stand_in: StandIn, open_api: httpx.Client) -> None:
    stand_in.set_file_rules(token_seconds=0, refusal=401)
    asset = stand_in.add_asset("image", is_public=False)

    url = open_api.post("/file-urls", json={"guids": [asset["id"]]}).json()["urls"][asset["id"]]

    assert httpx.get(url).status_code == 401


def test_a_public_file_has_a_url_without_a_token(stand_in: StandIn, open_api: httpx.Client) -> None:
    asset = stand_in.add_asset("video")

    urls = open_api.post("/file-urls", json={"guids": [asset["id"], "nobody"]}).json()["urls"]

    assert urls == {asset["id"]: asset["url"], "nobody": None}


@pytest.mark.parametrize("kind", ["image", "video"])
def test_which_guids_are_known_is_a_rule(
    stand_in: StandIn, open_api: httpx.Client, kind: str
) -> None:
    asset = stand_in.add_asset(kind)
    guids = {"asset_id": asset["id"], "url": guid_in(asset["url"].rpartition("/")[2])}
    known: dict[str, list[str]] = {}

    for rule in ("asset_id", "url", "none"):
        stand_in.set_file_rules(guids=rule)
        urls = open_api.post("/file-urls", json={"guids": list(guids.values())}).json()["urls"]
        known[rule] = [name for name, guid in guids.items() if urls[guid]]

    assert known == {"asset_id": ["asset_id"], "url": ["url"], "none": []}


def test_downloads_do_not_count_as_requests_of_the_open_api(
    stand_in: StandIn, open_api: httpx.Client
) -> None:
    stand_in.set_limits(per_minute=1)
    asset = stand_in.add_asset("image")

    downloads = [httpx.get(asset["url"]).status_code for _ in range(3)]
    urls = [open_api.post("/file-urls", json={"guids": ["x"]}).status_code for _ in range(2)]

    assert (downloads, urls) == ([200, 200, 200], [200, 429])


def test_the_file_host_remembers_what_it_was_shown(stand_in: StandIn) -> None:
    asset = stand_in.add_asset("image")
    headers = {"Authorization": "Bearer x", "Cookie": "a=b", "Range": "bytes=0-9"}

    httpx.get(f"{asset['url']}?token=x", headers=headers)
    httpx.get(f"{stand_in.files_origin}/files/nobody")

    (download,) = stand_in.downloads(asset["id"])
    del download["at"], download["path"]
    assert download == {
        "asset_id": asset["id"],
        "token": True,
        "authorization": True,
        "cookie": True,
        "range": "bytes=0-9",
        "status": 206,
        "sent_bytes": 10,
        "whole": True,
        "fault": None,
    }
    assert [one["status"] for one in stand_in.downloads()] == [206, 404]


def test_a_client_that_hangs_up_is_not_sent_the_rest(stand_in: StandIn) -> None:
    asset = stand_in.add_asset("video", file_size=10**12)

    with httpx.stream("GET", asset["url"]) as response:
        next(response.iter_raw())

    (download,) = stand_in.downloads()
    assert download["sent_bytes"] < 10**8
    assert not download["whole"]
