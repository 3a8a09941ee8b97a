"""Downloads that the stand-in lets go wrong on order."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tools.stand_in.contents import BLOCK

if TYPE_CHECKING:
    from tools.stand_in.client import StandIn

pytestmark = pytest.mark.enable_socket

SIZE = 3 * BLOCK


@pytest.fixture
def video(stand_in: StandIn) -> dict[str, Any]:
    return stand_in.add_asset("video", file_size=SIZE)


@pytest.mark.parametrize("more", [-10, 10])
def test_another_length_is_what_the_answer_says_too(
    stand_in: StandIn, video: dict[str, Any], more: int
) -> None:
    stand_in.add_download_fault("length", more_bytes=more)

    response = httpx.get(video["url"])

    assert response.status_code == 200
    assert int(response.headers["Content-Length"]) == len(response.content) == SIZE + more


def test_a_truncated_file_ends_before_its_promised_length(
    stand_in: StandIn, video: dict[str, Any]
) -> None:
    stand_in.add_download_fault("truncated", after_bytes=BLOCK + 1, count=1)
    received: list[bytes] = []

    with httpx.stream("GET", video["url"]) as response:
        with pytest.raises(httpx.RemoteProtocolError):
            received.extend(response.iter_raw())
        promised = response.headers["Content-Length"]

    assert promised == str(SIZE)
    assert sum(map(len, received)) == BLOCK + 1
    (download,) = stand_in.downloads()
    assert (download["fault"], download["whole"]) == ("truncated", False)
    rest = httpx.get(video["url"], headers={"Range": f"bytes={BLOCK + 1}-"})
    assert BLOCK + 1 + len(rest.content) == SIZE


def test_half_of_a_part_comes_unless_ordered_otherwise(
    stand_in: StandIn, video: dict[str, Any]
) -> None:
    stand_in.add_download_fault("truncated")

    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(video["url"], headers={"Range": "bytes=0-99"})

    assert stand_in.downloads()[0]["sent_bytes"] == 50


def test_a_web_page_can_come_in_the_place_of_a_file(
    stand_in: StandIn, video: dict[str, Any]
) -> None:
    stand_in.add_download_fault("type")

    response = httpx.get(video["url"])

    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")


def test_a_download_can_be_sent_elsewhere(stand_in: StandIn, video: dict[str, Any]) -> None:
    elsewhere = "http://localhost:9/elsewhere"
    stand_in.add_download_fault("redirect", location=elsewhere)

    response = httpx.get(video["url"])

    assert (response.status_code, response.headers["Location"]) == (302, elsewhere)
    with pytest.raises(httpx.HTTPStatusError, match="400"):
        stand_in.add_download_fault("redirect")


def test_an_endless_file_says_no_length_and_ends_with_the_client(
    stand_in: StandIn, video: dict[str, Any]
) -> None:
    stand_in.add_download_fault("endless")
    received = 0

    with httpx.stream("GET", video["url"]) as response:
        for piece in response.iter_raw():
            received += len(piece)
            if received > 10 * SIZE:
                break

    assert "Content-Length" not in response.headers
    (download,) = stand_in.downloads()
    assert not download["whole"]


def test_a_slow_file_keeps_its_pace(stand_in: StandIn, video: dict[str, Any]) -> None:
    stand_in.add_download_fault("slow", bytes_per_second=SIZE * 2)
    began = time.monotonic()

    response = httpx.get(video["url"])

    assert len(response.content) == SIZE
    assert time.monotonic() - began >= 0.5


def test_faults_befall_their_asset_as_often_as_ordered(
    stand_in: StandIn, video: dict[str, Any]
) -> None:
    other = stand_in.add_asset("image")
    stand_in.add_download_fault("status", asset_id=video["id"], count=2)
    stand_in.add_download_fault("status", asset_id=video["id"], status=404, count=1)

    assert httpx.get(other["url"]).status_code == 200
    assert [httpx.get(video["url"]).status_code for _ in range(4)] == [503, 503, 404, 200]
    assert stand_in.download_faults() == []


def test_a_fault_without_a_count_lasts_until_it_is_called_off(
    stand_in: StandIn, video: dict[str, Any]
) -> None:
    stand_in.add_download_fault("status")
    statuses = [httpx.get(video["url"]).status_code for _ in range(3)]

    stand_in.clear_download_faults()

    assert statuses == [503, 503, 503]
    assert httpx.get(video["url"]).status_code == 200


def test_who_may_not_download_meets_no_fault(stand_in: StandIn) -> None:
    asset = stand_in.add_asset("image", is_public=False)
    stand_in.add_download_fault("status", count=1)

    assert httpx.get(asset["url"]).status_code == 403
    assert len(stand_in.download_faults()) == 1


def test_the_images_of_an_article_go_wrong_with_it(stand_in: StandIn) -> None:
    article = stand_in.add_asset("article")
    stand_in.add_download_fault("status", asset_id=article["id"])

    assert httpx.get(article["images"][0]["url"]).status_code == 503
