"""The stand-in's authorization server: logins, tokens, and what they are good for."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.applications import Starlette

from tools.stand_in.oauth import OAuth

if TYPE_CHECKING:
    from tools.stand_in.client import StandIn

pytestmark = pytest.mark.enable_socket

CLIENT = {"client_id": "local", "client_secret": "local"}


def ask(stand_in: StandIn, **form: str) -> httpx.Response:
    return httpx.post(f"{stand_in.base_url}/o/oauth2/v1/token", data={**CLIENT, **form})


def issue(stand_in: StandIn) -> str:
    return str(ask(stand_in, grant_type="client_credentials").json()["access_token"])


def refresh(stand_in: StandIn, token: str) -> httpx.Response:
    return ask(stand_in, grant_type="refresh_token", refresh_token=token)


def read(stand_in: StandIn, token: str) -> int:
    asset = stand_in.add_asset("image")
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{stand_in.base_url}/v3/images/{asset['id']}", headers=headers).status_code


def test_issues_a_token_for_client_credentials(stand_in: StandIn) -> None:
    answer = ask(stand_in, grant_type="client_credentials").json()

    assert set(answer) == {"access_token", "expires_in", "token_type"}
    assert (answer["expires_in"], answer["token_type"]) == (3599, "Bearer")
    assert read(stand_in, answer["access_token"]) == 200


def test_several_tokens_are_good_at_once(stand_in: StandIn) -> None:
    older, newer = issue(stand_in), issue(stand_in)

    assert older != newer
    assert [read(stand_in, older), read(stand_in, newer)] == [200, 200]


def test_a_used_refresh_token_is_refused_and_its_successor_taken(stand_in: StandIn) -> None:
    first = stand_in.new_refresh_token()

    rotated = refresh(stand_in, first).json()
    again = refresh(stand_in, first)
    successor = refresh(stand_in, rotated["refresh_token"])

    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})
    assert successor.status_code == 200


def test_without_rotation_the_refresh_token_stays_good(stand_in: StandIn) -> None:
    stand_in.set_oauth(rotate=False)
    token = stand_in.new_refresh_token()

    answers = [refresh(stand_in, token) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert "refresh_token" not in answers[0].json()


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"client_secret": "wrong", "grant_type": "client_credentials"}, 401, "invalid_client"),
        ({"client_id": "wrong", "grant_type": "client_credentials"}, 401, "invalid_client"),
        ({"grant_type": "refresh_token"}, 400, "invalid_grant"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_says_what_is_wrong_with_a_token_request(
    stand_in: StandIn, form: dict[str, str], status: int, error: str
) -> None:
    answer = ask(stand_in, **form)

    assert (answer.status_code, answer.json()) == (status, {"error": error})


def test_takes_no_json(stand_in: StandIn) -> None:
    request = {**CLIENT, "grant_type": "client_credentials"}

    answer = httpx.post(f"{stand_in.base_url}/o/oauth2/v1/token", json=request)

    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


def test_refuses_everyone_when_told_so(stand_in: StandIn) -> None:
    stand_in.set_oauth(refuse=True)

    assert ask(stand_in, grant_type="client_credentials").status_code == 401


def test_a_token_ends_when_it_is_said_to(stand_in: StandIn) -> None:
    stand_in.set_oauth(expires_in=0)

    assert read(stand_in, issue(stand_in)) == 401


def test_all_tokens_can_be_expired_and_a_new_one_is_good(stand_in: StandIn) -> None:
    old = issue(stand_in)

    stand_in.expire_tokens()

    assert [read(stand_in, old), read(stand_in, issue(stand_in))] == [401, 200]


def test_the_log_tells_what_each_token_was_worth_but_not_the_token(stand_in: StandIn) -> None:
    good, old = issue(stand_in), issue(stand_in)
    read(stand_in, good)
    stand_in.expire_tokens()
    read(stand_in, old)
    read(stand_in, "made-up")
    httpx.get(f"{stand_in.base_url}/v3/images/1?token=hidden&token=twice")

    log = stand_in.requests("/v3")

    assert [one["bearer"] for one in log] == ["valid", "expired", "unknown", "none"]
    assert [one["status"] for one in log] == [200, 401, 401, 401]
    assert log[0]["authorization_sha256"] == sha256(f"Bearer {good}".encode()).hexdigest()
    assert log[3]["authorization_sha256"] is None
    assert log[3]["query_keys"] == ["token", "token"]
    assert good not in str(log)
    assert "hidden" not in str(log)


def test_a_reset_leaves_the_tokens_that_are_out_as_they_are(stand_in: StandIn) -> None:
    token = issue(stand_in)
    stand_in.set_oauth(refuse=True)

    stand_in.reset()

    assert read(stand_in, token) == 200
    assert ask(stand_in, grant_type="client_credentials").status_code == 200


CALLBACK = "http://127.0.0.1:8765/callback"
LOGIN = {
    "client_id": "local",
    "redirect_uri": CALLBACK,
    "response_type": "code",
    "scope": "openid profile offline_access",
    "state": "s&1",
}


def authorize(stand_in: StandIn, **changes: str) -> httpx.Response:
    url = f"{stand_in.base_url}/o/oauth2/v1/auth"
    return httpx.get(
        url, params={name: value for name, value in (LOGIN | changes).items() if value}
    )


def sent_back(answer: httpx.Response) -> dict[str, str]:
    """Return what the browser brings back to the app."""
    assert answer.status_code == 302
    url = httpx.URL(answer.headers["Location"])
    assert str(url.copy_with(query=None)) == CALLBACK
    return dict(url.params)


def redeem(stand_in: StandIn, code: str, **changes: str) -> httpx.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    return ask(stand_in, **form | changes)


def test_a_login_leads_to_a_code_that_is_good_once(stand_in: StandIn) -> None:
    stand_in.set_oauth(callback_url=CALLBACK)
    back = sent_back(authorize(stand_in))

    first, again = (redeem(stand_in, back["code"]) for _ in range(2))

    assert back == {"code": back["code"], "state": "s&1"}
    granted = {"access_token", "refresh_token", "id_token", "expires_in", "token_type"}
    assert set(first.json()) == granted
    assert read(stand_in, first.json()["access_token"]) == 200
    assert refresh(stand_in, first.json()["refresh_token"]).status_code == 200
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})


def test_a_login_ends_the_refresh_token_of_the_one_before(stand_in: StandIn) -> None:
    stand_in.set_oauth(callback_url=CALLBACK)
    first, second = (
        redeem(stand_in, sent_back(authorize(stand_in))["code"]).json()["refresh_token"]
        for _ in range(2)
    )

    assert [refresh(stand_in, each).status_code for each in (first, second)] == [400, 200]


def test_a_code_is_good_for_the_address_that_it_was_sent_to(stand_in: StandIn) -> None:
    stand_in.set_oauth(callback_url=CALLBACK)
    code = sent_back(authorize(stand_in))["code"]

    elsewhere = redeem(stand_in, code, redirect_uri=f"{CALLBACK}/")

    assert (elsewhere.status_code, elsewhere.json()) == (400, {"error": "invalid_grant"})


async def redeemed_after(seconds: float) -> int:
    now = [0.0]
    oauth = OAuth("local", "local", now=lambda: now[0], callback_url=CALLBACK)
    transport = httpx.ASGITransport(Starlette(routes=oauth.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://cmp") as cmp:
        code = sent_back(await cmp.get("/o/oauth2/v1/auth", params=LOGIN))["code"]
        now[0] = seconds
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        return (await cmp.post("/o/oauth2/v1/token", data=CLIENT | form)).status_code


@pytest.mark.parametrize(("seconds", "status"), [(59, 200), (60, 400)])
def test_a_code_is_good_for_a_minute(seconds: float, status: int) -> None:
    assert asyncio.run(redeemed_after(seconds)) == status


@pytest.mark.parametrize(
    ("rules", "scope"), [({"offline": False}, LOGIN["scope"]), ({}, "openid profile")]
)
def test_without_offline_access_there_is_no_refresh_token(
    stand_in: StandIn, rules: dict[str, bool], scope: str
) -> None:
    stand_in.set_oauth(callback_url=CALLBACK, **rules)

    answer = redeem(stand_in, sent_back(authorize(stand_in, scope=scope))["code"])

    assert answer.status_code == 200
    assert "refresh_token" not in answer.json()


@pytest.mark.parametrize(
    "changes",
    [{"client_id": "other"}, {"redirect_uri": "http://127.0.0.1:8766/callback"}],
)
def test_who_is_not_the_app_is_sent_nowhere(stand_in: StandIn, changes: dict[str, str]) -> None:
    unregistered = authorize(stand_in, redirect_uri="")
    stand_in.set_oauth(callback_url=CALLBACK)

    answer = authorize(stand_in, **changes)

    assert [unregistered.status_code, answer.status_code] == [400, 400]
    assert "Location" not in answer.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "openid cmp:read"}, "invalid_scope"),
        ({}, "access_denied"),
    ],
)
def test_a_login_that_cannot_be_is_told_to_the_app(
    stand_in: StandIn, changes: dict[str, str], error: str
) -> None:
    stand_in.set_oauth(callback_url=CALLBACK, deny=not changes)

    assert sent_back(authorize(stand_in, **changes)) == {"error": error, "state": "s&1"}
