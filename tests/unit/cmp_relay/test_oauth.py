import traceback
from collections.abc import Callable
from urllib.parse import parse_qs

import httpx
import pytest

from cmp_relay.credentials import Credentials
from cmp_relay.errors import (
    CmpRelayError,
    CredentialsError,
    RateLimitedError,
    SettingsError,
    UnavailableError,
)
from cmp_relay.oauth import Grant, TokenEndpoint

URL = "https://accounts.cmp.optimizely.com/o/oauth2/v1/token"
# Joined here, so that a source line in a traceback does not hold it.
PLANTED = "-".join(["must", "not", "show"])
CREDENTIALS = Credentials("id", PLANTED)
GRANTED = {"access_token": "a1", "expires_in": 3599, "token_type": "Bearer"}


def endpoint(
    respond: Callable[[httpx.Request], httpx.Response],
    grant_type: str = "client_credentials",
    scope: str = "",
) -> TokenEndpoint:
    client = httpx.Client(transport=httpx.MockTransport(respond))
    return TokenEndpoint(client, URL, grant_type, scope=scope)


def forms_of(credentials: Credentials, grant_type: str, scope: str = "") -> dict[str, list[str]]:
    seen = []

    def respond(request: httpx.Request) -> httpx.Response:
        assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
        seen.append(parse_qs(request.content.decode(), strict_parsing=True))
        return httpx.Response(200, json=GRANTED)

    endpoint(respond, grant_type, scope).request(credentials)
    (form,) = seen
    return form


def test_asks_with_client_credentials_in_a_form() -> None:
    assert forms_of(Credentials("id", "s&cret=ä"), "client_credentials") == {
        "grant_type": ["client_credentials"],
        "client_id": ["id"],
        "client_secret": ["s&cret=ä"],
    }


def test_asks_with_a_refresh_token_and_a_scope() -> None:
    assert forms_of(Credentials("id", "secret", "r1"), "refresh_token", "openid profile") == {
        "grant_type": ["refresh_token"],
        "client_id": ["id"],
        "client_secret": ["secret"],
        "refresh_token": ["r1"],
        "scope": ["openid profile"],
    }


def test_redeems_the_code_of_a_login_without_the_scope_or_an_older_refresh_token() -> None:
    forms = []

    def respond(request: httpx.Request) -> httpx.Response:
        forms.append(parse_qs(request.content.decode(), strict_parsing=True))
        return httpx.Response(200, json={**GRANTED, "refresh_token": "r1"})

    login = endpoint(respond, "refresh_token", "openid profile")
    grant = login.redeem(Credentials("id", "secret", "r0"), "c&1", "http://127.0.0.1:8765/callback")

    assert grant == Grant("a1", 3599, "r1")
    assert forms == [
        {
            "grant_type": ["authorization_code"],
            "client_id": ["id"],
            "client_secret": ["secret"],
            "code": ["c&1"],
            "redirect_uri": ["http://127.0.0.1:8765/callback"],
        }
    ]


@pytest.mark.parametrize(
    ("expires_in", "seconds"), [(3599, 3599), ("3599", 3599), (2_592_000.0, 2_592_000)]
)
def test_reads_the_life_of_the_token(expires_in: object, seconds: float) -> None:
    answer = {**GRANTED, "expires_in": expires_in, "refresh_token": "r2"}

    grant = endpoint(lambda request: httpx.Response(200, json=answer)).request(CREDENTIALS)

    assert grant == Grant("a1", seconds, "r2")
    assert "a1" not in repr(grant)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b'{"expires_in": 3599}',
        b'{"access_token": "", "expires_in": 3599}',
        b'{"access_token": "a b", "expires_in": 3599}',
        b'{"access_token": "a1"}',
        b'{"access_token": "a1", "expires_in": 0}',
        b'{"access_token": "a1", "expires_in": -1}',
        b'{"access_token": "a1", "expires_in": true}',
        b'{"access_token": "a1", "expires_in": "soon"}',
        b'{"access_token": "a1", "expires_in": NaN}',
        b'{"access_token": "a1", "expires_in": 1e400}',
        b'{"access_token": "a1", "expires_in": 1800000000}',
    ],
)
def test_takes_an_unusable_grant_for_a_fault(answer: bytes) -> None:
    with pytest.raises(UnavailableError):
        endpoint(lambda request: httpx.Response(200, content=answer)).request(CREDENTIALS)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_refused_credentials_are_told_by_their_code(status: int) -> None:
    answer = {"error": "invalid_client", "error_description": PLANTED}

    with pytest.raises(CredentialsError) as caught:
        endpoint(lambda request: httpx.Response(status, json=answer)).request(CREDENTIALS)

    assert str(caught.value) == f"POST {URL}: {status} invalid_client"
    assert caught.value.delay == 300


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (302, UnavailableError),
        (404, UnavailableError),
        (429, RateLimitedError),
        (500, UnavailableError),
    ],
)
def test_everything_else_may_be_tried_again(status: int, error: type[CmpRelayError]) -> None:
    response = httpx.Response(status, headers={"Location": "https://evil.com/", "Retry-After": "5"})

    with pytest.raises(error) as caught:
        endpoint(lambda request: response).request(CREDENTIALS)

    assert caught.value.retryable


def test_shows_nothing_of_what_was_sent_or_answered() -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout(request.content.decode(), request=request)

    responses = [
        httpx.Response(401, json={"error": PLANTED}),
        httpx.Response(500, text=PLANTED),
        httpx.Response(200, text=PLANTED),
        httpx.Response(200, json={"access_token": f"{PLANTED}\n", "expires_in": 1}),
    ]
    for respond in (broken, *[lambda request, found=found: found for found in responses]):
        with pytest.raises(CmpRelayError) as caught:
            endpoint(respond).request(CREDENTIALS)
        with pytest.raises(CmpRelayError) as redeemed:
            endpoint(respond).redeem(CREDENTIALS, PLANTED, "http://127.0.0.1:8765/callback")

        for error in (caught.value, redeemed.value):
            assert PLANTED not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    "url",
    [
        "http://accounts.cmp.optimizely.com/token",
        "https://u:p@a.com",
        "ftp://a.com",
        "",
        "https://a.com\t",
    ],
)
def test_refuses_an_address_that_would_show_the_client_secret(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^CMP_TOKEN_URL "):
        TokenEndpoint(httpx.Client(), url, "client_credentials")
