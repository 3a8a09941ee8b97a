"""What a visit makes of an asset's files when something is in its way."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from cmp_relay import documents, library
from cmp_relay.catalogue import AssetState, Catalogue
from cmp_relay.clients import CONFIG
from cmp_relay.documents import Documents
from cmp_relay.errors import (
    ConflictError,
    FileError,
    FileGuidUnknownError,
    FileMissingError,
    FileTooLargeError,
    ForbiddenError,
    LeaseHeldError,
    PostponedError,
    UntrustedLinkError,
)
from cmp_relay.file_store import PART_BYTES
from cmp_relay.files import Files, FilesState
from cmp_relay.jobs import FileJob
from cmp_relay.mirroring import LEASE_SECONDS, STAY_SECONDS
from cmp_relay.outcomes import Attempt, Ending
from cmp_relay.private_links import PrivateLinks
from tests.support import worker_stack
from tests.support.clock import NOON
from tests.support.file_server import FileServer, Replies, Reply, a_file, file_server
from tests.support.part_checksums import tell_part_checksums
from tests.support.stub_server import Asked
from tests.support.worker_stack import WorkerStack, clients, create_bucket

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

VIDEO = bytes(range(256)) * (PART_BYTES * 5 // 2 // 256)
"""Two parts and a half."""


class World:
    """One asset in the catalogue, the host of its files, and the workers that bring them."""

    def __init__(self, stack: WorkerStack, host: FileServer, s3: "S3Client") -> None:
        self.stack = stack
        self.s3 = s3
        self.host = host
        self.files: dict[str, Replies] = {}
        self.rules = "-> copies/"
        self.options: dict[str, Any] = {}
        self.asset = AssetState("1", "article", library=library.PRESENT)
        host.reply = self._reply

    def show(self, body: Mapping[str, Any], asset_type: str = "article") -> None:
        """Let the catalogue know the asset so."""
        catalogue = Catalogue(self.stack.dynamodb, "catalogue")
        before = catalogue.read(self.asset.asset_id, asset_type)
        wanted = before.asset.revision + 1
        key = documents.details_key(asset_type, self.asset.asset_id)
        stored = Documents(self.stack.s3, "assets")
        stored.put(key, {"asset": body}, order=NOON + wanted, etag=before.asset.details_etag)
        self.asset = replace(
            self.asset, type=asset_type, details_key=key, files_wanted=wanted, revision=wanted - 1
        )
        catalogue.write(before, replace(before, asset=self.asset))

    def video(self, version: str, size: int = len(VIDEO)) -> None:
        """Let the asset be a video of this version, at a URL of its own."""
        url = f"{self.host.url}/{version}"
        told = {"title": "V", "file_extension": "mp4", "mime_type": "video/mp4"}
        self.show({**told, "url": url, "version_id": version, "file_size": size}, "video")

    def article(self, *names: str) -> None:
        """Let the asset be an article with these pictures."""
        self.show({"images": [{"url": self.url(name)} for name in names]})

    def url(self, name: str) -> str:
        return name if "://" in name else f"{self.host.url}/{name}"

    def mirror(self) -> Ending:
        """Let a new worker do the newest job."""
        job = FileJob.model_validate(
            {
                "schema": 1,
                "job_id": f"asset_file.{self.asset.files_wanted}",
                "delivery_id": "asset_file",
                "received_at": NOON,
                "event_name": "asset_file",
                "channel": "default",
                "cause": "files",
                "asset": {"id": self.asset.asset_id, "type": self.asset.type},
                "wanted": self.asset.files_wanted,
            }
        )
        worker = self.stack.file_worker(self.host.url, self.rules, **self.options)
        return worker.work(job, Attempt(1))

    def copies(self) -> set[bytes]:
        """Return what the copies hold."""
        found = self.stack.objects()
        return {content for key, content in found.items() if key.startswith("copies/")}

    def uploads(self) -> list[str]:
        listed = self.stack.s3.list_multipart_uploads(Bucket="assets").get("Uploads", [])
        return [upload["Key"] for upload in listed]

    def leave_after_a_part(self) -> None:
        """Let the visit's time be over as soon as S3 has the next part; raise what ends it."""
        events = self.s3.meta.events

        def pass_time(**_: object) -> None:
            events.unregister("after-call.s3.UploadPart", pass_time)
            self.stack.sleep(STAY_SECONDS)

        events.register("after-call.s3.UploadPart", pass_time)
        with pytest.raises(PostponedError):
            self.mirror()
        assert len(self.uploads()) == 1

    def _reply(self, asked: Asked) -> Reply:
        found = self.files.get(asked.path.removeprefix("/"))
        return found(asked) if found else Reply(404)


@pytest.fixture
def world(stack: WorkerStack) -> Iterator[World]:
    # A client of its own, since it is made to say more than moto does.
    s3 = boto3.client("s3", config=CONFIG)
    tell_part_checksums(s3)
    with file_server() as host, pytest.MonkeyPatch.context() as patch:
        own = clients("workers")._replace(objects=s3)
        patch.setattr(worker_stack, "clients", lambda _: own)
        yield World(stack, host, s3)


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        ("gone", FileMissingError),
        ("https://elsewhere.example.com/a.png", UntrustedLinkError),
    ],
)
def test_a_picture_that_cannot_be_had_holds_up_no_other(
    broken: str, error: type[Exception], world: World
) -> None:
    world.files = {"a": a_file(b"a", "image/png"), "b": a_file(b"b", "image/png")}
    world.article("a", broken, "b")

    for _ in range(2):
        with pytest.raises(error):
            world.mirror()

    assert world.copies() == {b"a", b"b"}
    asked = [each.path for each in world.host.asked]
    assert (asked.count("/a"), asked.count("/b")) == (1, 1)
    assert world.stack.announced() == []


def test_what_has_failed_comes_later_and_then_all_is_told(world: World) -> None:
    world.files = {"a": a_file(b"a", "image/png")}
    world.article("b", "a")
    with pytest.raises(FileMissingError):
        world.mirror()

    world.files["b"] = a_file(b"b", "image/png")
    assert world.mirror() == Ending("applied")

    assert world.copies() == {b"a", b"b"}
    (event,) = world.stack.announced()
    assert len(event["detail"]["files"]) == 2


def test_a_job_comes_back_if_any_of_what_failed_may_come(world: World) -> None:
    world.article("https://elsewhere.example.com/a.png", "gone")

    with pytest.raises(FileMissingError):
        world.mirror()


def test_a_visit_that_is_used_up_by_what_fails_counts(world: World) -> None:
    def late(_: Asked) -> Reply:
        world.stack.sleep(STAY_SECONDS)
        return Reply(404)

    world.files = {"a": late, "b": a_file(b"b", "image/png")}
    world.article("a", "b")

    with pytest.raises(FileMissingError):
        world.mirror()


def test_a_version_that_cannot_be_had_brings_no_older_one_into_a_folder(world: World) -> None:
    world.rules = "label=Web -> copies/"
    world.files = {"7": a_file(VIDEO[:9])}
    world.video("7", 9)
    world.mirror()
    assert world.copies() == set()

    world.rules = "-> copies/"
    world.video("8", 9)
    with pytest.raises(FileMissingError):
        world.mirror()

    assert world.copies() == set()
    assert list(world.stack.objects().values()) == [VIDEO[:9]]


def test_an_upload_goes_on_in_the_next_visit(world: World) -> None:
    world.files["7"] = a_file(VIDEO)
    world.video("7")
    world.leave_after_a_part()

    world.mirror()

    assert world.copies() == {VIDEO}
    assert [each.headers.get("range") for each in world.host.asked] == [
        None,
        f"bytes={PART_BYTES}-",
    ]


def test_an_upload_of_a_version_that_is_out_of_date_is_given_up(world: World) -> None:
    world.files = {"7": a_file(VIDEO), "8": a_file(VIDEO[:9])}
    world.video("7")
    world.leave_after_a_part()

    world.video("8", 9)
    world.mirror()

    assert world.uploads() == []
    assert list(world.stack.objects().values()) == [VIDEO[:9]] * 2


def test_an_upload_that_failed_is_not_gone_on_with_for_another_picture(world: World) -> None:
    world.files = {"a": a_file(VIDEO, "image/png"), "b": a_file(b"b", "image/png")}
    world.article("a", "b")
    world.leave_after_a_part()

    del world.files["a"]
    with pytest.raises(FileMissingError):
        world.mirror()

    assert world.copies() == {b"b"}
    assert world.uploads() == []
    assert world.host.asked[-1].headers.get("range") is None


def test_equal_pictures_are_one_file(world: World) -> None:
    world.files["a"] = a_file(b"a", "image/png")
    world.article("a", "a")

    world.mirror()

    assert len(world.host.asked) == 1
    assert len(world.stack.objects()) == 2


def test_one_worker_at_a_time_works_on_the_files_of_an_asset(world: World) -> None:
    refused: list[LeaseHeldError] = []

    def meanwhile(asked: Asked) -> Reply:
        with pytest.raises(LeaseHeldError) as caught:
            world.mirror()
        refused.append(caught.value)
        return a_file(b"a", "image/png")(asked)

    world.files["a"] = meanwhile
    world.article("a")

    assert world.mirror() == Ending("applied")
    assert [each.delay for each in refused] == [LEASE_SECONDS]
    assert len(world.host.asked) == 1


def test_a_worker_whose_lease_has_ended_puts_nothing_on_record(world: World) -> None:
    def overtaken(asked: Asked) -> Reply:
        world.files["a"] = a_file(b"new", "image/png")
        world.stack.lease_clock.advance(LEASE_SECONDS + 1)
        assert world.mirror() == Ending("applied")
        return a_file(b"old", "image/png")(asked)

    world.files["a"] = overtaken
    world.article("a")

    with pytest.raises(ConflictError):
        world.mirror()

    (event,) = world.stack.announced()
    assert event["detail"]["files"][0]["size"] == len(b"new")


def test_what_is_in_a_repository_of_former_times_is_left_to_its_owner(world: World) -> None:
    for name in ("former", "present"):
        create_bucket(world.stack.s3, name)
    world.options = {"repository": "former"}
    world.files["a"] = a_file(b"a", "image/png")
    world.article("a")
    world.mirror()

    world.options = {"repository": "present"}
    world.article("a")
    world.mirror()

    def held(bucket: str) -> int:
        return world.stack.s3.list_objects_v2(Bucket=bucket)["KeyCount"]

    assert (held("former"), held("present")) == (1, 1)
    (item,) = world.stack.items("FILES#")
    assert "former" not in json.dumps(item, default=str)


@pytest.mark.parametrize("asset_id", ["ä b#?%/../c", "\U0001f600", "a\\b:*|<>&"])
def test_an_asset_of_any_id_is_brought_and_withdrawn(asset_id: str, world: World) -> None:
    world.asset = replace(world.asset, asset_id=asset_id)
    world.files["a"] = a_file(b"a", "image/png")
    world.article("a")
    world.mirror()
    assert list(world.stack.objects().values()) == [b"a"] * 2

    world.asset = replace(world.asset, library=library.REMOVED)
    world.article("a")
    world.mirror()

    assert world.stack.objects() == {}


def test_a_body_that_does_not_end_leaves_no_upload(world: World) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(1 << 20)

    world.files["7"] = lambda _: Reply(200, {"Content-Type": "video/mp4"}, endless())
    world.video("7")

    with pytest.raises(FileError) as caught:
        world.mirror()

    assert not isinstance(caught.value, FileTooLargeError)
    assert world.uploads() == []
    assert world.stack.objects() == {}


class Died(BaseException):
    """What a worker does not live to see."""


def test_what_is_wanted_again_after_a_withdrawal_that_died_is_brought_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.files = {"a": a_file(b"a", "image/png")}
    world.article("a")
    assert world.mirror() == Ending("applied")
    write = Files.write

    def die(files: Files, state: FilesState) -> FilesState:
        if not state.claims:
            raise Died
        return write(files, state)

    world.asset = replace(world.asset, library=library.REMOVED)
    world.article("a")
    with monkeypatch.context() as dying:
        dying.setattr(Files, "write", die)
        with pytest.raises(Died):
            world.mirror()
    world.stack.sleep(LEASE_SECONDS + 1)

    world.asset = replace(world.asset, library=library.PRESENT)
    world.article("a")

    assert world.mirror() == Ending("applied")
    assert world.copies() == {b"a"}


def test_pictures_leave_their_old_folder_though_one_of_them_cannot_be_had(world: World) -> None:
    world.files = {"a": a_file(b"a", "image/png")}
    bad = "https://elsewhere.example.com/a.png"
    world.article("a", bad)
    with pytest.raises(UntrustedLinkError):
        world.mirror()
    assert world.copies() == {b"a"}

    world.rules = "-> others/"
    world.article("a", bad)
    with pytest.raises(UntrustedLinkError):
        world.mirror()

    assert world.copies() == set()
    assert [key for key in world.stack.objects() if key.startswith("others/")]


def refused(_: Asked) -> Reply:
    return Reply(403)


def make_private(world: World, *names: str) -> None:
    """Let pictures be private, and CMP have links to them."""
    for name in names:
        world.files[name] = refused
        world.files[f"{name}?token=1"] = a_file(name.encode(), "image/png")
        world.stack.api.urls[name] = f"{world.url(name)}?token=1"


def test_private_pictures_of_an_article_cost_one_request(world: World) -> None:
    world.files["a"] = a_file(b"a", "image/png")
    make_private(world, "b", "c")
    world.article("b", "a", "c")

    assert world.mirror() == Ending("applied")

    assert world.copies() == {b"a", b"b", b"c"}
    assert world.stack.api.asked == ["file-urls/b,c"]


def test_a_private_picture_that_cmp_has_no_link_to_holds_up_no_other(world: World) -> None:
    make_private(world, "b", "c")
    del world.stack.api.urls["b"]
    world.article("b", "c")

    with pytest.raises(FileGuidUnknownError):
        world.mirror()

    assert world.copies() == {b"c"}


def test_links_that_may_not_be_had_hold_up_no_public_picture(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.files["a"] = a_file(b"a", "image/png")
    make_private(world, "b")
    world.article("b", "a")

    def refuse(*_: object) -> dict[str, str]:
        raise ForbiddenError("POST /file-urls: 403", status=403)

    monkeypatch.setattr(PrivateLinks, "links", refuse)
    with pytest.raises(ForbiddenError):
        world.mirror()

    assert world.copies() == {b"a"}


@pytest.mark.parametrize(
    ("other", "error"), [("a", PostponedError), ("gone", FileMissingError)], ids=["waits", "counts"]
)
def test_waiting_for_links_is_no_attempt_unless_something_failed(
    world: World, monkeypatch: pytest.MonkeyPatch, other: str, error: type[Exception]
) -> None:
    world.files["a"] = a_file(b"a", "image/png")
    make_private(world, "b")
    world.article("b", other)

    def wait(*_: object) -> dict[str, str]:
        raise PostponedError("an appointment", delay=5)

    monkeypatch.setattr(PrivateLinks, "links", wait)
    with pytest.raises(error):
        world.mirror()
