import logging
from collections.abc import Callable, Iterator
from itertools import repeat

import httpx
import pytest

from cmp_relay.downloads import Download, Downloads, check_size, check_type
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
    UntrustedLinkError,
)
from cmp_relay.exchanges import build_client
from cmp_relay.origins import FileOrigins
from tests.support.file_server import FileServer, Reply, a_file, file_server

CONTENT = bytes(range(256)) * 1000
SECRET = "planted"  # noqa: S105  # what no text may hold


@pytest.fixture
def host() -> Iterator[FileServer]:
    with file_server() as server:
        yield server


@pytest.fixture
def downloads(host: FileServer) -> Iterator[Downloads]:
    with build_client() as client:
        yield Downloads(client, FileOrigins.parse((host.url,)), 1_000_000)


def whole(download: Download) -> bytes:
    with download:
        return b"".join(download.chunks())


def rest(downloads: Downloads, host: FileServer, start: int = 1000) -> tuple[int, bytes]:
    with downloads.open(f"{host.url}/f", start=start, validator='"1"') as download:
        return download.start, b"".join(download.chunks())


def test_streams_a_file_and_tells_what_the_host_tells(
    host: FileServer, downloads: Downloads
) -> None:
    host.reply = a_file(CONTENT, "Video/MP4; codecs=x")

    download = downloads.open(f"{host.url}/f")

    assert (download.mime_type, download.size, download.start) == ("video/mp4", len(CONTENT), 0)
    assert download.validator == '"1"'
    assert whole(download) == CONTENT


def test_brings_nothing_along(host: FileServer, downloads: Downloads) -> None:
    host.reply = lambda _: Reply(headers={"Set-Cookie": "session=1", "Content-Length": "0"})

    for _ in range(2):
        whole(downloads.open(f"{host.url}/f?token=x"))

    assert [asked.path for asked in host.asked] == ["/f?token=x"] * 2
    assert not {"authorization", "cookie"} & host.asked[1].headers.keys()
    assert host.asked[0].headers["accept-encoding"] == "identity"
    assert "range" not in host.asked[0].headers


def test_goes_on_where_a_download_stopped(host: FileServer, downloads: Downloads) -> None:
    host.reply = a_file(CONTENT)

    download = downloads.open(f"{host.url}/f", start=1000, validator='"1"')

    assert (download.start, download.size) == (1000, len(CONTENT))
    assert whole(download) == CONTENT[1000:]
    assert host.asked[0].headers["if-range"] == '"1"'


def test_begins_anew_if_the_file_has_changed(host: FileServer, downloads: Downloads) -> None:
    host.reply = a_file(CONTENT, etag='"2"')

    assert rest(downloads, host) == (0, CONTENT)
    assert len(host.asked) == 1


def test_begins_anew_if_nothing_tells_a_changed_file(
    host: FileServer, downloads: Downloads
) -> None:
    host.reply = a_file(CONTENT)

    with downloads.open(f"{host.url}/f", start=1000, validator=None) as download:
        assert download.start == 0


@pytest.mark.parametrize(
    "wrong",
    [
        Reply(206, {"ETag": '"2"', "Content-Range": "bytes 1000-1003/1004"}, [b"else"]),
        Reply(206, {"ETag": '"1"', "Content-Range": "bytes 0-3/4"}, [b"else"]),
        Reply(206, {"ETag": '"1"', "Content-Range": "bytes 1000-1003/*"}, [b"else"]),
        Reply(206, {"ETag": '"1"'}, [b"else"]),
        Reply(416),
    ],
)
def test_asks_for_the_whole_if_the_rest_is_another_files(
    wrong: Reply, host: FileServer, downloads: Downloads
) -> None:
    host.reply = lambda asked: wrong if "range" in asked.headers else a_file(CONTENT)(asked)

    assert rest(downloads, host) == (0, CONTENT)


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"ETag": '"1"', "Last-Modified": "then"}, '"1"'),
        ({"ETag": 'W/"1"', "Last-Modified": "then"}, "then"),
        ({"ETag": 'W/"1"'}, None),
        ({"ETag": '"\u00e4"', "Last-Modified": "\u00e4"}, None),
        ({"ETag": '"' + "1" * 201 + '"', "Last-Modified": "1" * 41}, None),
    ],
)
def test_takes_for_a_validator_only_what_is_one(
    headers: dict[str, str], validator: str | None, host: FileServer, downloads: Downloads
) -> None:
    host.reply = lambda _: Reply(headers=headers)

    with downloads.open(f"{host.url}/f") as download:
        assert download.validator == validator


@pytest.mark.parametrize(
    ("told", "taken"),
    [
        ("image/svg+xml;charset=utf-8", "image/svg+xml"),
        ("", "application/octet-stream"),
        ("nonsense", "application/octet-stream"),
        ("a/b c", "application/octet-stream"),
    ],
)
def test_takes_no_type_that_is_none(
    told: str, taken: str, host: FileServer, downloads: Downloads
) -> None:
    host.reply = lambda _: Reply(headers={"Content-Type": told})

    with downloads.open(f"{host.url}/f") as download:
        assert download.mime_type == taken


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, FileDeniedError),
        (403, FileDeniedError),
        (404, FileMissingError),
        (410, FileMissingError),
        (400, RequestRefusedError),
        (408, UnavailableError),
        (429, RateLimitedError),
        (500, UnavailableError),
        (304, UnavailableError),
        (206, UnavailableError),
    ],
)
def test_says_what_the_status_means(
    status: int, kind: type[CmpRelayError], host: FileServer, downloads: Downloads
) -> None:
    host.reply = lambda _: Reply(status)

    with pytest.raises(CmpRelayError) as raised:
        downloads.open(f"{host.url}/f")

    assert type(raised.value) is kind


def moved(host: FileServer, *steps: str) -> None:
    def reply(asked: object) -> Reply:
        step = len(host.asked) - 1
        return Reply(302, {"Location": steps[step]}) if step < len(steps) else Reply(body=[b"it"])

    host.reply = reply


def test_follows_redirects_within_the_list(host: FileServer, downloads: Downloads) -> None:
    moved(host, "/a", f"{host.url}/b?token=x", "c")

    assert whole(downloads.open(f"{host.url}/f")) == b"it"
    assert [asked.path for asked in host.asked] == ["/f", "/a", "/b?token=x", "/c"]


def test_follows_no_fourth_redirect(host: FileServer, downloads: Downloads) -> None:
    moved(host, "/a", "/b", "/c", "/d")

    with pytest.raises(UnavailableError, match="redirects too often"):
        downloads.open(f"{host.url}/f")


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:9/",
        "http://169.254.169.254/latest/meta-data",
        "//evil.com/x",
        "file:///etc/passwd",
        "https://evil.com",
    ],
)
def test_is_never_led_to_another_host(target: str, host: FileServer, downloads: Downloads) -> None:
    moved(host, target)

    with pytest.raises(UntrustedLinkError):
        downloads.open(f"{host.url}/f")

    assert len(host.asked) == 1


def test_a_redirect_to_no_url_is_no_answer(host: FileServer, downloads: Downloads) -> None:
    moved(host, "http://host:port")

    with pytest.raises(UnavailableError):
        downloads.open(f"{host.url}/f")


def test_asks_nobody_who_is_not_listed(host: FileServer, downloads: Downloads) -> None:
    with pytest.raises(UntrustedLinkError):
        downloads.open("https://evil.com/f")

    assert not host.asked


def test_gives_up_on_a_body_without_end(host: FileServer, downloads: Downloads) -> None:
    host.reply = lambda _: Reply(body=repeat(b"x" * 10_000))

    with pytest.raises(FileTooLargeError):
        whole(downloads.open(f"{host.url}/f"))


def test_refuses_what_is_told_to_be_too_large(host: FileServer, downloads: Downloads) -> None:
    host.reply = lambda _: Reply(headers={"Content-Length": "1000001"})

    with pytest.raises(FileTooLargeError):
        downloads.open(f"{host.url}/f")


def test_a_body_that_ends_early_is_no_file(host: FileServer, downloads: Downloads) -> None:
    host.reply = lambda _: Reply(headers={"Content-Length": "10"}, body=[b"short"])

    with pytest.raises(UnavailableError, match="RemoteProtocolError"):
        whole(downloads.open(f"{host.url}/f"))


def test_a_rest_that_ends_early_is_no_rest(host: FileServer, downloads: Downloads) -> None:
    told = {"ETag": '"1"', "Content-Range": "bytes 1000-1001/1004", "Content-Length": "2"}
    host.reply = lambda _: Reply(206, told, [b"re"])

    with pytest.raises(UnavailableError, match="ended after 1002 of 1004 bytes"):
        rest(downloads, host)


def test_refuses_encoded_bytes(host: FileServer, downloads: Downloads) -> None:
    host.reply = lambda _: Reply(headers={"Content-Encoding": "gzip"})

    with pytest.raises(UnavailableError, match="encoded"):
        downloads.open(f"{host.url}/f")


def test_waits_ten_seconds_for_a_byte_and_five_for_a_connection() -> None:
    timeouts = []

    def respond(request: httpx.Request) -> httpx.Response:
        timeouts.append(request.extensions["timeout"])
        raise httpx.ConnectTimeout("https://files.cmp.optimizely.com/f?token=planted")

    client = httpx.Client(transport=httpx.MockTransport(respond))
    origins = FileOrigins.parse(("https://files.cmp.optimizely.com",))

    with pytest.raises(UnavailableError, match=r"/f: ConnectTimeout$"):
        Downloads(client, origins, 1).open("http://files.cmp.optimizely.com/f?token=planted")
    assert timeouts == [{"connect": 5, "read": 10, "write": 10, "pool": 10}]


@pytest.mark.parametrize(
    "reply",
    [
        lambda _: Reply(403),
        lambda _: Reply(500),
        lambda _: Reply(302, {"Location": f"/g?token={SECRET}"}),
        lambda _: Reply(302, {"Location": f"https://evil.com/{SECRET}"}),
        lambda _: Reply(headers={"Content-Length": "10"}),
        lambda _: Reply(body=repeat(b"x" * 10_000)),
    ],
)
def test_no_error_and_no_log_holds_the_query(
    reply: Callable[[object], Reply],
    host: FileServer,
    downloads: Downloads,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    host.reply = reply

    with pytest.raises(CmpRelayError) as raised:
        whole(downloads.open(f"{host.url}/f?token={SECRET}"))

    error: BaseException | None = raised.value
    assert SECRET not in f"{error!r}"
    assert raised.value.__cause__ is None
    assert SECRET not in caplog.text


def test_a_download_does_not_show_what_it_reads_from(
    host: FileServer, downloads: Downloads
) -> None:
    host.reply = a_file(CONTENT)

    with downloads.open(f"{host.url}/f?token={SECRET}") as download:
        assert SECRET not in repr(download)


@pytest.mark.parametrize(
    ("announced", "got"),
    [
        ("image/png", "image/webp"),
        ("IMAGE/PNG; x=y", "image/png"),
        ("video/quicktime", "video/mp4"),
        ("application/pdf", "application/x-pdf"),
        ("image/png", "application/octet-stream"),
        ("video/mp4", "binary/octet-stream"),
        ("text/html; charset=utf-8", "text/html"),
        (None, "image/png"),
    ],
)
def test_takes_what_is_of_the_announced_kind(announced: str | None, got: str) -> None:
    check_type(announced, got)


@pytest.mark.parametrize(
    ("announced", "got"),
    [
        ("image/png", "video/mp4"),
        ("video/mp4", "image/png"),
        ("image/png", "imagery/png"),
        ("image/png", "text/html"),
        ("application/pdf", "text/html"),
        ("application/pdf", "application/xhtml+xml"),
        ("application/octet-stream", "text/html"),
        (None, "text/html"),
    ],
)
def test_refuses_what_is_of_another_kind(announced: str | None, got: str) -> None:
    with pytest.raises(FileTypeError):
        check_type(announced, got)


def test_compares_lengths_that_are_both_known() -> None:
    check_size(None, 5)
    check_size(5, None)
    check_size(5, 5)
    with pytest.raises(FileLengthError):
        check_size(5, 4)
