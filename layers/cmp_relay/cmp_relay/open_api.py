"""CMP's Open API as the workers use it: resources by the links that CMP gave.

The bearer token goes to trusted origins alone: each URL, also each redirect's, passes
`Origins.trusted` before a request to it exists. `_send` is the only place where requests go out,
each at the moment that its gate gives it.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar
from urllib.parse import quote

import httpx

from cmp_relay.errors import (
    ApiError,
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
from cmp_relay.exchanges import Answer, Deadline, exchange, retry_after
from cmp_relay.forms import Form

if TYPE_CHECKING:
    from cmp_relay.origins import Origins
    from cmp_relay.tokens import Token

_QUERY = re.compile(r"\?\S*")
_LONGEST_WORDS = 200
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


Prepared = TypeVar("Prepared")
Body = Mapping[str, object] | Sequence[object] | None


class Ask(NamedTuple):
    """What goes to a URL."""

    url: httpx.URL
    method: str = "GET"
    body: Body = None
    form: Form | None = None


class Tokens(Protocol):
    """Where tokens come from: `tokens.TokenSource`, or `client_tokens.ClientTokens`."""

    def current(self) -> "Token":
        """Return a token that has not expired."""

    def replace(self, failed: "Token") -> "Token":
        """Return another token than the one that CMP refused."""


class Gate(Protocol):
    """What every request passes before it goes out, and its answer after (`permits.Permit`)."""

    def take(self, prepare: Callable[[], Prepared], probe: Callable[[], bool]) -> Prepared:
        """Return what `prepare` returns at the moment at which a request may go out."""

    def answered(self) -> None:
        """Hear that CMP answered."""

    def throttled(self, retry_after: float | None) -> None:
        """Hear of a 429; raises whatever shall keep the request for later."""

    def failed(self) -> None:
        """Hear of a 5xx or a time-out; raises whatever shall keep the request for later."""


class OpenGate:
    """The gate of those who share no budget."""

    def take(self, prepare: Callable[[], Prepared], probe: Callable[[], bool]) -> Prepared:
        """Let every request go out at once."""
        return prepare()

    def answered(self) -> None:
        """Draw no conclusions."""

    def throttled(self, retry_after: float | None) -> None:
        """Draw no conclusions."""

    def failed(self) -> None:
        """Draw no conclusions."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where an asset lives: its link, and `library`, `task` or whatever CMP says one day."""

    href: str
    place: str


class OpenApi:
    """The Open API, asked with the cached token; `base` is its address with the version.

    Every call raises UntrustedLinkError before anything is sent, else the error of the status, or
    what `Tokens` raise. `request_seconds` bounds a call with its redirects and second try.
    """

    def __init__(
        self,
        client: httpx.Client,
        tokens: Tokens,
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
        self._gate: Gate = OpenGate()

    def behind(self, gate: Gate) -> "OpenApi":
        """Return the same Open API with its requests behind a gate."""
        gated = copy(self)
        gated._gate = gate
        return gated

    def get(self, href: str) -> Mapping[str, object]:
        """Return the resource at a link that CMP gave, which is used as it is."""
        deadline = Deadline(self._request_seconds, self._now)
        url = self._origins.trusted(href)
        for _ in range(_MOST_REDIRECTS + 1):
            answer = self._ask(Ask(url), deadline)
            if answer.status not in _REDIRECTS:
                return _object(answer)
            url = self._target(answer)
        raise UnavailableError(f"{answer.name}: redirects too often", status=answer.status)

    def locate(self, asset_id: str) -> Location:
        """Find where an asset lives now (GET /asset-urls/{id}); raises NotFoundError if nowhere."""
        # An id is no path: dots are quoted too, else httpx would resolve "..".
        quoted = quote(asset_id, safe="").replace(".", "%2E")
        url = self._origins.trusted(f"{self._base}/asset-urls/{quoted}")
        answer = self._ask(Ask(url), Deadline(self._request_seconds, self._now))
        if answer.status not in _REDIRECTS:
            raise UnavailableError(f"{answer.name}: no redirect", status=answer.status)
        where = answer.headers.get("x-resource-location", "")
        return Location(str(self._target(answer)), where)

    def file_urls(self, guids: Sequence[str]) -> Mapping[str, str]:
        """Return the download URLs of those file guids that CMP knows (POST /file-urls).

        Those of private files hold a token: they are not to be logged or stored.
        """
        url = self._origins.trusted(f"{self._base}/file-urls")
        ask = Ask(url, "POST", {"guids": list(guids)})
        answer = self._ask(ask, Deadline(self._request_seconds, self._now))
        urls = _object(answer).get("urls")
        if not isinstance(urls, dict):
            raise UnavailableError(f"{answer.name}: no urls", status=answer.status)
        return {guid: found for guid, found in urls.items() if isinstance(found, str) and found}

    def tell(self, method: str, href: str, body: Body = None) -> Mapping[str, object]:
        """Write to a link (POST, PATCH, PUT) and return what CMP answers, {} if that is nothing.

        UnavailableError leaves open whether CMP has done it. A redirect is never followed: what it
        leads to is not what was to be written.
        """
        ask = Ask(self._origins.trusted(href), method, body)
        return self._write(ask, self._request_seconds)

    def submit(self, href: str, form: Form, seconds: float) -> Mapping[str, object]:
        """POST a form with a file to a link, as `tell` does, within so many seconds."""
        return self._write(Ask(self._origins.trusted(href), "POST", form=form), seconds)

    def _write(self, ask: Ask, seconds: float) -> Mapping[str, object]:
        answer = self._ask(ask, Deadline(seconds, self._now))
        if answer.status in _REDIRECTS:
            raise UnavailableError(f"{answer.name}: redirects", status=answer.status)
        return _object(answer) if answer.body else {}

    def _ask(self, ask: Ask, deadline: Deadline) -> Answer:
        token, answer = self._send(ask, self._tokens.current, deadline)
        for _ in range(_MOST_REPLACEMENTS):
            if answer.status == 401:
                token, answer = self._send(ask, partial(self._replace, token), deadline)
        _raise_for(answer, token)
        return answer

    def _send(
        self, ask: Ask, get_token: Callable[[], "Token"], deadline: Deadline
    ) -> tuple["Token", Answer]:
        was_in_time = deadline.left() > 0
        token = self._gate.take(get_token, self._answers)
        if was_in_time and deadline.left() <= 0:
            # Our own slowness is none of CMP's failures.
            raise PostponedError("the moment came when its time was over", delay=1)
        try:
            answer = self._exchange(ask, token, deadline)
        except UnavailableError:
            self._gate.failed()
            raise
        if answer.status == 429:
            self._gate.throttled(retry_after(answer.headers, time.time()))
        elif _is_unavailable(answer.status) or _is_broken(ask, answer):
            self._gate.failed()
        else:
            self._gate.answered()
        return token, answer

    def _replace(self, refused: "Token") -> "Token":
        """Return another token; raises UnauthorizedError if CMP refuses them for this URL alone."""
        try:
            return self._tokens.replace(refused)
        except CredentialsError:
            if self._answers():
                raise UnauthorizedError("refused, though the token is good", status=401) from None
            raise

    def _answers(self) -> bool:
        """Tell whether CMP has a token for us and answers, by the smallest question that it has.

        Not by the job's own: that one may be the only request that fails.
        """
        url = self._origins.trusted(f"{self._base}/assets?page_size=1")
        try:
            token = self._tokens.current()
            answer = self._exchange(Ask(url), token, Deadline(self._request_seconds, self._now))
            if answer.status == 401:
                self._tokens.replace(token)
        except (PostponedError, UnavailableError):
            return False
        return not _is_unavailable(answer.status)

    def _exchange(self, ask: Ask, token: "Token", deadline: Deadline) -> Answer:
        headers = {"Authorization": f"Bearer {token.value}"}
        client = self._client
        if ask.form:
            return exchange(client, ask.form.request(client, ask.url, headers), deadline)
        request = client.build_request(ask.method, ask.url, headers=headers, json=ask.body)
        return exchange(client, request, deadline)

    def _target(self, answer: Answer) -> httpx.URL:
        if "location" not in answer.headers:
            raise UnavailableError(f"{answer.name}: redirects nowhere", status=answer.status)
        try:
            target = answer.url.join(answer.headers["location"])
        except (httpx.InvalidURL, ValueError):
            raise UntrustedLinkError(f"{answer.name}: redirects to no URL") from None
        return self._origins.trusted(str(target))


def _is_broken(ask: Ask, answer: Answer) -> bool:
    """Tell whether a success holds no JSON object, as a page about maintenance does not."""
    silent = ask.method != "GET" and not answer.body
    return 200 <= answer.status < 300 and not silent and answer.object() is None


def _is_unavailable(status: int) -> bool:
    return status >= 500 or status == 408


def _raise_for(answer: Answer, token: "Token") -> None:
    status = answer.status
    if status < 400:
        return
    message = f"{answer.name}: {status}"
    if status == 429:
        raise RateLimitedError(message, retry_after=retry_after(answer.headers, time.time()))
    kind = UnavailableError if status >= 500 else _ERRORS.get(status, RequestRefusedError)
    if kind is RequestRefusedError:
        message = f"{message}{_words(answer, token)}"
    raise kind(message, status=status)


def _words(answer: Answer, token: "Token") -> str:
    """Return what CMP says of a request that it refuses, without a URL's query and our token."""
    said = (answer.object() or {}).get("message")
    if not isinstance(said, str) or not said:
        return ""
    return f" {_QUERY.sub('', said.replace(token.value, '…'))[:_LONGEST_WORDS]!r}"


def _object(answer: Answer) -> Mapping[str, object]:
    content = answer.object()
    if content is None:
        raise UnavailableError(f"{answer.name}: not a JSON object", status=answer.status)
    return content
