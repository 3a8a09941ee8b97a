import re

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay.errors import SettingsError, UntrustedLinkError
from cmp_relay.origins import FileOrigins, Origins, is_private, place

LISTED = ("https://api.cmp.optimizely.com", "http://127.0.0.1:8000")
ORIGINS = Origins.parse(LISTED)

FILE_LISTED = (
    "https://images.cmp.optimizely.com",
    "https://*.files.cmp.optimizely.com",
    "http://127.0.0.1:8000",
)
FILE_ORIGINS = FileOrigins.parse(FILE_LISTED)

PIECES = st.sampled_from(
    [
        *("https", "http", "HTTPS", "ftp", "//", "://", "/", "\\", "@", ":", ".", "?", "#", "%"),
        *("api.cmp.optimizely.com", "API.CMP.Optimizely.COM", "127.0.0.1", ":8000", ":443", "."),
        *("images.cmp.optimizely.com", ".files.cmp.optimizely.com", "a", "A", "-", "_", "*"),
        *(
            "evil.com",
            "xn--a-ecp",
            "%2e",
            "%40",
            "。",
            "\uff20",
            "\u0430",
            "\t",
            " ",
            "[::1]",
            "0",
            "",
            "/v3/x",
        ),
    ]
)


@pytest.mark.parametrize(
    "href",
    [
        "https://api.cmp.optimizely.com/v3/articles/1?key=x#y",
        "HTTPS://API.cmp.Optimizely.COM:443/v3",
        "https://api.cmp.optimizely.com",
        "http://127.0.0.1:8000/v3",
    ],
)
def test_trusts_listed_origins(href: str) -> None:
    assert ORIGINS.trusted(href) == httpx.URL(href)


@pytest.mark.parametrize(
    "href",
    [
        "http://api.cmp.optimizely.com/v3",
        "https://api.cmp.optimizely.com:8443/v3",
        "https://api.cmp.optimizely.com.evil.com/v3",
        "https://api.cmp.optimizely.com@evil.com/v3",
        "https://user@api.cmp.optimizely.com/v3",
        "https://:pass@api.cmp.optimizely.com/v3",
        "https://api.cmp.optimizely.com\\@evil.com/v3",
        "https://evil.com\\@api.cmp.optimizely.com/v3",
        "https://api.cmp.optimizely.com./v3",
        "https://api.cmp.optimizely.com%2eevil.com/v3",
        "https://api.cmp.optimizely.com\t/v3",
        " https://api.cmp.optimizely.com/v3",
        "https://\u0430pi.cmp.optimizely.com/v3",
        "https://xn--a-ecp.ru/v3",
        "https://evil.com/?https://api.cmp.optimizely.com",
        "//api.cmp.optimizely.com/v3",
        "https:api.cmp.optimizely.com/v3",
        "https:///v3",
        "ftp://api.cmp.optimizely.com/v3",
        "javascript:alert(1)",
        "https://127.0.0.1:8000/v3",
        "http://127.0.0.1/v3",
        "http://127.0.0.1:0/v3",
        "http://localhost:8000/v3",
        "/v3/articles/1",
        "",
    ],
)
def test_trusts_nothing_that_only_looks_like_them(href: str) -> None:
    with pytest.raises(UntrustedLinkError):
        ORIGINS.trusted(href)


@given(st.sampled_from(["", *LISTED]), st.lists(PIECES, max_size=9).map("".join))
def test_whatever_is_trusted_goes_to_a_listed_host(start: str, rest: str) -> None:
    try:
        request = httpx.Request("GET", ORIGINS.trusted(start + rest))
    except UntrustedLinkError:
        return

    sent_to = f"{request.url.scheme}://{request.headers['Host']}"
    assert sent_to in LISTED
    assert re.match(rf"{re.escape(sent_to)}([/?#]|$)", str(request.url))
    assert not request.url.userinfo


@given(st.sampled_from(LISTED), st.text(alphabet=st.characters(codec="ascii"), max_size=30))
def test_what_is_put_behind_a_host_never_lends_it_trust(origin: str, tail: str) -> None:
    href = f"https://evil.com/{tail}{origin}"

    with pytest.raises(UntrustedLinkError):
        ORIGINS.trusted(href)


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "api.cmp.optimizely.com",
        "http://api.cmp.optimizely.com",
        "http://128.0.0.1:8000",
        "http://127.1:8000",
        "http://[::ffff:127.0.0.1]:8000",
        "https://*.optimizely.com",
        "https://api.cmp.optimizely.com.",
        "https://api.cmp.optimizely.com/v3",
        "https://api.cmp.optimizely.com?x=1",
        "https://api.cmp.optimizely.com#x",
        "https://user@api.cmp.optimizely.com",
        "https://@api.cmp.optimizely.com",
        "https://api.cmp.optimizely.com:0",
        "https://api.cmp.optimizely.com:65536",
        "https://api.cmp.optimizely.com:x",
        "https://",
        "ftp://api.cmp.optimizely.com",
    ],
)
def test_refuses_a_list_with_anything_but_private_origins(entry: str) -> None:
    with pytest.raises(SettingsError, match=r"no usable origin at 2$"):
        Origins.parse(("https://api.cmp.optimizely.com", entry))


def test_refuses_an_empty_list() -> None:
    with pytest.raises(SettingsError):
        Origins.parse(())


@pytest.mark.parametrize(
    "entry", ["http://[::1]:8000", "http://localhost", "https://[2001:db8::1]/"]
)
def test_lists_addresses_and_this_machine(entry: str) -> None:
    assert Origins.parse((entry,)).allows(httpx.URL(entry).join("/v3"))


def test_names_a_place_without_userinfo_and_query() -> None:
    url = httpx.URL("https://user:password@evil.com:8443/a%20b?key=value#part")

    assert place(url) == "https://evil.com:8443/a%20b"


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://accounts.cmp.optimizely.com/token", True),
        ("http://127.8.9.1/token", True),
        ("http://accounts.cmp.optimizely.com/token", False),
        ("https:///token", False),
        ("ftp://127.0.0.1/token", False),
    ],
)
def test_tells_what_stays_private(url: str, private: bool) -> None:
    assert is_private(httpx.URL(url)) is private


@pytest.mark.parametrize(
    ("href", "fetched"),
    [
        ("https://images.cmp.optimizely.com/a==?token=x", None),
        (
            "http://images.cmp.optimizely.com/a==?token=x",
            "https://images.cmp.optimizely.com/a==?token=x",
        ),
        ("http://images.cmp.optimizely.com:80/a", "https://images.cmp.optimizely.com/a"),
        ("HTTP://Images.CMP.optimizely.com/a", "https://images.cmp.optimizely.com/a"),
        ("https://ohclbk.files.cmp.optimizely.com/download/1", None),
        ("http://OHCLBK.files.cmp.optimizely.com/1", "https://ohclbk.files.cmp.optimizely.com/1"),
        ("https://a.b-c.files.cmp.optimizely.com/1", None),
        ("http://127.0.0.1:8000/a", None),
    ],
)
def test_fetches_files_from_listed_hosts_over_https(href: str, fetched: str | None) -> None:
    assert FILE_ORIGINS.trusted(href) == httpx.URL(fetched or href)


@pytest.mark.parametrize(
    "href",
    [
        "https://files.cmp.optimizely.com/1",
        "https://evilfiles.cmp.optimizely.com/1",
        "https://x.files.cmp.optimizely.com.evil.com/1",
        "https://x.files.cmp.optimizely.com./1",
        "https://.files.cmp.optimizely.com/1",
        "https://-.files.cmp.optimizely.com/1",
        "https://*.files.cmp.optimizely.com/1",
        "https://x..files.cmp.optimizely.com/1",
        "https://x_y.files.cmp.optimizely.com/1",
        "https://evil.com%2f.files.cmp.optimizely.com/1",
        "https://evil.com\\.files.cmp.optimizely.com/1",
        "https://evil.com?.files.cmp.optimizely.com/1",
        "https://evil.com#.files.cmp.optimizely.com/1",
        "https://evil.com/.files.cmp.optimizely.com/1",
        "https://x.files.cmp.optimizely.com@evil.com/1",
        "https://evil.com@x.files.cmp.optimizely.com/1",
        "http://evil.com@images.cmp.optimizely.com/1",
        "https://x.files.cmp.optimizely.com:8443/1",
        "http://images.cmp.optimizely.com:8080/1",
        "http://127.0.0.1/a",
        "http://127.0.0.1:8001/a",
        "http://x.127.0.0.1:8000/a",
        "https://127.0.0.1:8000/a",
        "http://localhost:8000/a",
        "http://[::1]:8000/a",
        "ftp://images.cmp.optimizely.com/1",
        "//images.cmp.optimizely.com/1",
        "http:images.cmp.optimizely.com/1",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "",
    ],
)
def test_fetches_no_file_from_what_only_looks_listed(href: str) -> None:
    with pytest.raises(UntrustedLinkError):
        FILE_ORIGINS.trusted(href)


@given(st.sampled_from(["", "https://", *FILE_LISTED]), st.lists(PIECES, max_size=9).map("".join))
def test_whatever_file_is_fetched_comes_from_a_listed_host(start: str, rest: str) -> None:
    try:
        request = httpx.Request("GET", FILE_ORIGINS.trusted(start + rest))
    except UntrustedLinkError:
        return

    sent_to = f"{request.url.scheme}://{request.headers['Host']}"
    assert re.fullmatch(
        r"http://127\.0\.0\.1:8000|https://(images|([a-z0-9-]+\.)+files)\.cmp\.optimizely\.com",
        sent_to,
    )
    assert re.match(rf"{re.escape(sent_to)}([/?#]|$)", str(request.url))
    assert not request.url.userinfo


@pytest.mark.parametrize(
    "entry",
    [
        "https://*",
        "https://*.",
        "https://*.com",
        "https://*.*.cmp.optimizely.com",
        "https://*files.cmp.optimizely.com",
        "https://a.*.cmp.optimizely.com",
        "https://*.files.cmp.optimizely.com/x",
        "https://*.x@files.cmp.optimizely.com",
        "https://*.127.0.0.1",
        "https://*.[::1]",
        "http://*.files.cmp.optimizely.com",
        "http://*.localhost:8000",
        "http://*.127.0.0.1:8000",
        "*.files.cmp.optimizely.com",
    ],
)
def test_lists_nothing_below_less_than_a_domain(entry: str) -> None:
    with pytest.raises(SettingsError, match=r"^FILE_ORIGINS: no usable origin at 2$"):
        FileOrigins.parse(("https://images.cmp.optimizely.com", entry))
