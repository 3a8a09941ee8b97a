import threading
import tracemalloc
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from cmp_relay.downloads import Download, Downloads
from cmp_relay.errors import (
    FileError,
    FileLengthError,
    FileTooLargeError,
    FileTypeError,
    PostponedError,
    UnavailableError,
)
from cmp_relay.exchanges import build_client
from cmp_relay.file_store import PART_BYTES, Begun, FileStore, Stored, Unfinished
from cmp_relay.origins import FileOrigins
from tests.support.file_server import FileServer, Reply, a_file, file_server
from tests.support.part_checksums import tell_part_checksums

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY = "assets/video/1/7/a.mp4"
CONTENT = bytes(range(256)) * (PART_BYTES * 5 // 2 // 256)
"""Two parts and a half."""


class Announced(NamedTuple):
    mime_type: str | None = "video/mp4"
    size: int | None = len(CONTENT)
    version: str = "7"


def checksum(data: bytes) -> str:
    return b64encode(sha256(data).digest()).decode()


def downloaded(
    content: bytes = CONTENT,
    *,
    mime_type: str = "video/mp4",
    size: int | None = len(CONTENT),
    start: int = 0,
    validator: str | None = '"1"',
    largest: int = 1_000_000_000,
) -> Download:
    return Download(
        name="GET https://files.cmp.optimizely.com/f",
        mime_type=mime_type,
        size=size,
        start=start,
        validator=validator,
        largest=largest,
        body=(content[at : at + 65_536] for at in range(0, len(content), 65_536)),
        hang_up=lambda: None,
    )


def die(**_: object) -> None:
    raise ConnectionError("the function died")


class Bucket:
    """A bucket with its store, and what the store handed over."""

    def __init__(self, client: "S3Client") -> None:
        self.client = client
        self.sent = tell_part_checksums(client)
        self.store = FileStore(client, "assets")
        self.kept: list[Unfinished] = []

    def receive(
        self,
        download: Download,
        announced: Announced = Announced(),  # noqa: B008  # it is frozen
        *,
        go_on: Callable[[], bool] = lambda: True,
        begun: Begun | None = None,
    ) -> Stored:
        return self.store.receive(
            download, announced, KEY, keep=self.kept.append, go_on=go_on, begun=begun
        )

    def begun(self) -> Begun:
        """Leave an upload with one part there, as a visit does whose time is over."""
        seen = iter([*repeat(True, 130), False])
        with pytest.raises(PostponedError):
            self.receive(downloaded(), go_on=lambda: next(seen))
        begun = self.store.resume(self.kept[-1])
        assert begun
        return begun

    def content(self, key: str = KEY, bucket: str = "assets") -> bytes:
        return self.client.get_object(Bucket=bucket, Key=key)["Body"].read()

    def is_empty(self) -> bool:
        objects = self.client.list_objects_v2(Bucket="assets")["KeyCount"]
        return not objects and not self.uploads()

    def uploads(self) -> list[str]:
        listed = self.client.list_multipart_uploads(Bucket="assets").get("Uploads", [])
        return [upload["UploadId"] for upload in listed]


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        for name in ("assets", "repository"):
            client.create_bucket(Bucket=name)
        yield Bucket(client)


@pytest.mark.parametrize("content", [b"", b"small", CONTENT[:PART_BYTES]])
def test_stores_in_one_piece_what_fits_one_part(content: bytes, bucket: Bucket) -> None:
    announced = Announced(size=len(content))

    stored = bucket.receive(downloaded(content, size=None), announced)

    assert (stored.key, stored.size, stored.mime_type) == (KEY, len(content), "video/mp4")
    assert stored.checksum == checksum(content)
    assert bucket.content() == content
    assert not bucket.kept


def test_stores_in_parts_what_is_larger(bucket: Bucket) -> None:
    stored = bucket.receive(downloaded())

    head = bucket.client.head_object(Bucket="assets", Key=KEY)
    parts = [CONTENT[at : at + PART_BYTES] for at in range(0, len(CONTENT), PART_BYTES)]
    digests = b"".join(sha256(part).digest() for part in parts)
    assert bucket.content() == CONTENT
    assert (head["ETag"], head["ContentType"]) == (stored.etag, "video/mp4")
    assert (stored.size, stored.checksum) == (len(CONTENT), f"{checksum(digests)}-3")
    assert list(bucket.sent.values()) == [checksum(part) for part in parts]


def test_hands_over_an_upload_before_its_first_part(bucket: Bucket) -> None:
    def keep(unfinished: Unfinished) -> None:
        bucket.kept.append(unfinished)
        die()

    with pytest.raises(ConnectionError):
        bucket.store.receive(downloaded(), Announced(), KEY, keep=keep, go_on=lambda: True)

    (upload,) = bucket.uploads()
    assert bucket.kept == [Unfinished(KEY, upload, "7", "video/mp4", '"1"', len(CONTENT))]
    assert not bucket.sent


def test_goes_on_in_the_next_visit_with_what_is_missing(bucket: Bucket) -> None:
    begun = bucket.begun()
    # A host that sends a rest need not tell its type once more.
    unknown = "application/octet-stream"
    rest = downloaded(CONTENT[begun.start :], start=begun.start, mime_type=unknown)

    stored = bucket.receive(rest, begun=begun)

    assert begun.start == PART_BYTES
    assert bucket.content() == CONTENT
    assert (stored.size, stored.mime_type) == (len(CONTENT), "video/mp4")
    assert len(bucket.kept) == 1
    assert not bucket.uploads()


def test_goes_on_after_a_download_that_broke_off(bucket: Bucket) -> None:
    with pytest.raises(UnavailableError):
        bucket.receive(downloaded(CONTENT[: PART_BYTES * 2 + 1]))

    begun = bucket.store.resume(bucket.kept[0])

    assert begun
    assert begun.start == PART_BYTES * 2
    bucket.receive(downloaded(CONTENT[begun.start :], start=begun.start), begun=begun)
    assert bucket.content() == CONTENT


def test_a_host_that_sends_all_again_ends_what_was_begun(bucket: Bucket) -> None:
    begun = bucket.begun()

    bucket.receive(downloaded(), begun=begun)

    assert bucket.content() == CONTENT
    assert not bucket.uploads()


@pytest.mark.parametrize(
    ("size", "version"), [(len(CONTENT) + 1, "7"), (len(CONTENT), "8")], ids=["size", "version"]
)
def test_never_joins_the_rest_of_another_file(size: int, version: str, bucket: Bucket) -> None:
    begun = bucket.begun()
    rest = downloaded(CONTENT[begun.start :], start=begun.start, size=size)

    with pytest.raises(UnavailableError, match="rest of another file"):
        bucket.receive(rest, Announced(version=version), begun=begun)
    assert bucket.is_empty()


def test_ends_an_upload_whose_file_cannot_be_told_from_a_changed_one(bucket: Bucket) -> None:
    with pytest.raises(UnavailableError):
        bucket.receive(downloaded(CONTENT[:-1], validator=None))

    assert bucket.store.resume(bucket.kept[0]) is None
    assert bucket.is_empty()


def test_fetches_anew_what_s3_has_forgotten(bucket: Bucket) -> None:
    unfinished = bucket.begun().unfinished
    bucket.store.discard(unfinished)

    assert bucket.store.resume(unfinished) is None
    bucket.store.discard(unfinished)


def test_leaves_something_to_ask_for_when_all_parts_are_there(bucket: Bucket) -> None:
    content = CONTENT[: PART_BYTES * 2]
    bucket.client.meta.events.register("before-call.s3.CompleteMultipartUpload", die)
    with pytest.raises(ConnectionError):
        bucket.receive(downloaded(content, size=len(content)), Announced(size=len(content)))

    begun = bucket.store.resume(bucket.kept[0])

    assert begun
    assert begun.start == PART_BYTES


def test_counts_no_part_behind_a_gap(bucket: Bucket) -> None:
    unfinished = bucket.begun().unfinished
    body = CONTENT[:PART_BYTES]
    bucket.client.upload_part(
        Bucket="assets",
        Key=KEY,
        UploadId=unfinished.upload_id,
        PartNumber=3,
        Body=body,
        ChecksumSHA256=checksum(body),
    )

    begun = bucket.store.resume(unfinished)

    assert begun
    assert begun.start == PART_BYTES


def test_asks_nothing_without_time(bucket: Bucket) -> None:
    with pytest.raises(PostponedError) as raised:
        bucket.receive(downloaded(), go_on=lambda: False)

    assert raised.value.delay == 0
    assert bucket.is_empty()


@pytest.mark.parametrize(
    ("visits", "validator"),
    [(100, '"1"'), (200, None)],
    ids=["no part", "parts of no use"],
)
def test_a_visit_that_brings_nothing_counts(
    visits: int, validator: str | None, bucket: Bucket
) -> None:
    seen = iter([*repeat(True, visits), False])

    with pytest.raises(UnavailableError, match="too slow"):
        bucket.receive(downloaded(validator=validator), go_on=lambda: next(seen))


def test_a_host_that_sends_all_again_in_each_visit_counts(bucket: Bucket) -> None:
    begun = bucket.begun()
    seen = iter([*repeat(True, 200), False])

    with pytest.raises(UnavailableError, match="too slow"):
        bucket.receive(downloaded(), begun=begun, go_on=lambda: next(seen))


@pytest.mark.parametrize(
    ("download", "announced", "kind"),
    [
        (lambda: downloaded(size=1), Announced(), FileLengthError),
        (lambda: downloaded(b"x", size=None), Announced(size=2), FileLengthError),
        (lambda: downloaded(b"xxx", size=None), Announced(size=2), FileLengthError),
        (lambda: downloaded(CONTENT[:-1], size=None), Announced(), FileLengthError),
        (lambda: downloaded(size=None), Announced(size=PART_BYTES + 1), FileLengthError),
        (lambda: downloaded(largest=PART_BYTES + 1), Announced(), FileTooLargeError),
        (lambda: downloaded(mime_type="text/html"), Announced(), FileTypeError),
    ],
)
def test_what_is_not_the_announced_file_leaves_nothing(
    download: Callable[[], Download],
    announced: Announced,
    kind: type[FileError],
    bucket: Bucket,
) -> None:
    with pytest.raises(kind):
        bucket.receive(download(), announced)

    assert bucket.is_empty()


def test_what_turns_out_to_be_another_file_later_leaves_nothing(bucket: Bucket) -> None:
    begun = bucket.begun()
    rest = downloaded(CONTENT[begun.start :], start=begun.start, mime_type="text/html")

    with pytest.raises(FileTypeError):
        bucket.receive(rest, begun=begun)
    assert bucket.is_empty()


@pytest.mark.parametrize(
    ("announced", "served"), [("image/png", "image/png"), (None, "application/octet-stream")]
)
def test_serves_as_what_was_announced_what_the_host_does_not_know(
    announced: str | None, served: str, bucket: Bucket
) -> None:
    download = downloaded(b"x", size=1, mime_type="application/octet-stream")

    stored = bucket.receive(download, Announced(announced, 1))

    head = bucket.client.head_object(Bucket="assets", Key=KEY)
    assert head["ContentType"] == stored.mime_type == served


def test_copies_and_deletes(bucket: Bucket) -> None:
    bucket.receive(downloaded(b"x", size=1), Announced(size=1))

    bucket.store.copy(KEY, "repository", "website/images/ä 1.mp4")
    bucket.store.delete("assets", KEY)
    bucket.store.delete("assets", KEY)

    copied = bucket.client.head_object(Bucket="repository", Key="website/images/ä 1.mp4")
    assert copied["ContentType"] == "video/mp4"
    assert bucket.content("website/images/ä 1.mp4", "repository") == b"x"
    assert bucket.is_empty()


def test_says_so_if_s3_refuses(bucket: Bucket) -> None:
    elsewhere = FileStore(bucket.client, "nobodys")
    unfinished = Unfinished(KEY, "1", "7", "video/mp4", '"1"', 1)

    for ask in (elsewhere.resume, elsewhere.discard):
        with pytest.raises(ClientError, match="NoSuchBucket"):
            ask(unfinished)


@pytest.fixture
def host() -> Iterator[FileServer]:
    with file_server() as server:
        yield server


@pytest.fixture
def downloads(host: FileServer) -> Iterator[Downloads]:
    with build_client() as client:
        yield Downloads(client, FileOrigins.parse((host.url,)), 1_000_000_000)


def test_a_file_comes_through_in_two_visits(
    host: FileServer, downloads: Downloads, bucket: Bucket
) -> None:
    host.reply = a_file(CONTENT)
    with downloads.open(f"{host.url}/f") as download, pytest.raises(PostponedError):
        bucket.receive(download, go_on=lambda: not bucket.sent)
    begun = bucket.store.resume(bucket.kept[0])
    assert begun

    with downloads.open(f"{host.url}/f", start=begun.start, validator='"1"') as download:
        bucket.receive(download, begun=begun)

    assert bucket.content() == CONTENT
    assert [asked.headers.get("range") for asked in host.asked] == [None, f"bytes={PART_BYTES}-"]


class Sink(BaseHTTPRequestHandler):
    """An S3 that takes everything and keeps nothing, so that only the store's memory counts."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        left = int(self.headers["Content-Length"])
        if self.headers.get("Expect"):
            self.send_response_only(100)
            self.end_headers()
        while left:
            left -= len(self.rfile.read(min(left, 65_536)))
        self._answer(b"", ETag='"1"')

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(b'<Result><UploadId>1</UploadId><ETag>"1-1"</ETag></Result>')

    def _answer(self, body: bytes, **headers: str) -> None:
        self.send_response(200)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def sink() -> Iterator[FileStore]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Sink) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        client = boto3.client("s3", region_name="us-east-1", endpoint_url=endpoint)
        yield FileStore(client, "assets")
        client.close()
        server.shutdown()
        thread.join()


def test_holds_no_more_than_a_few_parts(
    host: FileServer, downloads: Downloads, sink: FileStore
) -> None:
    size = 100 * 1024 * 1024
    chunk: Iterable[bytes] = repeat(bytes(65_536), size // 65_536)
    host.reply = lambda _: Reply(
        headers={"Content-Length": str(size), "Content-Type": "video/mp4"}, body=chunk
    )

    tracemalloc.start()
    with downloads.open(f"{host.url}/f") as download:
        stored = sink.receive(
            download, Announced(size=size), KEY, keep=lambda _: None, go_on=lambda: True
        )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert stored.size == size
    assert peak < 40_000_000
