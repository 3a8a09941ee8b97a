from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay.advice import ADVICE
from cmp_relay.endpoint import Endpoint, moment
from cmp_relay.errors import (
    ApiError,
    CredentialsError,
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    RequestRefusedError,
    UnauthorizedError,
)
from cmp_relay.open_api import OpenApi, Tokens
from cmp_relay.origins import Origins
from cmp_relay.patience import Patience
from cmp_relay.tokens import Token

BASE = "https://api.cmp.optimizely.com/v3"
ORIGINS = Origins.parse(("https://api.cmp.optimizely.com",))
PLANTED = "-".join(["must", "not", "show"])


class Always:
    """Has a token, whatever becomes of it."""

    def current(self) -> Token:
        return Token(PLANTED, "1", 1e12)

    def replace(self, failed: Token) -> Token:
        return failed


class Refused(Always):
    def current(self) -> Token:
        raise CredentialsError("POST https://accounts.example/token: 401 invalid_client", delay=300)


def endpoint(
    respond: Callable[[httpx.Request], httpx.Response], tokens: Tokens | None = None
) -> Endpoint:
    client = httpx.Client(transport=httpx.MockTransport(respond))
    api = OpenApi(client, tokens or Always(), ORIGINS, BASE)
    return Endpoint(api, BASE, Patience(seconds=0))


def answering(*answers: httpx.Response) -> Endpoint:
    left = list(answers)
    return endpoint(lambda _: left.pop(0) if len(left) > 1 else left[0])


@given(st.text(min_size=1))
def test_an_id_stays_one_part_of_the_path(wanted: str) -> None:
    try:
        wanted.encode()
    except UnicodeEncodeError:
        return
    seen: list[httpx.URL] = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request.url)
        return httpx.Response(200, json={})

    own = endpoint(respond)
    own.get(own.link("images", wanted, page_size=1))

    path, _, query = seen[0].raw_path.decode().partition("?")
    assert path.startswith("/v3/images/")
    assert path.count("/") == 3
    assert (seen[0].host, query) == ("api.cmp.optimizely.com", "page_size=1")


def test_a_query_holds_what_is_given_and_nothing_else() -> None:
    link = answering(httpx.Response(200)).link(
        "assets",
        type=["image", "video"],
        folder_id=None,
        include_subfolder_assets=False,
        search_text="a&b=ä",
        modified_at__from=datetime(2026, 11, 22, 9, 30, tzinfo=timezone(timedelta(hours=1))),
    )

    assert httpx.URL(link).params.multi_items() == [
        ("type", "image"),
        ("type", "video"),
        ("include_subfolder_assets", "false"),
        ("search_text", "a&b=ä"),
        ("modified_at__from", "2026-11-22T08:30:00Z"),
    ]


def test_a_moment_needs_a_zone() -> None:
    assert moment(datetime(2026, 4, 1, 9, tzinfo=UTC)) == "2026-04-01T09:00:00Z"
    with pytest.raises(ValueError, match="zone"):
        moment(datetime(2026, 4, 1, 9))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestRefusedError),
        (401, UnauthorizedError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (410, NotFoundError),
        (422, RequestRefusedError),
        (429, RateLimitedError),
    ],
)
def test_each_error_says_what_to_do_about_it(status: int, kind: type[ApiError]) -> None:
    own = answering(httpx.Response(status, json={"message": "Not approved"}))
    calls: list[Callable[[], Any]] = [
        lambda: own.get(f"{BASE}/tasks/1?key={PLANTED}"),
        lambda: own.tell("POST", f"{BASE}/tasks/1?key={PLANTED}", {}),
        lambda: next(own.rows(f"{BASE}/tasks/1?key={PLANTED}")),
    ]

    for call in calls:
        with pytest.raises(kind) as caught:
            call()
        assert type(caught.value) is kind
        assert caught.value.status == status
        said = str(caught.value)
        assert f"{BASE}/tasks/1: {status}" in said
        assert said.count(ADVICE[status]) == 1
        assert PLANTED not in said
        assert ("Not approved" in said) == (status in (400, 422))


@pytest.mark.parametrize(("told", "said"), [("17", ", not before 17 s"), (None, "")])
def test_a_429_says_how_long_to_wait(told: str | None, said: str) -> None:
    headers = {"Retry-After": told} if told else {}
    own = answering(httpx.Response(429, headers=headers))

    with pytest.raises(RateLimitedError) as caught:
        own.get(f"{BASE}/tasks/1")

    assert str(caught.value).endswith(f"{ADVICE[429]}{said}")
    assert caught.value.retry_after == (float(told) if told else None)


def test_an_outage_comes_without_advice() -> None:
    with pytest.raises(ApiError) as caught:
        answering(httpx.Response(503)).get(f"{BASE}/tasks/1")

    assert str(caught.value) == f"GET {BASE}/tasks/1: 503"


def test_refused_credentials_say_what_to_check() -> None:
    own = endpoint(lambda _: httpx.Response(200, json={}), Refused())

    with pytest.raises(CredentialsError, match="invalid_client; check the client id") as caught:
        own.get(f"{BASE}/tasks/1")

    assert caught.value.delay == 300


def test_a_429_is_waited_for() -> None:
    slept: list[float] = []
    own = answering(
        httpx.Response(429, headers={"Retry-After": "3"}), httpx.Response(200, json={"id": "1"})
    )
    patient = Endpoint(own.api, BASE, Patience(sleep=slept.append))

    assert cast("dict[str, str]", patient.get(f"{BASE}/tasks/1")) == {"id": "1"}
    assert slept == [3]
