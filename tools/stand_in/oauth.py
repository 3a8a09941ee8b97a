"""The authorization server: a person's login, opaque tokens, and which of them are still good.

Form encoding is the only one accepted. The error bodies are those of RFC 6749, since CMP's are not
documented; its own SDK is tested with `{"error": "invalid_client"}` and 401.

Guesses about the login, of which CMP documents the parameters alone (facts.md 3): a code lives for
a minute and is good once; an unknown client or an address that is not the app's gets a 400 and no
redirect (RFC 6749 section 4.1.2.1); without `offline_access` there is no refresh token; a login
makes the refresh tokens from before it fail, as an integrator reports. Nobody is asked who he is.
"""

from __future__ import annotations

import hmac
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

Bearer = Literal["valid", "expired", "unknown", "none"]
FORM = "application/x-www-form-urlencoded"
KNOWN_SCOPES = frozenset({"cmp:read", "cmp:write"})
LOGIN_SCOPES = frozenset({"openid", "profile", "offline_access"})
CODE_SECONDS = 60
HOUR = 3599  # what CMP answers for an app in production mode


class OAuthRules(BaseModel):
    """What the admin side may set; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    expires_in: int | None = None
    rotate: bool | None = None
    client_id: str | None = None
    client_secret: str | None = None
    refuse: bool | None = None
    callback_url: str | None = None
    deny: bool | None = None
    offline: bool | None = None


@dataclass(frozen=True)
class Code:
    """What a login led to: where it was sent, until when it is good, and what was asked for."""

    redirect_uri: str
    good_until: float
    scopes: frozenset[str]


@dataclass
class OAuth:
    """The clients' credentials and every token issued; times are Unix seconds."""

    client_id: str
    client_secret: str
    now: Callable[[], float] = time.time
    expires_in: int = HOUR
    rotate: bool = True
    refuse: bool = False
    callback_url: str = ""
    deny: bool = False
    offline: bool = True
    codes: dict[str, Code] = field(default_factory=dict)
    access_tokens: dict[str, float] = field(default_factory=dict)
    refresh_tokens: set[str] = field(default_factory=set)
    scopes: dict[str, frozenset[str]] = field(default_factory=dict)

    def apply(self, rules: OAuthRules) -> None:
        """Take over what the rules set."""
        for name, value in rules.model_dump(exclude_none=True).items():
            setattr(self, name, value)

    def restore(self, client_id: str, client_secret: str) -> None:
        """Go back to the rules of the start; tokens issued stay as good as they are."""
        self.client_id, self.client_secret = client_id, client_secret
        self.expires_in, self.rotate, self.refuse = HOUR, True, False
        self.callback_url, self.deny, self.offline = "", False, True

    def bearer(self, authorization: str | None) -> Bearer:
        """Tell how good the token of an Authorization header is."""
        if authorization is None:
            return "none"
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or token not in self.access_tokens:
            return "unknown"
        return "valid" if self.now() < self.access_tokens[token] else "expired"

    def scopes_of(self, authorization: str) -> frozenset[str]:
        """Tell the scopes of the token of an Authorization header."""
        return self.scopes.get(authorization.partition(" ")[2], frozenset())

    def expire_all(self) -> None:
        """Let every access token issued so far be expired."""
        self.access_tokens = dict.fromkeys(self.access_tokens, 0.0)

    def new_refresh_token(self) -> str:
        """Issue a refresh token, as the authorization in a browser would."""
        token = str(uuid4())
        self.refresh_tokens.add(token)
        return token

    def routes(self) -> list[Route]:
        """List the routes of the public side."""
        return [
            Route("/o/oauth2/v1/auth", self.authorize, methods=["GET"]),
            Route("/o/oauth2/v1/token", self.token, methods=["POST"]),
            Route("/oauth/token", self.scoped_token, methods=["POST"]),
        ]

    async def authorize(self, request: Request) -> Response:
        """Send the browser of a person who is logged in back to the app."""
        asked = request.query_params
        callback = asked.get("redirect_uri", "")
        if asked.get("client_id") != self.client_id or callback != (self.callback_url or None):
            return _error("invalid_request", 400)
        scopes = frozenset(asked.get("scope", "").split())
        if asked.get("response_type") != "code":
            told = {"error": "unsupported_response_type"}
        elif not scopes or not scopes <= LOGIN_SCOPES:
            told = {"error": "invalid_scope"}
        elif self.deny:
            told = {"error": "access_denied"}
        else:
            told = {"code": self._new_code(callback, scopes)}
        state = {"state": asked["state"]} if "state" in asked else {}
        return RedirectResponse(f"{callback}?{urlencode(told | state)}", 302)

    async def token(self, request: Request) -> JSONResponse:
        """Answer a token request."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            return _error("invalid_request", 400)
        form = dict(parse_qsl((await request.body()).decode()))
        if self.refuse or not self._is_client(form):
            return _error("invalid_client", 401)
        match form.get("grant_type"):
            case "client_credentials":
                return JSONResponse(self._access())
            case "refresh_token":
                return self._refresh(form.get("refresh_token", ""))
            case "authorization_code":
                return self._redeem(form.get("code", ""), form.get("redirect_uri", ""))
            case _:
                return _error("unsupported_grant_type", 400)

    async def scoped_token(self, request: Request) -> JSONResponse:
        """Answer a token request of the tutorial's API (seed 001), which names its scopes."""
        form = dict(parse_qsl((await request.body()).decode()))
        scopes = frozenset(form.get("scope", "").split())
        if not scopes or not scopes <= KNOWN_SCOPES:
            return _error("invalid_scope", 400)
        answer = await self.token(request)
        if answer.status_code == 200:
            self.scopes[json.loads(bytes(answer.body))["access_token"]] = scopes
        return answer

    def _is_client(self, form: dict[str, str]) -> bool:
        given = (form.get("client_id", ""), form.get("client_secret", ""))
        return hmac.compare_digest(
            "\n".join(given).encode(), f"{self.client_id}\n{self.client_secret}".encode()
        )

    def _refresh(self, token: str) -> JSONResponse:
        if token not in self.refresh_tokens:
            return _error("invalid_grant", 400)
        answer = {**self._access(), "id_token": str(uuid4())}
        if self.rotate:
            self.refresh_tokens.remove(token)
            answer["refresh_token"] = self.new_refresh_token()
        return JSONResponse(answer)

    def _new_code(self, redirect_uri: str, scopes: frozenset[str]) -> str:
        code = str(uuid4())
        self.codes[code] = Code(redirect_uri, self.now() + CODE_SECONDS, scopes)
        return code

    def _redeem(self, name: str, redirect_uri: str) -> JSONResponse:
        code = self.codes.pop(name, None)
        if code is None or self.now() >= code.good_until or code.redirect_uri != redirect_uri:
            return _error("invalid_grant", 400)
        answer = {**self._access(), "id_token": str(uuid4())}
        self.refresh_tokens.clear()
        if self.offline and "offline_access" in code.scopes:
            answer["refresh_token"] = self.new_refresh_token()
        return JSONResponse(answer)

    def _access(self) -> dict[str, str | int]:
        token = str(uuid4())
        self.access_tokens[token] = self.now() + self.expires_in
        return {"access_token": token, "expires_in": self.expires_in, "token_type": "Bearer"}


def _error(code: str, status: int) -> JSONResponse:
    return JSONResponse({"error": code}, status)
