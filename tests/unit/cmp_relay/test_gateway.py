from base64 import b64encode
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay.gateway import Request
from tests.support.http_api import http_api_event


@pytest.mark.parametrize(
    ("given_channel", "channel"),
    [(None, "default"), ("", "default"), ("site-1_a.b~c", "site-1_a.b~c"), ("a/b#c", "a%2Fb%23c")],
)
def test_the_channel_is_quoted(given_channel: str | None, channel: str) -> None:
    assert Request(http_api_event(channel=given_channel)).channel == channel


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_channel_is_always_a_short_part_of_a_key_of_its_own(first: str, second: str) -> None:
    channels = [Request(http_api_event(channel=each)).channel for each in (first, second)]

    assert all(0 < len(each) <= 64 and not set(each) & set("#/") for each in channels)
    assert (channels[0] == channels[1]) == (first == second)


@given(st.text(min_size=1, max_size=7))
def test_a_short_channel_can_be_read_back(channel: str) -> None:
    if len(channel.encode()) <= 21:
        assert unquote(Request(http_api_event(channel=channel)).channel) == channel


@given(st.binary())
def test_a_base64_body_is_the_bytes_that_were_sent(raw: bytes) -> None:
    assert Request(http_api_event(raw, base64=True)).body() == raw


@pytest.mark.parametrize(
    ("event", "raw"),
    [
        ({}, b""),
        ({"body": None}, b""),
        ({"body": "ä"}, "ä".encode()),
        ({"body": "not base64!", "isBase64Encoded": True}, b"not base64!"),
        ({"body": b64encode(b"\xff").decode(), "isBase64Encoded": True}, b"\xff"),
    ],
)
def test_every_body_has_bytes(event: dict[str, Any], raw: bytes) -> None:
    assert Request(event).body() == raw


def test_header_names_have_no_case() -> None:
    request = Request({"headers": {"CALLBACK-Secret": "Value"}})

    assert request.headers == {"callback-secret": "Value"}


def test_an_event_without_anything_is_a_request_without_anything() -> None:
    request = Request({})

    assert not request.is_webhook
    assert (request.headers, request.query("key"), request.request_id) == ({}, "", "")
