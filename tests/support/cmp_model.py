"""CMP in virtual time: its Open API and its token endpoint, as a transport of httpx."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import httpx

from tests.support.publish_jobs import API

TOKEN_URL = "https://accounts.cmp.optimizely.com/o/oauth2/v1/token"  # noqa: S105 - no secret
TOKEN_LIFE = 3600
REQUEST_SECONDS = 0.2
READ_SECONDS = 10.0
"""After which the client gives up (`exchanges.READ_SECONDS`)."""


class Asked(NamedTuple):
    """One request: when (ms), its path, and the status of its answer, 0 for a time-out."""

    at: int
    path: str
    status: int


class CmpModel:
    """Answers with resources by their URL; `refusals` are the statuses that some URLs get instead.

    While it `is_up` no more, every other request is left without an answer, the rest get 503.
    While it `is_locked`, no token is good and none is granted; without `grants` its token endpoint
    alone is down.
    """

    def __init__(self, now: Callable[[], int], sleep: Callable[[float], None]) -> None:
        """Live by a clock (ms) on which each request takes some time."""
        self.resources: dict[str, Mapping[str, Any]] = {}
        self.refusals: dict[str, int] = {}
        self.is_up = True
        self.is_locked = False
        self.grants = True
        self.asked: list[Asked] = []
        self._now = now
        self._sleep = sleep
        self._tokens = 0

    def client(self) -> httpx.Client:
        """Return a client of it."""
        return httpx.Client(transport=httpx.MockTransport(self._respond))

    def expire_tokens(self) -> None:
        """Let no token be good that was granted until now."""
        self._tokens += 1

    def paths(self, *, since: int = 0) -> list[str]:
        """Return the paths that were asked for, from a moment (ms) on."""
        return [asked.path for asked in self.asked if asked.at >= since]

    def _respond(self, request: httpx.Request) -> httpx.Response:
        at = self._now()
        self._sleep(REQUEST_SECONDS)
        hangs = not self.is_up and len(self.asked) % 2 == 1
        answer = httpx.Response(503) if not self.is_up else self._answer(request)
        status = 0 if hangs else answer.status_code
        self.asked.append(Asked(at, request.url.path, status))
        if hangs:
            self._sleep(READ_SECONDS)
            raise httpx.ReadTimeout("no answer")
        return answer

    def _answer(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        if url == TOKEN_URL:
            return self._token()
        if self.is_locked or request.headers["Authorization"] != f"Bearer token-{self._tokens}":
            return httpx.Response(401)
        if url in self.refusals:
            return httpx.Response(self.refusals[url])
        if url == f"{API}/assets?page_size=1":
            return httpx.Response(200, json={"data": []})
        found = self.resources.get(url)
        return httpx.Response(404) if found is None else httpx.Response(200, json=found)

    def _token(self) -> httpx.Response:
        if self.is_locked:
            return httpx.Response(401, json={"error": "invalid_client"})
        if not self.grants:
            return httpx.Response(503)
        self._tokens += 1
        granted = {"access_token": f"token-{self._tokens}", "expires_in": TOKEN_LIFE}
        return httpx.Response(200, json=granted)
