"""The token endpoint: issues opaque tokens, and knows which of them are still good.

Form encoding is the only one accepted. The error bodies are those of RFC 6749, since CMP's are not
documented; its own SDK is tested with `{"error": "invalid_client"}` and 401.
"""

from __future__ import annotations

import hmac
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl
from uuid import uuid4

from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

Bearer = Literal["valid", "expired", "unknown", "none"]
FORM = "application/x-www-form-urlencoded"
KNOWN_SCOPES = frozenset({"cmp:read", "cmp:write"})
HOUR = 3599  # what CMP answers for an app in production mode


class OAuthRules(BaseModel):
    """What the admin side may set; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    expires_in: int | None = None
    rotate: bool | None = None
    client_id: str | None = None
    client_secret: str | None = None
    refuse: bool | None = None


@dataclass
class OAuth:
    """The clients' credentials and every token issued; times are Unix seconds."""

    client_id: str
    client_secret: str
    now: Callable[[], float] = time.time
    expires_in: int = HOUR
    rotate: bool = True
    refuse: bool = False
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
            Route("/o/oauth2/v1/token", self.token, methods=["POST"]),
            Route("/oauth/token", self.scoped_token, methods=["POST"]),
        ]

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

    def _access(self) -> dict[str, str | int]:
        token = str(uuid4())
        self.access_tokens[token] = self.now() + self.expires_in
        return {"access_token": token, "expires_in": self.expires_in, "token_type": "Bearer"}


def _error(code: str, status: int) -> JSONResponse:
    return JSONResponse({"error": code}, status)
