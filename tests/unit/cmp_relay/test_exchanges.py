import time
from collections.abc import Iterable, Iterator
from email.utils import formatdate

import httpx
import pytest

from cmp_relay.errors import UnavailableError
from cmp_relay.exchanges import (
    Answer,
    Deadline,
    build_client,
    exchange,
    is_bearer,
    retry_after,
)

URL = "https://api.cmp.optimizely.com/v3/articles/1?key=planted"


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def answer_of(content: bytes | Iterable[bytes], clock: Clock, *, limit: int = 100) -> Answer:
    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=content)

    client = httpx.Client(transport=httpx.MockTransport(respond))
    return exchange(client, client.build_request("GET", URL), Deadline(20, clock), limit=limit)


def test_returns_the_whole_answer() -> None:
    answer = answer_of(iter([b'{"id"', b': "1"}']), Clock())

    assert answer.name == "GET https://api.cmp.optimizely.com/v3/articles/1"
    assert answer.object() == {"id": "1"}


def test_gives_up_on_a_body_that_drips_past_the_deadline() -> None:
    clock = Clock()
    sent = []

    def drip() -> Iterator[bytes]:
        for number in range(100):
            clock.time += 6
            sent.append(number)
            yield b"."

    with pytest.raises(UnavailableError, match="did not finish its answer in time"):
        answer_of(drip(), clock)
    assert len(sent) == 4


def test_gives_up_on_a_body_that_is_too_large() -> None:
    with pytest.raises(UnavailableError, match="more than 100 bytes"):
        answer_of(b"x" * 101, Clock())


def test_sends_nothing_once_the_time_is_over() -> None:
    clock = Clock()
    deadline = Deadline(20, clock)
    clock.time += 20
    client = httpx.Client(transport=httpx.MockTransport(lambda request: pytest.fail("was sent")))

    with pytest.raises(UnavailableError, match="its time was over"):
        exchange(client, client.build_request("GET", URL), deadline)


def test_waits_for_no_read_longer_than_the_time_that_is_left() -> None:
    timeouts = []

    def respond(request: httpx.Request) -> httpx.Response:
        timeouts.append(request.extensions["timeout"])
        return httpx.Response(200)

    client = httpx.Client(transport=httpx.MockTransport(respond))
    for seconds in (20, 1):
        exchange(client, client.build_request("GET", URL), Deadline(seconds, Clock()))

    assert timeouts == [
        {"connect": 3, "read": 10, "write": 10, "pool": 10},
        {"connect": 1, "read": 1, "write": 1, "pool": 1},
    ]


@pytest.mark.parametrize("body", [b"", b"[]", b'"a"', b"\xff", b"{", b"[" * 100_000])
def test_an_answer_without_a_json_object_has_none(body: bytes) -> None:
    assert answer_of(body, Clock(), limit=200_000).object() is None


def test_the_client_brings_nothing_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    seen = []

    def respond(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(302, headers={"Set-Cookie": "session=1", "Location": "/elsewhere"})

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", respond)
    client = build_client()
    for _ in range(2):
        exchange(client, client.build_request("GET", URL), Deadline(20))

    assert [request.url.path for request in seen] == ["/v3/articles/1", "/v3/articles/1"]
    assert "cookie" not in seen[1].headers
    assert seen[0].headers["User-Agent"].startswith("cmp-relay/")
    assert client.trust_env is False


def test_reads_retry_after_in_seconds_and_as_a_date() -> None:
    now = time.time()

    def read(value: str) -> float | None:
        return retry_after(httpx.Headers({"Retry-After": value}), now)

    assert read("30") == 30
    assert read(formatdate(now + 90, usegmt=True)) == pytest.approx(90, abs=1)
    assert read(formatdate(now + 90, localtime=False)) == pytest.approx(90, abs=1)
    assert read("Wed, 21 Oct 2015 07:28:00 GMT") == 0


@pytest.mark.parametrize(
    "value", ["", "soon", "-1", "1.5", "9" * 400, "Thu, 01 Jan 99999999999999999999 00:00:00 GMT"]
)
def test_takes_an_unreadable_retry_after_for_none(value: str) -> None:
    assert retry_after(httpx.Headers({"Retry-After": value}), 0) is None


@pytest.mark.parametrize("value", ["", "a b", "a\r\nb", "\u00e4", None, 7])
def test_a_token_must_fit_a_header(value: object) -> None:
    assert not is_bearer(value)
    assert is_bearer("7c9e6679-7425-40de-944b-e07fc1f90ae7")
