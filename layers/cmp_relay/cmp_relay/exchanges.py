"""One HTTP exchange with CMP: a request out, the whole answer in, within a deadline and a size.

httpx limits each read but never the whole, and its log lines and errors hold whole URLs. So every
request passes here, and nothing that leaves this file tells more of a URL than origin and path.
"""

import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TypeGuard

import httpx

from cmp_relay.errors import UnavailableError
from cmp_relay.origins import place

VERSION = "0.1.0"
BODY_LIMIT = 20_000_000
CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0

_BEARER = re.compile(r"[!-~]+")
_SECONDS = re.compile(r"[0-9]{1,9}")

for _name in ("httpx", "httpcore"):  # INFO logs URLs with their query, DEBUG logs headers
    logging.getLogger(_name).setLevel(logging.WARNING)


class Deadline:
    """A moment after which nobody waits any more; `now` is a monotonic clock in seconds."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        """Start the time that is left."""
        self._now = now
        self._end = now() + seconds

    def left(self) -> float:
        """Return the seconds left, zero or less once it is over."""
        return self._end - self._now()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `name` is method, origin and path of the request, fit for errors and logs."""

    name: str
    url: httpx.URL = field(repr=False)
    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)

    def object(self) -> Mapping[str, object] | None:
        """Return the body's JSON object, None if it is anything else."""
        try:
            content = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return content if isinstance(content, dict) else None


def build_client() -> httpx.Client:
    """Build the client that an execution environment keeps: it brings nothing along on its own.

    No proxy or .netrc of the environment, no redirects and no cookies, since each of them could
    carry the token, or the state of one answer, to somewhere else.
    """
    return httpx.Client(
        timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        trust_env=False,
        follow_redirects=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        headers={"User-Agent": f"cmp-relay/{VERSION}", "Accept": "application/json"},
    )


def exchange(
    client: httpx.Client, request: httpx.Request, deadline: Deadline, *, limit: int = BODY_LIMIT
) -> Answer:
    """Send the request and read the answer, whatever its status; raises UnavailableError.

    A read that is already waiting can outlast the deadline by its own time-out, which is never
    more than what was left when the request went out. Headers that drip in byte by byte escape it:
    httpx gives no hook between them, so there the function's own time-out is the last word.
    """
    name = f"{request.method} {place(request.url)}"
    request.extensions = {**request.extensions, "timeout": _timeouts(name, deadline)}
    try:
        response = client.send(request, stream=True, auth=None, follow_redirects=False)
        with closing(response):
            body = _read(response, name, deadline, limit)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        # Not only HTTPError: httpx works out the next URL of a redirect that it is not to follow.
        raise UnavailableError(f"{name}: {type(error).__name__}") from None
    return Answer(name, request.url, response.status_code, response.headers, body)


def is_bearer(value: object) -> TypeGuard[str]:
    """Tell whether a header can hold this token; httpx would quote any other in its error."""
    return isinstance(value, str) and _BEARER.fullmatch(value) is not None


def retry_after(headers: httpx.Headers, now: float) -> float | None:
    """Read Retry-After, seconds or HTTP date, as seconds from `now` (epoch); None if unreadable."""
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    # "-0000" gives a date without a zone: HTTP dates are UTC.
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - now)


def _timeouts(name: str, deadline: Deadline) -> dict[str, float | None]:
    left = deadline.left()
    if left <= 0:
        raise UnavailableError(f"{name}: not asked, its time was over")
    read = min(READ_SECONDS, left)
    return httpx.Timeout(read, connect=min(CONNECT_SECONDS, left)).as_dict()


def _read(response: httpx.Response, name: str, deadline: Deadline, limit: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > limit:
            raise UnavailableError(f"{name}: answers with more than {limit} bytes")
        if deadline.left() <= 0:
            raise UnavailableError(f"{name}: did not finish its answer in time")
    return bytes(body)
