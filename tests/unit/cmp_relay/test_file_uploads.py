import json
import os
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay import file_uploads
from cmp_relay.endpoint import Endpoint
from cmp_relay.errors import RequestRefusedError, UnavailableError, UntrustedLinkError
from cmp_relay.file_uploads import FileUploads
from cmp_relay.forms import Form, SteadyFile
from cmp_relay.open_api import OpenApi
from cmp_relay.origins import FileOrigins, Origins
from cmp_relay.storage import Storage
from cmp_relay.tokens import Token

HOST = "cmp-files.s3-accelerate.amazonaws.com"
BASE = "https://api.cmp.optimizely.com/v3"
FORM = {"url": f"https://{HOST}/", "upload_meta_fields": {"key": "k1", "policy": "p"}}
UPLOAD = f"{BASE}/multipart-uploads/u1"
LINKS = {"complete": f"{UPLOAD}/complete", "status": f"{UPLOAD}/status"}
PLANTED = "-".join(["must", "not", "show"])


class Always:
    def current(self) -> Token:
        return Token(PLANTED, "1", 1e12)

    def replace(self, failed: Token) -> Token:
        return failed


@dataclass
class Server:
    """CMP and its storage: answers by method and path, each the first that is left."""

    answers: dict[str, list[httpx.Response]]
    seen: list[httpx.Request] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def respond(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.seen.append(request)
        left = self.answers[f"{request.method} {request.url.path}"]
        return left.pop(0) if len(left) > 1 else left[0]

    def uploads(self, multipart_from: int = 100, part_size: int = 5) -> FileUploads:
        client = httpx.Client(transport=httpx.MockTransport(self.respond))
        origins = Origins.parse(("https://api.cmp.optimizely.com",))
        storage = Storage(client, FileOrigins.parse(("https://*.s3-accelerate.amazonaws.com",)))
        endpoint = Endpoint(OpenApi(client, Always(), origins, BASE), BASE)
        return FileUploads(endpoint, storage, multipart_from, part_size, self.slept.append)


def says(content: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=content)


def in_parts(count: int, *, statuses: Sequence[str] = ("SUCCEEDED",), **changes: object) -> Server:
    urls = [f"https://{HOST}/{number}?signature={PLANTED}" for number in range(count)]
    told = {"id": "u1", "upload_part_urls": urls, "links": LINKS, **changes}
    progress = [says({"status": f"UPLOAD_COMPLETION_{status}"}) for status in statuses]
    return Server(
        {
            "POST /v3/multipart-uploads": [says(told, 201)],
            "POST /v3/multipart-uploads/u1/complete": [says({"key": "k1", "links": LINKS}, 202)],
            "GET /v3/multipart-uploads/u1/status": progress,
            **{f"PUT /{number}": [httpx.Response(200)] for number in range(count)},
        }
    )


def written(folder: Path, content: bytes) -> Path:
    path = folder / "hero.png"
    path.write_bytes(content)
    return path


def test_a_file_goes_with_cmps_form_and_without_the_token(tmp_path: Path) -> None:
    server = Server({"GET /v3/upload-url": [says(FORM)], "POST /": [httpx.Response(204)]})
    sent: list[int] = []

    key = server.uploads().send(written(tmp_path, b"content"), sent.append)

    assert (key, sent) == ("k1", [7])
    asked, posted = server.seen
    assert asked.headers["Authorization"] == f"Bearer {PLANTED}"
    assert "Authorization" not in posted.headers
    names = [line for line in posted.content.split(b"\r\n") if b"form-data" in line]
    assert [line.split(b'name="')[1].split(b'"')[0] for line in names] == [
        b"key",
        b"policy",
        b"file",
    ]
    assert b'filename="hero.png"' in names[-1]
    assert b"\r\n\r\ncontent\r\n" in posted.content


def test_the_whole_file_is_sent_again_if_the_storage_did_not_take_it(tmp_path: Path) -> None:
    answers = [httpx.Response(503), httpx.Response(204)]
    server = Server({"GET /v3/upload-url": [says(FORM)], "POST /": answers})

    server.uploads().send(written(tmp_path, b"content"))

    assert [b"\r\n\r\ncontent\r\n" in one.content for one in server.seen[1:]] == [True, True]
    assert server.slept == [2]


@pytest.mark.parametrize(
    ("status", "tries"), [(503, file_uploads.TRIES), (500, file_uploads.TRIES), (403, 1), (302, 1)]
)
def test_a_storage_that_goes_on_to_refuse_is_an_error(
    tmp_path: Path, status: int, tries: int
) -> None:
    server = Server({"GET /v3/upload-url": [says(FORM)], "POST /": [httpx.Response(status)]})

    with pytest.raises(UnavailableError, match=str(status)):
        server.uploads().send(written(tmp_path, b"content"))

    assert len(server.seen) == 1 + tries


@pytest.mark.parametrize(
    "form", [{}, {"url": "https://x"}, {"upload_meta_fields": {"key": "k1"}}, {**FORM, "url": ""}]
)
def test_what_is_no_form_is_not_used(tmp_path: Path, form: dict[str, object]) -> None:
    server = Server({"GET /v3/upload-url": [says(form)]})

    with pytest.raises(UnavailableError, match="no form"):
        server.uploads().send(written(tmp_path, b"content"))


def test_nothing_is_sent_to_another_host(tmp_path: Path) -> None:
    elsewhere = {**FORM, "url": "https://s3-accelerate.amazonaws.com.evil.example/"}
    form = Server({"GET /v3/upload-url": [says(elsewhere)]})
    parts = in_parts(1, upload_part_urls=["https://evil.example/0"])

    for server, uploads in ((form, form.uploads()), (parts, parts.uploads(multipart_from=1))):
        with pytest.raises(UntrustedLinkError):
            uploads.send(written(tmp_path, b"cont"))
        assert len(server.seen) == 1


@given(content=st.binary(min_size=1, max_size=60), part_size=st.integers(1, 20))
def test_parts_make_up_the_file(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, part_size: int
) -> None:
    path = written(tmp_path_factory.mktemp("parts"), content)
    server = in_parts(-(-len(content) // part_size), statuses=("IN_PROGRESS", "SUCCEEDED"))
    sent: list[int] = []

    assert server.uploads(multipart_from=1, part_size=part_size).send(path, sent.append) == "k1"

    puts = [one for one in server.seen if one.method == "PUT"]
    assert b"".join(one.content for one in puts) == content
    assert [one.url.path for one in puts] == [f"/{number}" for number in range(len(puts))]
    assert all("Authorization" not in one.headers for one in puts)
    assert json.loads(server.seen[0].content) == {"file_size": len(content), "part_size": part_size}
    assert sum(sent) == len(content)
    assert server.slept == [file_uploads.FIRST_POLL]


def test_parts_of_a_huge_file_are_no_more_than_cmp_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_uploads, "MOST_PARTS", 3)
    server = in_parts(3)

    server.uploads(multipart_from=1, part_size=2).send(written(tmp_path, b"ten bytes!"))

    assert [len(one.content) for one in server.seen if one.method == "PUT"] == [4, 4, 2]


def test_a_part_is_sent_again(tmp_path: Path) -> None:
    server = in_parts(2)
    server.answers["PUT /1"] = [httpx.Response(500), httpx.Response(200)]

    server.uploads(multipart_from=1).send(written(tmp_path, b"12345678"))

    puts = [(one.url.path, one.content) for one in server.seen if one.method == "PUT"]
    assert puts == [("/0", b"12345"), ("/1", b"678"), ("/1", b"678")]


@pytest.mark.parametrize(
    "changes",
    [
        {"upload_part_urls": []},
        {"upload_part_urls": None},
        {"upload_part_urls": [f"https://{HOST}/0", 7]},
        {"links": {"status": LINKS["status"]}},
    ],
)
def test_what_cannot_be_uploaded_in_parts_is_an_error(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    with pytest.raises(UnavailableError):
        in_parts(2, **changes).uploads(multipart_from=1).send(written(tmp_path, b"12345678"))


def test_a_completion_without_a_key_is_an_error(tmp_path: Path) -> None:
    server = in_parts(2)
    server.answers["POST /v3/multipart-uploads/u1/complete"] = [says({"links": LINKS}, 202)]

    with pytest.raises(UnavailableError, match="no key"):
        server.uploads(multipart_from=1).send(written(tmp_path, b"12345678"))


@pytest.mark.parametrize(
    ("status", "kind"), [("FAILED", RequestRefusedError), ("IN_PROGRESS", UnavailableError)]
)
def test_parts_that_do_not_come_together_are_an_error(
    tmp_path: Path, status: str, kind: type[Exception]
) -> None:
    server = in_parts(2, statuses=(status,))

    with pytest.raises(kind, match="parts of the upload"):
        server.uploads(multipart_from=1).send(written(tmp_path, b"12345678"))

    assert sum(server.slept) <= file_uploads.COMPLETION_SECONDS
    assert len(server.slept) < 30


def test_a_failed_look_at_the_parts_does_not_lose_them(tmp_path: Path) -> None:
    server = in_parts(2)
    looks = server.answers["GET /v3/multipart-uploads/u1/status"]
    looks[:0] = [httpx.Response(502), httpx.Response(503), httpx.Response(200, text="<html>")]

    assert server.uploads(multipart_from=1).send(written(tmp_path, b"12345678")) == "k1"

    assert [one.method for one in server.seen] == ["POST", "PUT", "PUT", "POST", *["GET"] * 4]
    assert server.slept == [2, 4, 8]


def test_looks_that_go_on_to_fail_are_an_error(tmp_path: Path) -> None:
    server = in_parts(2)
    server.answers["GET /v3/multipart-uploads/u1/status"] = [httpx.Response(502)]

    with pytest.raises(UnavailableError, match="in time"):
        server.uploads(multipart_from=1).send(written(tmp_path, b"12345678"))

    assert sum(server.slept) <= file_uploads.COMPLETION_SECONDS


def longer(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"y" * 1000)


def shorter(path: Path) -> None:
    os.truncate(path, 1_500_000)


def another(path: Path) -> None:
    path.write_bytes(b"y" * path.stat().st_size)
    os.utime(path, ns=(0, 1))  # file systems tell moments in steps of some ms


CHANGES = pytest.mark.parametrize("change", [longer, shorter, another])


@CHANGES
def test_a_file_that_changes_between_two_parts_is_not_completed(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    server, path = in_parts(2), written(tmp_path, b"x" * 2_000_000)

    with pytest.raises(OSError, match=r"hero\.png has changed while it was uploaded: do it again"):
        server.uploads(multipart_from=1, part_size=1_000_000).send(path, lambda _: change(path))

    assert server.seen[-1].method == "PUT"


@CHANGES
def test_a_form_ends_before_its_end_if_the_file_changes(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    path = written(tmp_path, b"x" * 2_000_000)
    taken = []

    with SteadyFile(path) as file, httpx.Client() as client:
        stream = Form({}, path.name, file).request(client, httpx.URL(f"https://{HOST}/")).stream
        assert isinstance(stream, httpx.SyncByteStream)
        with pytest.raises(OSError, match="has changed"):  # noqa: PT012 - the third chunk
            for number, chunk in enumerate(stream):
                taken.append(chunk)
                if number == 1:
                    change(path)

    assert sum(map(len, taken)) < 200_000


def test_what_has_no_length_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    pipe, server = tmp_path / "pipe", Server({})
    os.mkfifo(pipe)  # who opens it would wait for a writer

    with pytest.raises(OSError, match="pipe has no length"):
        server.uploads().send(pipe)
    assert server.seen == []


@pytest.mark.parametrize("multipart_from", [1, 100])
def test_a_name_that_cmp_cannot_be_told_is_refused_before_anything_is_sent(
    tmp_path: Path, multipart_from: int
) -> None:
    path, server = Path(os.fsdecode(bytes(tmp_path) + b"/caf\xe9.bin")), in_parts(2)
    path.write_bytes(b"12345678")

    with pytest.raises(OSError, match=r"'caf\\udce9\.bin' is not UTF-8: rename the file"):
        server.uploads(multipart_from=multipart_from).send(path)
    assert server.seen == []


def test_errors_do_not_show_signed_urls(tmp_path: Path) -> None:
    server = in_parts(2)
    server.answers["PUT /0"] = [httpx.Response(403)]

    with pytest.raises(UnavailableError) as caught:
        server.uploads(multipart_from=1).send(written(tmp_path, b"12345678"))

    shown = "".join(traceback.format_exception_only(caught.value))
    assert f"PUT https://{HOST}/0: 403" in shown
    assert PLANTED not in shown
