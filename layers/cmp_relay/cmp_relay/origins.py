"""The origins that may receive CMP's token, or are asked for files: the only test of a link.

httpx.URL is the one parser: what is compared here is what httpx connects to. A second parser that
reads a crafted link differently could wave through a host that is then not the one reached.
"""

import re
from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network
from typing import Self, TypeVar

import httpx

from cmp_relay.errors import SettingsError, UntrustedLinkError

Origin = tuple[str, str, int]
Listed = TypeVar("Listed")

_PORTS = {"https": 443, "http": 80}
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:]+")
_NAME = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?")
_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class Origins:
    """A list of origins: scheme, host and port, each compared exactly."""

    def __init__(self, origins: frozenset[Origin]) -> None:
        """Keep the origins."""
        self._origins = origins

    @classmethod
    def parse(cls, listed: Iterable[str]) -> Self:
        """Read origins such as `https://api.example.com`; raises SettingsError naming bad places.

        Plain http is taken for loopback addresses alone: the local stack has no certificates.
        """
        return cls(frozenset(_usable("CMP_API_ORIGINS", listed, _listed_origin)))

    def allows(self, url: httpx.URL) -> bool:
        """Tell whether a request to this URL may carry the token."""
        return _origin(url) in self._origins

    def trusted(self, href: str) -> httpx.URL:
        """Return the link as the URL that httpx will send to; raises UntrustedLinkError."""
        url = _url(href)
        if not self.allows(url):
            raise _untrusted(url)
        return url


class FileOrigins:
    """The origins that files are fetched from, or sent to: exact ones, and all hosts below a name.

    `https://*.files.example.com` lists those below; the name itself is listed on its own.
    """

    def __init__(self, exact: frozenset[Origin], below: frozenset[Origin]) -> None:
        """Keep the origins; the hosts of `below` stand for what ends in a dot and them."""
        self._exact = exact
        self._below = below

    @classmethod
    def parse(cls, listed: Iterable[str], variable: str = "FILE_ORIGINS") -> Self:
        """Read origins, each exact or with `*.` before its host; raises SettingsError."""
        found = _usable(variable, listed, _listed_files)
        return cls(
            frozenset(origin for origin, is_below in found if not is_below),
            frozenset(origin for origin, is_below in found if is_below),
        )

    def trusted(self, href: str) -> httpx.URL:
        """Return the URL that a file is fetched from; raises UntrustedLinkError.

        CMP's own examples say `http://` for hosts that have https: what is listed decides.
        """
        url = _url(href)
        if url.scheme == "http" and not self._allows(url):
            url = url.copy_with(scheme="https")
        if not self._allows(url):
            raise _untrusted(url)
        return url

    def _allows(self, url: httpx.URL) -> bool:
        origin = _origin(url)
        if origin is None:
            return False
        if origin in self._exact:
            return True
        scheme, host, port = origin
        return bool(_NAME.fullmatch(host)) and any(
            (scheme, port) == (listed[0], listed[2]) and host.endswith(f".{listed[1]}")
            for listed in self._below
        )


def place(url: httpx.URL) -> str:
    """Name a URL by origin and path: without userinfo and query, which can hold secrets."""
    path = url.raw_path.partition(b"?")[0].decode("ascii")
    return f"{url.scheme}://{url.netloc.decode('ascii')}{path}"


def is_private(url: httpx.URL) -> bool:
    """Tell whether what is sent to this URL stays private: https, or http on this machine alone."""
    if url.scheme == "http":
        return _is_loopback(_host(url))
    return url.scheme == "https" and bool(_host(url))


def _url(href: str) -> httpx.URL:
    try:
        return httpx.URL(href)
    except httpx.InvalidURL:
        raise UntrustedLinkError("a link that is not a URL") from None


def _untrusted(url: httpx.URL) -> UntrustedLinkError:
    # Its path is no business of ours, and may hold a token of somebody else.
    elsewhere = f"{url.scheme}://{url.netloc.decode('ascii')}"
    return UntrustedLinkError(f"{elsewhere} is outside the trusted origins")


def _origin(url: httpx.URL) -> Origin | None:
    if url.userinfo or not _host(url) or url.scheme not in _PORTS:
        return None
    port = _PORTS[url.scheme] if url.port is None else url.port
    return (url.scheme, _host(url), port)


def _host(url: httpx.URL) -> str:
    # As it goes over the wire; `url.host` decodes IDN for readers and raises on some names.
    return url.raw_host.decode("ascii")


def _usable(
    variable: str, listed: Iterable[str], read: Callable[[str], Listed | None]
) -> list[Listed]:
    found = [read(entry) for entry in listed]
    bad = [str(place) for place, origin in enumerate(found, start=1) if origin is None]
    if bad or not found:
        raise SettingsError(f"{variable}: no usable origin at {', '.join(bad) or 'all'}")
    return [origin for origin in found if origin is not None]


def _listed_files(entry: str) -> tuple[Origin, bool] | None:
    scheme, wildcard, name = entry.partition("://*.")
    origin = _listed_origin(f"{scheme}://{name}" if wildcard else entry)
    # All hosts below `com`, or below an address, are nobody's list.
    if origin is None or (wildcard and not _NAME.fullmatch(origin[1])):
        return None
    return origin, bool(wildcard)


def _listed_origin(entry: str) -> Origin | None:
    try:
        url = httpx.URL(entry)
    except httpx.InvalidURL:
        return None
    bare = url.raw_path == b"/" and not url.fragment and "@" not in entry
    plain_host = _HOST.fullmatch(_host(url))
    valid_port = url.port is None or 0 < url.port < 65536
    return _origin(url) if bare and plain_host and valid_port and is_private(url) else None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in _LOOPBACK)
