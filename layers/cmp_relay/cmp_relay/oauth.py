"""The token request to CMP's OAuth endpoint (RFC 6749), form-encoded.

CMP's pages show a JSON body, its SDK and live integrations send a form, which is the standard
(facts.md C-10). The body of an answer is in no error: an endpoint may echo what it was sent.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx

from cmp_relay.credentials import RETRY_SECONDS, Credentials
from cmp_relay.errors import CredentialsError, RateLimitedError, SettingsError, UnavailableError
from cmp_relay.exchanges import Answer, Deadline, exchange, is_bearer, retry_after
from cmp_relay.origins import is_private

REQUEST_SECONDS = 12
_BODY_LIMIT = 100_000
_LONGEST_LIFE_SECONDS = 366 * 86_400

# RFC 6749 sections 4.1.2.1 and 5.2; any other text could be an echo.
_CODES = frozenset(
    {
        "access_denied",
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "server_error",
        "temporarily_unavailable",
        "unauthorized_client",
        "unsupported_grant_type",
        "unsupported_response_type",
    }
)


@dataclass(frozen=True, slots=True)
class Grant:
    """What CMP granted; `expires_in` is in seconds, `refresh_token` None if there was none."""

    access_token: str = field(repr=False)
    expires_in: float
    refresh_token: str | None = field(default=None, repr=False)


class TokenEndpoint:
    """CMP's token endpoint with the grant that the stack uses."""

    def __init__(
        self,
        client: httpx.Client,
        url: str,
        grant_type: str,
        *,
        scope: str = "",
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the parts; raises SettingsError for a URL that would show the client secret."""
        self._client = client
        self._url = _private(url)
        self._form = {"grant_type": grant_type} | ({"scope": scope} if scope else {})
        self._now = now

    def request(self, credentials: Credentials) -> Grant:
        """Ask for a token; raises CredentialsError, RateLimitedError, UnavailableError."""
        refresh_token = credentials.refresh_token
        own = {} if refresh_token is None else {"refresh_token": refresh_token}
        return self._ask(credentials, self._form | own)

    def redeem(self, credentials: Credentials, code: str, redirect_uri: str) -> Grant:
        """Ask for the tokens of a person's login, by the code that it led to; raises as `request`.

        `redirect_uri` is the one that the code was sent to (facts.md 3, RFC 6749 section 4.1.3).
        """
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        return self._ask(credentials, form)

    def _ask(self, credentials: Credentials, form: Mapping[str, str]) -> Grant:
        client = {"client_id": credentials.client_id, "client_secret": credentials.client_secret}
        answer = exchange(
            self._client,
            self._client.build_request("POST", self._url, data={**form, **client}),
            Deadline(REQUEST_SECONDS, self._now),
            limit=_BODY_LIMIT,
        )
        _raise_for(answer)
        return _grant(answer)


def known_error(value: object) -> str:
    """Return an error code of RFC 6749 as it is, anything else as an empty text."""
    return value if isinstance(value, str) and value in _CODES else ""


def _private(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise SettingsError("CMP_TOKEN_URL is not a URL") from None
    if not is_private(parsed) or parsed.userinfo:
        raise SettingsError("CMP_TOKEN_URL is not https (http is for loopback alone)")
    return parsed


def _raise_for(answer: Answer) -> None:
    status = answer.status
    if status == 200:
        return
    message = f"{answer.name}: {status}"
    if status in {400, 401, 403}:
        code = (answer.object() or {}).get("error")
        raise CredentialsError(f"{message} {known_error(code)}".rstrip(), delay=RETRY_SECONDS)
    if status == 429:
        raise RateLimitedError(message, retry_after=retry_after(answer.headers, time.time()))
    raise UnavailableError(message, status=status)


def _grant(answer: Answer) -> Grant:
    content = answer.object() or {}
    value = content.get("access_token")
    expires_in = _seconds(content.get("expires_in"))
    if not is_bearer(value):
        raise UnavailableError(f"{answer.name}: no usable access_token", status=answer.status)
    if expires_in is None:
        raise UnavailableError(f"{answer.name}: no usable expires_in", status=answer.status)
    rotated = content.get("refresh_token")
    return Grant(value, expires_in, rotated if isinstance(rotated, str) and rotated else None)


def _seconds(value: object) -> float | None:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and 0 < seconds <= _LONGEST_LIFE_SECONDS else None
