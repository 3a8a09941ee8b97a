"""CMP's Open API as the workers use it: resources by the links that CMP gave, read only.

The bearer token goes to trusted origins alone: each URL, also each redirect's, passes
`Origins.trusted` before a request to it exists. `_send` is the only place where requests go out.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx

from cmp_relay.errors import (
    ApiError,
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    RequestRefusedError,
    UnauthorizedError,
    UnavailableError,
    UntrustedLinkError,
)
from cmp_relay.exchanges import Answer, Deadline, exchange, retry_after

if TYPE_CHECKING:
    from cmp_relay.origins import Origins
    from cmp_relay.tokens import Token, TokenSource

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 3
# The one that is stored by now may have been refused to others already; then one that is asked for.
_MOST_REPLACEMENTS = 2
_ERRORS: dict[int, type[ApiError]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    408: UnavailableError,
    410: NotFoundError,
}


@dataclass(frozen=True, slots=True)
class Location:
    """Where an asset lives: its link, and `library`, `task` or whatever CMP says one day."""

    href: str
    place: str


class OpenApi:
    """The Open API, asked with the cached token; `base` is its address with the version.

    Every call raises UntrustedLinkError before anything is sent, else the error of the status, or
    what `TokenSource` raises. `request_seconds` bounds a call with its redirects and second try.
    """

    def __init__(
        self,
        client: httpx.Client,
        tokens: "TokenSource",
        origins: "Origins",
        base: str,
        request_seconds: float = 20,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the parts; `now` is a monotonic clock in seconds."""
        self._client = client
        self._tokens = tokens
        self._origins = origins
        self._base = base.rstrip("/")
        self._request_seconds = request_seconds
        self._now = now

    def get(self, href: str) -> Mapping[str, object]:
        """Return the resource at a link that CMP gave, which is used as it is."""
        deadline = Deadline(self._request_seconds, self._now)
        url = self._origins.trusted(href)
        for _ in range(_MOST_REDIRECTS + 1):
            answer = self._ask(url, deadline)
            if answer.status not in _REDIRECTS:
                return _object(answer)
            url = self._target(answer)
        raise UnavailableError(f"{answer.name}: redirects too often", status=answer.status)

    def locate(self, asset_id: str) -> Location:
        """Find where an asset lives now (GET /asset-urls/{id}); raises NotFoundError if nowhere."""
        # An id is no path: dots are quoted too, else httpx would resolve "..".
        quoted = quote(asset_id, safe="").replace(".", "%2E")
        url = self._origins.trusted(f"{self._base}/asset-urls/{quoted}")
        answer = self._ask(url, Deadline(self._request_seconds, self._now))
        if answer.status not in _REDIRECTS:
            raise UnavailableError(f"{answer.name}: no redirect", status=answer.status)
        where = answer.headers.get("x-resource-location", "")
        return Location(str(self._target(answer)), where)

    def _ask(self, url: httpx.URL, deadline: Deadline) -> Answer:
        token = self._tokens.current()
        answer = self._send(url, token, deadline)
        for _ in range(_MOST_REPLACEMENTS):
            if answer.status == 401:
                token = self._tokens.replace(token)
                answer = self._send(url, token, deadline)
        _raise_for(answer)
        return answer

    def _send(self, url: httpx.URL, token: "Token", deadline: Deadline) -> Answer:
        headers = {"Authorization": f"Bearer {token.value}"}
        return exchange(
            self._client, self._client.build_request("GET", url, headers=headers), deadline
        )

    def _target(self, answer: Answer) -> httpx.URL:
        if "location" not in answer.headers:
            raise UnavailableError(f"{answer.name}: redirects nowhere", status=answer.status)
        try:
            target = answer.url.join(answer.headers["location"])
        except (httpx.InvalidURL, ValueError):
            raise UntrustedLinkError(f"{answer.name}: redirects to no URL") from None
        return self._origins.trusted(str(target))


def _raise_for(answer: Answer) -> None:
    status = answer.status
    if status < 400:
        return
    message = f"{answer.name}: {status}"
    if status == 429:
        raise RateLimitedError(message, retry_after=retry_after(answer.headers, time.time()))
    kind = UnavailableError if status >= 500 else _ERRORS.get(status, RequestRefusedError)
    raise kind(message, status=status)


def _object(answer: Answer) -> Mapping[str, object]:
    content = answer.object()
    if content is None:
        raise UnavailableError(f"{answer.name}: not a JSON object", status=answer.status)
    return content
