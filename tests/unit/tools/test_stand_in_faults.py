"""Faults that the stand-in commits on order."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tools.stand_in.client import StandIn

pytestmark = pytest.mark.enable_socket


@pytest.fixture(autouse=True)
def image(stand_in: StandIn) -> None:
    """The only asset is an image with the id `image`."""
    stand_in.add_asset("image", id="image")


def test_faults_come_in_their_order_and_as_often_as_ordered(
    stand_in: StandIn, open_api: httpx.Client
) -> None:
    stand_in.add_fault("status", count=2)
    stand_in.add_fault("unauthorized")

    statuses = [open_api.get("/images/image").status_code for _ in range(4)]

    assert statuses == [503, 503, 401, 200]
    faults = [one["fault"] for one in stand_in.requests("/v3")]
    assert faults == ["status", "status", "unauthorized", None]


def test_a_fault_waits_for_a_request_of_its_path(stand_in: StandIn, open_api: httpx.Client) -> None:
    stand_in.add_fault("status", path="/v3/videos", status=500)

    image, video = open_api.get("/images/image"), open_api.get("/videos/video")

    assert (image.status_code, video.status_code) == (200, 500)
    assert stand_in.faults() == []


def test_faults_can_be_called_off(stand_in: StandIn, open_api: httpx.Client) -> None:
    stand_in.add_fault("status", count=5)

    stand_in.clear_faults()

    assert open_api.get("/images/image").status_code == 200


@pytest.mark.parametrize("retry_after", [7, "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_status_can_say_when_to_retry(
    stand_in: StandIn, open_api: httpx.Client, retry_after: str | int
) -> None:
    stand_in.add_fault("status", status=429, retry_after=retry_after)

    response = open_api.get("/images/image")

    assert response.status_code == 429
    assert response.headers["Retry-After"] == str(retry_after)


def test_a_malformed_body_says_that_it_is_json(stand_in: StandIn, open_api: httpx.Client) -> None:
    stand_in.add_fault("malformed")

    response = open_api.get("/images/image")

    assert response.headers["Content-Type"] == "application/json"
    with pytest.raises(ValueError, match="Unterminated string"):
        response.json()


def test_a_redirect_leads_where_it_was_told(stand_in: StandIn, open_api: httpx.Client) -> None:
    stand_in.add_fault("redirect", location="http://127.0.0.1:9/elsewhere")

    response = open_api.get("/images/image")

    assert response.status_code == 302
    assert response.headers["Location"] == "http://127.0.0.1:9/elsewhere"


def test_a_redirect_to_nowhere_is_not_taken(stand_in: StandIn) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="400"):
        stand_in.add_fault("redirect")


def test_a_disconnect_ends_the_answer_in_the_middle(
    stand_in: StandIn, open_api: httpx.Client
) -> None:
    stand_in.add_fault("disconnect")

    with pytest.raises(httpx.RemoteProtocolError):
        open_api.get("/images/image")

    assert stand_in.requests("/v3")[0]["status"] is None


def test_a_lost_answer_is_of_a_request_that_was_obeyed(
    stand_in: StandIn, open_api: httpx.Client
) -> None:
    comments = stand_in.tasks.add()["links"]["comments"]
    stand_in.add_fault("lost", method="POST")

    open_api.get(comments)
    with pytest.raises(httpx.RemoteProtocolError):
        open_api.post(comments, json={"value": "Heard"})

    assert [one["value"] for one in open_api.get(comments).json()["data"]] == ["Heard"]
    lost = stand_in.requests("/v3")[1]
    assert (lost["fault"], lost["status"]) == ("lost", None)


def test_a_timeout_lasts_until_the_client_gives_up(
    stand_in: StandIn, open_api: httpx.Client
) -> None:
    stand_in.add_fault("timeout")

    with pytest.raises(httpx.ReadTimeout):
        open_api.get("/images/image", timeout=0.2)

    assert stand_in.requests("/v3")[0]["status"] is None


def test_a_timeout_ends_as_a_gateway_s_does(stand_in: StandIn, open_api: httpx.Client) -> None:
    stand_in.add_fault("timeout", seconds=0.1)

    assert open_api.get("/images/image").status_code == 504


def test_a_slow_body_outlasts_every_read_timeout(stand_in: StandIn, open_api: httpx.Client) -> None:
    stand_in.add_fault("slow", seconds=1.0)
    began = time.monotonic()

    response = open_api.get("/images/image", timeout=0.8)

    assert response.json()["id"] == "image"
    assert time.monotonic() - began >= 1.0


def test_limits_hold_for_the_open_api_alone(stand_in: StandIn, open_api: httpx.Client) -> None:
    stand_in.set_limits(per_minute=1)

    statuses = [open_api.get("/images/image").status_code for _ in range(2)]
    token = httpx.post(f"{stand_in.base_url}/o/oauth2/v1/token", data={"client_id": "nobody"})

    assert statuses == [200, 429]
    assert token.status_code == 401


def test_a_fault_can_end_some_time_after_the_first_request_that_met_it(
    stand_in: StandIn, open_api: httpx.Client
) -> None:
    stand_in.add_fault("status", count=9, within=0.05)

    first = open_api.get("/images/image").status_code
    time.sleep(0.1)

    assert (first, open_api.get("/images/image").status_code) == (503, 200)
    assert stand_in.faults() == []
