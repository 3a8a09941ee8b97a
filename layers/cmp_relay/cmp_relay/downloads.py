"""Files of CMP's file hosts, as streams that are never held whole.

No token and no cookie goes to these hosts. A file's URL may hold a token of its own, so nothing
here tells more of a URL than origin and path.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import httpx

from cmp_relay.errors import (
    CmpRelayError,
    FileDeniedError,
    FileLengthError,
    FileMissingError,
    FileTooLargeError,
    FileTypeError,
    RateLimitedError,
    RequestRefusedError,
    UnavailableError,
)
from cmp_relay.exchanges import retry_after
from cmp_relay.origins import place

if TYPE_CHECKING:
    from cmp_relay.origins import FileOrigins

TIMEOUT = httpx.Timeout(10, connect=5)
UNKNOWN_TYPE = "application/octet-stream"
"""What a host says that does not know what it sends."""

_UNTOLD_TYPES = frozenset({UNKNOWN_TYPE, "binary/octet-stream"})
# What error and login pages are, whatever their status.
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_TYPE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+")
# What comes back in a header of ours, so that only what one can hold is taken.
_STRONG_ETAG = re.compile(r'"[!#-~]{0,200}"')
_DATE = re.compile(r"[ -~]{1,40}")
_LENGTH = re.compile(r"[0-9]{1,18}")
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18})")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 3
_ERRORS: dict[int, type[CmpRelayError]] = {
    401: FileDeniedError,
    403: FileDeniedError,
    404: FileMissingError,
    410: FileMissingError,
}


@dataclass(frozen=True, slots=True)
class Download:
    """A file on its way; `name` is method, origin and path of its request.

    `size` is that of the whole file, None if the host does not tell. `start` is the first byte that
    comes: 0 if the host sends all though the rest was asked for. `validator` is what a request for
    the rest has to name, None if the host has nothing that tells a changed file.
    """

    name: str
    mime_type: str
    size: int | None
    start: int
    validator: str | None
    largest: int
    body: Iterable[bytes] = field(repr=False)
    hang_up: Callable[[], object] = field(repr=False)

    def __enter__(self) -> Self:
        """Use the download until the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up, wherever the file stands."""
        self.hang_up()

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes; raises UnavailableError if they end early, FileTooLargeError."""
        end = self.start
        try:
            for chunk in self.body:
                end += len(chunk)
                if end > self.largest:
                    raise _too_large(self.name, self.largest)
                yield chunk
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise UnavailableError(f"{self.name}: {type(error).__name__}") from None
        if self.size not in {None, end}:
            raise UnavailableError(f"{self.name}: ended after {end} of {self.size} bytes")


class Downloads:
    """The file hosts, asked through one client for files of at most `largest` bytes."""

    def __init__(self, client: httpx.Client, origins: "FileOrigins", largest: int) -> None:
        """Keep the parts."""
        self._client = client
        self._origins = origins
        self._largest = largest

    def open(self, source_url: str, *, start: int = 0, validator: str | None = None) -> Download:
        """Begin a download, at `start` if the file is still what `validator` stands for.

        Raises UntrustedLinkError before anything is sent, else what the status says.
        """
        url = self._origins.trusted(source_url)
        start = start if validator else 0
        response = self._follow(url, _rest(start, validator))
        if start and not _is_usable(response, start, validator):
            # A host that does not know If-Range, and a file that is another by now.
            response.close()
            start, response = 0, self._follow(url, {})
        try:
            return self._download(response, start)
        except CmpRelayError:
            response.close()
            raise

    def _follow(self, url: httpx.URL, headers: Mapping[str, str]) -> httpx.Response:
        for _ in range(_MOST_REDIRECTS + 1):
            response = self._ask(url, headers)
            if response.status_code not in _REDIRECTS:
                return response
            response.close()
            url = self._target(response)
        raise UnavailableError(f"{_name(response)}: redirects too often")

    def _ask(self, url: httpx.URL, headers: Mapping[str, str]) -> httpx.Response:
        request = self._client.build_request(
            "GET",
            url,
            # Encoded bytes could not be counted against what CMP announced.
            headers={"Accept": "*/*", "Accept-Encoding": "identity", **headers},
            timeout=TIMEOUT,
        )
        try:
            return self._client.send(request, stream=True, auth=None, follow_redirects=False)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise UnavailableError(f"GET {place(url)}: {type(error).__name__}") from None

    def _target(self, response: httpx.Response) -> httpx.URL:
        # httpx has read it already, and refused what is no URL.
        target = response.url.join(response.headers.get("location", ""))
        return self._origins.trusted(str(target))

    def _download(self, response: httpx.Response, start: int) -> Download:
        name = _name(response)
        _raise_for(response, name, start)
        size = _size(response)
        if size is not None and size > self._largest:
            raise _too_large(name, self._largest)
        return Download(
            name=name,
            mime_type=_mime_type(response.headers),
            size=size,
            start=start if response.status_code == 206 else 0,
            validator=_validator(response.headers),
            largest=self._largest,
            body=response.iter_raw(),
            hang_up=response.close,
        )


def check_type(announced: str | None, got: str) -> None:
    """Refuse what is of another kind than CMP announced; raises FileTypeError.

    Pictures and videos have to be such, whatever their format. A page comes instead of a file when
    somebody has to log in, so it has to be announced as one.
    """
    if got in _UNTOLD_TYPES:
        return
    expected = (announced or "").partition(";")[0].strip().lower()
    kind = expected.partition("/")[0]
    is_other_kind = kind in {"image", "video"} and not got.startswith(f"{kind}/")
    if is_other_kind or (got in _PAGES and got != expected):
        raise FileTypeError(f"{got} came, {expected or 'no type'} was announced")


def check_size(announced: int | None, got: int | None) -> None:
    """Refuse a length that CMP did not announce, if both are known; raises FileLengthError."""
    if None not in {announced, got} and announced != got:
        raise FileLengthError(f"{got} bytes came, {announced} were announced")


def _name(response: httpx.Response) -> str:
    return f"GET {place(response.request.url)}"


def _too_large(name: str, largest: int) -> FileTooLargeError:
    return FileTooLargeError(f"{name}: more than {largest} bytes")


def _rest(start: int, validator: str | None) -> dict[str, str]:
    return {"Range": f"bytes={start}-", "If-Range": validator} if start and validator else {}


def _is_usable(response: httpx.Response, start: int, validator: str | None) -> bool:
    """Tell whether a 206 is the rest of what was begun; 416 never is, other answers stand."""
    if response.status_code != 206:
        return response.status_code != 416
    told = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
    is_same = _validator(response.headers) in {None, validator}
    return told is not None and int(told[1]) == start and is_same


def _raise_for(response: httpx.Response, name: str, start: int) -> None:
    status = response.status_code
    message = f"{name}: {status}"
    if status == 429:
        raise RateLimitedError(message, retry_after=retry_after(response.headers, time.time()))
    if status in _ERRORS:
        raise _ERRORS[status](message)
    if 400 <= status < 500 and status != 408:
        raise RequestRefusedError(message, status=status)
    if status != 200 and not (status == 206 and start):
        raise UnavailableError(message, status=status)
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnavailableError(f"{name}: encoded, though not asked to be", status=status)


def _size(response: httpx.Response) -> int | None:
    told = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
    if told and response.status_code == 206:
        return int(told[2])
    length = response.headers.get("content-length", "")
    return int(length) if _LENGTH.fullmatch(length) else None


def _mime_type(headers: httpx.Headers) -> str:
    told = headers.get("content-type", "").partition(";")[0].strip().lower()
    return told if _TYPE.fullmatch(told) else UNKNOWN_TYPE


def _validator(headers: httpx.Headers) -> str | None:
    etag: str = headers.get("etag", "")
    modified: str = headers.get("last-modified", "")
    if _STRONG_ETAG.fullmatch(etag):
        return etag
    return modified if _DATE.fullmatch(modified) else None
