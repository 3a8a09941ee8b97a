import json
import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

import httpx
import pytest

from cmp_relay.errors import (
    ApiError,
    CmpRelayError,
    CredentialsError,
    ForbiddenError,
    NotFoundError,
    PostponedError,
    RateLimitedError,
    RequestRefusedError,
    UnauthorizedError,
    UnavailableError,
    UntrustedLinkError,
)
from cmp_relay.exchanges import build_client
from cmp_relay.open_api import Location, OpenApi, Prepared
from cmp_relay.origins import Origins
from cmp_relay.tokens import Token, TokenSource

BASE = "https://api.cmp.optimizely.com/v3"
OTHER = "https://api.welcomesoftware.com"
ARTICLE = f"{BASE}/articles/1"
ORIGINS = Origins.parse(("https://api.cmp.optimizely.com", OTHER))

# Joined here, so that a source line in a traceback does not hold it.
PLANTED = "-".join(["must", "not", "show"])

Respond = Callable[[httpx.Request], httpx.Response]


class Tokens:
    """Hands out a token until it has failed, then the next one."""

    def __init__(self) -> None:
        self.version = 1

    def current(self) -> Token:
        return Token(f"{PLANTED}-{self.version}", str(self.version), 1e12)

    def replace(self, failed: Token) -> Token:
        self.version = int(failed.version) + 1
        return self.current()


class PostponedRequest(Exception):
    """What a gate raises instead of letting a request go on."""


@dataclass
class Gate:
    """Notes what passes; closes if it is told to."""

    passed: list[object] = field(default_factory=list)
    probed: list[bool] = field(default_factory=list)
    probes: int = 0
    closes_at: str = ""

    def take(self, prepare: Callable[[], Prepared], probe: Callable[[], bool]) -> Prepared:
        self.probed += [probe() for _ in range(self.probes)]
        self._note("take")
        return prepare()

    def answered(self) -> None:
        self._note("answered")

    def throttled(self, retry_after: float | None) -> None:
        self._note(("throttled", retry_after))

    def failed(self) -> None:
        self._note("failed")

    def _note(self, what: object) -> None:
        self.passed.append(what)
        if self.closes_at and self.closes_at in (what, what[0] if isinstance(what, tuple) else ""):
            raise PostponedRequest


class Refusing(Tokens):
    def replace(self, failed: Token) -> Token:
        raise CredentialsError("refused", delay=300)


def api(respond: Respond, tokens: Tokens | None = None) -> OpenApi:
    client = httpx.Client(transport=httpx.MockTransport(respond))
    return OpenApi(client, cast("TokenSource", tokens or Tokens()), ORIGINS, BASE)


def answers(*responses: httpx.Response) -> tuple[OpenApi, list[httpx.Request]]:
    left = list(responses)
    seen: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return left.pop(0)

    return api(respond), seen


def redirect(location: str, **headers: str) -> httpx.Response:
    return httpx.Response(302, headers={"Location": location, **headers})


def test_tells_the_words_of_a_refusal_without_the_token() -> None:
    words = f"wrong: Bearer {PLANTED}-1, {'x' * 150}{PLANTED}-1"
    cmp, _ = answers(httpx.Response(422, json={"message": words}))

    with pytest.raises(RequestRefusedError, match=r"'wrong: Bearer …, x+…'") as caught:
        cmp.get(ARTICLE)
    assert PLANTED not in str(caught.value)


def test_gets_a_link_as_it_is_with_the_token() -> None:
    cmp, seen = answers(httpx.Response(200, json={"id": "1"}))

    content = cmp.get(f"{ARTICLE}?fields=a%2Cb")

    assert content == {"id": "1"}
    assert str(seen[0].url) == f"{ARTICLE}?fields=a%2Cb"
    assert seen[0].headers["Authorization"] == f"Bearer {PLANTED}-1"


def test_sends_nothing_to_another_origin() -> None:
    cmp, seen = answers()

    with pytest.raises(UntrustedLinkError, match=r"^https://evil\.com is outside"):
        cmp.get(f"https://user:{PLANTED}@evil.com/x?key={PLANTED}")
    assert seen == []


def test_follows_redirects_inside_the_list() -> None:
    cmp, seen = answers(
        redirect("/v3/articles/2"), redirect(f"{OTHER}/3"), httpx.Response(200, json={})
    )

    assert cmp.get(ARTICLE) == {}
    assert [str(request.url) for request in seen] == [
        ARTICLE,
        f"{BASE}/articles/2",
        f"{OTHER}/3",
    ]


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.com/x",
        "//evil.com",
        "ftp://api.cmp.optimizely.com",
        "http://[::1",
        "https://xn--a-ecp.ru",
        pytest.param(f"{BASE}/{'%C3%A4' * 11_000}", id="too long"),
        pytest.param(f"{BASE}/{'<' * 30_000}", id="too long once quoted"),
    ],
)
def test_follows_no_redirect_out_of_the_list(target: str) -> None:
    cmp, seen = answers(redirect(target))

    with pytest.raises((UntrustedLinkError, UnavailableError)):
        cmp.get(ARTICLE)
    assert len(seen) == 1


def test_gives_up_after_three_redirects() -> None:
    cmp, seen = answers(*[redirect(ARTICLE) for _ in range(4)])

    with pytest.raises(UnavailableError, match="redirects too often"):
        cmp.get(ARTICLE)
    assert len(seen) == 4


def test_replaces_a_refused_token_once() -> None:
    cmp, seen = answers(httpx.Response(401), httpx.Response(200, json={"id": "1"}))

    assert cmp.get(ARTICLE) == {"id": "1"}
    assert seen[1].headers["Authorization"] == f"Bearer {PLANTED}-2"


def test_asks_for_another_token_when_the_stored_one_is_refused_too() -> None:
    cmp, seen = answers(*[httpx.Response(401)] * 2, httpx.Response(200, json={"id": "1"}))

    assert cmp.get(ARTICLE) == {"id": "1"}
    assert seen[2].headers["Authorization"] == f"Bearer {PLANTED}-3"


def test_gives_up_when_the_new_token_is_refused_too() -> None:
    cmp, seen = answers(*[httpx.Response(401)] * 3)

    with pytest.raises(UnauthorizedError):
        cmp.get(ARTICLE)
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RequestRefusedError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (408, UnavailableError),
        (409, RequestRefusedError),
        (410, NotFoundError),
        (422, RequestRefusedError),
        (429, RateLimitedError),
        (500, UnavailableError),
        (503, UnavailableError),
    ],
)
def test_names_what_a_status_means(status: int, error: type[ApiError]) -> None:
    cmp, _ = answers(httpx.Response(status))

    with pytest.raises(error) as caught:
        cmp.get(ARTICLE)

    assert type(caught.value) is error
    assert caught.value.status == status
    assert str(caught.value) == f"GET {ARTICLE}: {status}"


def test_keeps_what_retry_after_says() -> None:
    cmp, _ = answers(httpx.Response(429, headers={"Retry-After": "7"}))

    with pytest.raises(RateLimitedError) as caught:
        cmp.get(ARTICLE)

    assert caught.value.retry_after == 7


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{"])
def test_takes_an_answer_that_is_no_json_object_for_a_fault(body: bytes) -> None:
    cmp, _ = answers(httpx.Response(200, content=body))

    with pytest.raises(UnavailableError, match="not a JSON object"):
        cmp.get(ARTICLE)


def test_one_deadline_covers_redirects() -> None:
    clock = [0.0]

    def respond(request: httpx.Request) -> httpx.Response:
        clock[0] += 11
        return redirect(ARTICLE)

    client = httpx.Client(transport=httpx.MockTransport(respond))
    cmp = OpenApi(client, cast("TokenSource", Tokens()), ORIGINS, BASE, now=lambda: clock[0])

    with pytest.raises(UnavailableError, match="its time was over"):
        cmp.get(ARTICLE)
    assert clock == [22]


@pytest.mark.parametrize("where", ["library", "task", "attic"])
def test_locates_an_asset_without_following(where: str) -> None:
    cmp, seen = answers(redirect(f"{OTHER}/v3/articles/1", **{"X-Resource-Location": where}))

    assert cmp.locate("1") == Location(f"{OTHER}/v3/articles/1", where)
    assert str(seen[0].url) == f"{BASE}/asset-urls/1"


def test_resolves_a_relative_location() -> None:
    cmp, _ = answers(redirect("../images/1"))

    assert cmp.locate("1") == Location(f"{BASE}/images/1", "")


@pytest.mark.parametrize(
    ("asset_id", "sent"),
    [("a/../b?c#d", "a%2F%2E%2E%2Fb%3Fc%23d"), ("..", "%2E%2E"), ("ä", "%C3%A4")],
)
def test_an_id_stays_one_part_of_the_path(asset_id: str, sent: str) -> None:
    cmp, seen = answers(redirect(ARTICLE))

    cmp.locate(asset_id)

    assert seen[0].url.raw_path == f"/v3/asset-urls/{sent}".encode()


def test_an_asset_that_is_nowhere_is_not_found() -> None:
    cmp, _ = answers(httpx.Response(404))

    with pytest.raises(NotFoundError):
        cmp.locate("1")


def test_locates_nothing_outside_the_list() -> None:
    cmp, _ = answers(redirect("https://evil.com/v3/articles/1"))

    with pytest.raises(UntrustedLinkError):
        cmp.locate("1")


@pytest.mark.parametrize("response", [httpx.Response(200, json={}), httpx.Response(302)])
def test_takes_an_answer_without_a_location_for_a_fault(response: httpx.Response) -> None:
    cmp, _ = answers(response)

    with pytest.raises(UnavailableError):
        cmp.locate("1")


# URLs of files


def test_one_request_asks_for_the_urls_of_files() -> None:
    told = {"guid-1": f"https://files/1?token={PLANTED}", "2": None, "3": "", "4": 5}
    cmp, seen = answers(httpx.Response(200, json={"urls": told}))

    assert cmp.file_urls(["guid-1", "2", "3", "4", "5"]) == {"guid-1": told["guid-1"]}
    (request,) = seen
    assert (request.method, str(request.url)) == ("POST", f"{BASE}/file-urls")
    assert json.loads(request.content) == {"guids": ["guid-1", "2", "3", "4", "5"]}
    assert request.headers["Authorization"] == f"Bearer {PLANTED}-1"


@pytest.mark.parametrize("content", [{}, {"urls": None}, {"urls": ["https://files/1"]}])
def test_takes_an_answer_without_urls_for_a_fault(content: dict[str, object]) -> None:
    cmp, _ = answers(httpx.Response(200, json=content))

    with pytest.raises(UnavailableError):
        cmp.file_urls(["1"])


def test_asks_for_urls_again_with_another_token() -> None:
    cmp, seen = answers(httpx.Response(401), httpx.Response(200, json={"urls": {"1": "https://a"}}))

    assert cmp.file_urls(["1"]) == {"1": "https://a"}
    assert seen[0].content == seen[1].content
    assert seen[1].headers["Authorization"] == f"Bearer {PLANTED}-2"


def test_the_gate_hears_when_urls_may_be_asked_for_again() -> None:
    cmp, _ = answers(httpx.Response(429, headers={"Retry-After": "7"}))
    gate = Gate()

    with pytest.raises(RateLimitedError):
        cmp.behind(gate).file_urls(["1"])
    assert gate.passed == ["take", ("throttled", 7.0)]


# The gate


def refused(kind: type[httpx.HTTPError]) -> Respond:
    def respond(request: httpx.Request) -> httpx.Response:
        raise kind("no")

    return respond


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (200, "answered"),
        (302, "answered"),
        (401, "answered"),
        (403, "answered"),
        (404, "answered"),
        (422, "answered"),
        (408, "failed"),
        (500, "failed"),
        (503, "failed"),
        (429, ("throttled", None)),
    ],
)
def test_the_gate_hears_what_cmp_makes_of_a_request(status: int, told: object) -> None:
    cmp, _ = answers(*[httpx.Response(status, json={})] * 3)
    gate = Gate()

    with suppress(ApiError):
        cmp.behind(gate).get(ARTICLE)

    assert gate.passed[:2] == ["take", told]


@pytest.mark.parametrize("kind", [httpx.ReadTimeout, httpx.ConnectError])
def test_the_gate_hears_of_a_request_without_answer(kind: type[httpx.HTTPError]) -> None:
    gate = Gate()

    with pytest.raises(UnavailableError):
        api(refused(kind)).behind(gate).get(ARTICLE)

    assert gate.passed == ["take", "failed"]


def test_a_page_where_json_belongs_is_a_failure_of_cmp() -> None:
    gate = Gate()

    with pytest.raises(UnavailableError):
        api(lambda _: httpx.Response(200, html="<h1>Maintenance</h1>")).behind(gate).get(ARTICLE)

    assert gate.passed == ["take", "failed"]


def test_a_url_that_refuses_good_tokens_is_trouble_of_its_own() -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401 if request.url.path.endswith("articles/1") else 200, json={})

    with pytest.raises(UnauthorizedError):
        api(respond, Refusing()).get(ARTICLE)


def test_a_token_that_is_refused_everywhere_is_trouble_of_the_credentials() -> None:
    with pytest.raises(CredentialsError):
        api(lambda _: httpx.Response(401), Refusing()).get(ARTICLE)


def test_a_moment_that_comes_too_late_is_no_failure_of_cmp() -> None:
    clock = [0.0]

    class Slow(Gate):
        def take(self, prepare: Callable[[], Prepared], probe: Callable[[], bool]) -> Prepared:
            clock[0] += 100
            return super().take(prepare, probe)

    gate = Slow()
    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json={})))
    cmp = OpenApi(client, cast("TokenSource", Tokens()), ORIGINS, BASE, now=lambda: clock[0])

    with pytest.raises(PostponedError):
        cmp.behind(gate).get(ARTICLE)

    assert gate.passed == ["take"]


def test_redirects_and_second_tries_pass_the_gate_too() -> None:
    cmp, seen = answers(
        httpx.Response(401), redirect("/v3/articles/2"), httpx.Response(200, json={})
    )
    gate = Gate()

    cmp.behind(gate).get(ARTICLE)

    assert gate.passed == ["take", "answered"] * len(seen)
    assert len(seen) == 3


def test_a_gate_that_is_closed_lets_nothing_out() -> None:
    cmp, seen = answers()

    with pytest.raises(PostponedRequest):
        cmp.behind(Gate(closes_at="take")).get(ARTICLE)

    assert seen == []


@pytest.mark.parametrize(("status", "told"), [(429, "throttled"), (500, "failed")])
def test_a_gate_can_keep_a_request_for_later(status: int, told: str) -> None:
    cmp, seen = answers(httpx.Response(status))

    with pytest.raises(PostponedRequest):
        cmp.behind(Gate(closes_at=told)).get(ARTICLE)

    assert len(seen) == 1


@pytest.mark.parametrize("seconds", [30, 100_000])
def test_the_gate_hears_when_to_ask_again_also_as_a_date(seconds: int) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    gate = Gate()
    for header in (str(seconds), date):
        cmp, _ = answers(httpx.Response(429, headers={"Retry-After": header}))
        with pytest.raises(RateLimitedError):
            cmp.behind(gate).get(ARTICLE)

    told = [each[1] for each in gate.passed if isinstance(each, tuple)]
    assert told == [seconds, pytest.approx(seconds, abs=2)]


def test_the_gate_belongs_to_one_user_alone() -> None:
    cmp, _ = answers(httpx.Response(200, json={}))
    gate = Gate()
    cmp.behind(gate)

    cmp.get(ARTICLE)

    assert gate.passed == []


@pytest.mark.parametrize(
    ("status", "answered"), [(200, True), (403, True), (404, True), (429, True), (503, False)]
)
def test_a_probe_is_a_small_question_of_its_own(status: int, answered: bool) -> None:
    cmp, seen = answers(httpx.Response(status), httpx.Response(200, json={}))
    gate = Gate(probes=1)

    cmp.behind(gate).get(ARTICLE)

    assert gate.probed == [answered]
    assert str(seen[0].url) == f"{BASE}/assets?page_size=1"


def test_a_probe_without_answer_is_none() -> None:
    gate = Gate(probes=1, closes_at="take")

    with pytest.raises(PostponedRequest):
        api(refused(httpx.ReadTimeout)).behind(gate).get(ARTICLE)

    assert gate.probed == [False]


@pytest.mark.parametrize(("tokens", "answered"), [(Tokens, True), (Refusing, False)])
def test_a_probe_with_a_token_that_is_refused_asks_for_another(
    tokens: type[Tokens], answered: bool
) -> None:
    gate = Gate(probes=1, closes_at="take")
    cmp = api(lambda request: httpx.Response(401), tokens())

    with pytest.raises(PostponedRequest):
        cmp.behind(gate).get(ARTICLE)

    assert gate.probed == [answered]


def failures() -> Iterator[Callable[[], object]]:
    """Yield calls that fail, each with the planted value in everything that it touches."""
    href = f"{ARTICLE}?key={PLANTED}"
    headers = {"Location": f"https://evil.com/?{PLANTED}", "X-A": PLANTED}
    for status in (200, 302, 400, 401, 403, 404, 429, 500):
        cmp, _ = answers(*[httpx.Response(status, headers=headers, text=PLANTED)] * 3)
        yield partial(cmp.get, href)
        cmp, _ = answers(*[httpx.Response(status, headers=headers, text=PLANTED)] * 3)
        yield partial(cmp.file_urls, ["1"])

    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"no way to {request.url}", request=request)

    yield partial(api(broken).get, href)
    yield partial(api(broken).get, f"https://{PLANTED}:{PLANTED}@evil.com/?{PLANTED}")
    yield partial(api(broken).get, f"https://evil.com/?{PLANTED}\t")
    yield partial(api(lambda request: httpx.Response(401), Refusing()).get, href)


def test_no_error_and_no_log_line_holds_what_is_secret(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    shown = [repr(Tokens().current())]

    for fail in failures():
        with pytest.raises(CmpRelayError) as caught:
            fail()
        shown += [*traceback.format_exception(caught.value), repr(caught.value)]

    shown += [caplog.text, *capsys.readouterr()]
    assert PLANTED not in "".join(shown)


@contextmanager
def server(location: str | None = None) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Serve redirects to `location`, else an empty object, and log the headers of each request."""
    log: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            log.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(302 if location else 200)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:
            """Keep standard error clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}", log
        finally:
            listening.shutdown()
            thread.join()


@pytest.mark.usefixtures("socket_enabled")
def test_another_server_never_sees_the_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        server() as (other, other_log),
        server(f"{other}/?key={PLANTED}") as (cmp, cmp_log),
        build_client() as client,
    ):
        tokens = cast("TokenSource", Tokens())
        strict = OpenApi(client, tokens, Origins.parse((cmp,)), f"{cmp}/v3")
        wide = OpenApi(client, tokens, Origins.parse((cmp, other)), f"{cmp}/v3")

        with pytest.raises(UntrustedLinkError):
            strict.get(f"{cmp}/v3/articles/1?key={PLANTED}")
        with pytest.raises(UntrustedLinkError):
            strict.get(f"{other}/v3/articles/1")
        untrusted = list(other_log)
        content = wide.get(f"{cmp}/v3/articles/1")

    assert untrusted == []
    assert content == {}
    assert [log["authorization"] for log in (*cmp_log, *other_log)] == [f"Bearer {PLANTED}-1"] * 3
    assert PLANTED not in caplog.text
