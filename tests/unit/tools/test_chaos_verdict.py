"""The verdict: it holds for what is right, and fails on purpose for each thing that is wrong."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tools.chaos import verdict
from tools.chaos.economy import of as economy_of
from tools.chaos.observation import File, FileObservation, Message, Observation, TalkObservation
from tools.chaos.plan import Asset
from tools.chaos.talk_truth import TalkTruth
from tools.chaos.truth import Expected
from tools.chaos.verdict import Case
from tools.ledger.ledger import Received, Seen, draw_up
from tools.stand_in.files import own_content

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.stand_in.records import DeliveryRecord, DownloadRecord, RequestRecord

RECEIVED = 1_760_000_000_000
SECONDS = RECEIVED / 1000
MODIFIED = "2025-10-09T08:53:20Z"
VIEW: dict[str, Any] = {
    "id": "a",
    "title": "a v1",
    "modified_at": MODIFIED,
    "labels": [{"group": {"name": "Content Format"}}],
    "file_size": 9,
    "version_id": "2",
}
CONTENT = own_content(VIEW)
OBJECT, COPY = "assets/image/a/2/a-v1.jpg", "website/images/a.jpg"
CHECKSUM = b64encode(bytes.fromhex(CONTENT.sha256() if CONTENT else "")).decode()
FILE: dict[str, Any] = {
    "version": "2",
    "stored": {"key": OBJECT, "size": 9, "checksum": CHECKSUM, "mime_type": "image/jpeg"},
    "copy": {"bucket": "assets", "key": COPY},
}
FILES: dict[str, Any] = {
    "done": 4,
    "files": {"file": FILE},
    "claims": [{"bucket": "assets", "key": OBJECT}, {"bucket": "assets", "key": COPY}],
}
ENTRY_KEY = "assets/image/a/publications/e.json"
STRAYS = {"no_job": "{}", "unreadable_delivery": "{"}


def expected(**changes: Any) -> Expected:  # noqa: ANN401 - as dataclasses.replace
    made = Expected(Asset("a", "image"), "steady", frozenset({"e"}), True, True)
    return replace(made, **changes)


def poisoned() -> Expected:
    return expected(
        asset=Asset("p", "image"),
        open_events=frozenset(),
        is_current=False,
        poison="untrusted_link",
    )


def job(job_id: str, asset_id: str, **changes: Any) -> Received:  # noqa: ANN401
    made = Received(
        job_id,
        job_id.split(".")[0],
        "asset_published",
        "/data/assets/images/0",
        RECEIVED,
        job_id,
        asset_id=asset_id,
        publishing_event_id="e",
        announced=MODIFIED,
    )
    return replace(made, **changes)


def delivery(delivery_id: str) -> DeliveryRecord:
    return {
        "at": SECONDS,
        "event_name": "asset_published",
        "channel": None,
        "delivered": True,
        "status": 202,
        "attempts": 1,
        "response": {"delivery_id": delivery_id, "jobs": 1},
    }


def request(at: float, **changes: Any) -> RequestRecord:  # noqa: ANN401
    made: RequestRecord = {
        "at": at,
        "method": "GET",
        "path": "/v3/images/a",
        "query_keys": [],
        "status": 200,
        "bearer": "valid",
        "fault": None,
        "authorization_sha256": None,
    }
    made.update(changes)  # type: ignore[typeddict-item]
    return made


def letter(asset_id: str, **changes: str) -> Message:
    attributes = {
        "reason": "untrusted_link",
        "detail": "elsewhere",
        "attempts": "1",
        "job_id": "d1.0",
        "delivery_id": "d1",
        "event_name": "asset_published",
        **changes,
    }
    body = json.dumps({"asset": {"id": asset_id}})
    return Message("ASSET_PUBLISHED_DEAD_LETTER", body, attributes)


def event(sequence: int = 1, *, published: bool = True, title: str = "a v1") -> dict[str, Any]:
    place = {"bucket": "bucket", "key": "key"}
    asset = {
        "id": "a",
        "type": "image",
        "title": title,
        "modified_at": "2025-10-09T08:53:20.000Z",
        "published": published,
        "labels": None,
        "link": None,
    }
    detail = {
        "schema": 1,
        "id": "d0.0",
        "sequence": sequence,
        "channel": "default",
        "received_at": "2025-10-09T08:53:20.000Z",
        "asset": asset,
        "publishing_event": {"id": "e", "link": None, "publishing_metadata_link": None},
        "ended": [],
        "organization": {"id": None},
        "triggered_from": None,
        "details_source": "library",
        "details": place,
        "entry": place,
        "delivery": {"id": "d0", "archive_key": "key"},
    }
    return {"detail-type": "AssetPublished", "detail": detail}


def files_event(sequence: int = 1, **changes: object) -> dict[str, Any]:
    file = {
        "slot": "file",
        "version": "2",
        "mime_type": "image/jpeg",
        "size": 9,
        "checksum": CHECKSUM,
        "object": {"bucket": "assets", "key": OBJECT},
        "copy": {"bucket": "assets", "key": COPY},
    }
    asset = {"id": "a", "type": "image", "title": "a v1", "library": "present", "published": True}
    detail = {
        "schema": 1,
        "id": "asset_file.a.4",
        "sequence": sequence,
        "received_at": "2025-10-09T08:53:20.000Z",
        "asset": asset,
        "organization": {"id": None},
        "details": {"bucket": "assets", "key": "details"},
        "files": [{**file, **changes}],
    }
    return {"detail-type": "AssetFilesChanged", "detail": detail}


def download(**changes: Any) -> DownloadRecord:  # noqa: ANN401
    made: DownloadRecord = {
        "at": SECONDS,
        "path": "/files/a",
        "asset_id": "a",
        "token": False,
        "authorization": False,
        "cookie": False,
        "range": None,
        "status": 200,
        "sent_bytes": 9,
        "whole": True,
        "fault": None,
    }
    made.update(changes)  # type: ignore[typeddict-item]
    return made


def file_observation() -> FileObservation:
    file = File(9, b64decode(CHECKSUM).hex())
    return FileObservation(
        items={"a": FILES},
        objects={OBJECT: file, COPY: file},
        uploads={},
        jobs=[Seen("asset_file.a.4", "applied")],
        counted={"applied": 1},
        downloads=[download()],
    )


def observation() -> Observation:
    received = [job("d0.0", "a"), job("d1.0", "p")]
    seen = [Seen("d0.0", "applied"), Seen("d1.0", "dead_lettered")]
    asset = {
        "asset_id": "a",
        "type": "image",
        "published": True,
        "library": "present",
        "files_wanted": 4,
        "files_asked": 4,
        "title": "a v1",
        "modified_at": "2025-10-09T08:53:20.000Z",
        "details_key": "details",
    }
    publication = {"publishing_event_id": "e", "status": "published", "entry_key": ENTRY_KEY}
    aside = {"archive_key": "key"}
    return Observation(
        files=file_observation(),
        talk=TalkObservation({}, [], [], {}, [], {}, []),
        items={"a": {"ASSET": asset, "PUBLICATION#default#e": publication}, "p": {}},
        documents={
            "details": {"details_source": "library", "asset": VIEW},
            ENTRY_KEY: {"modified_at": MODIFIED},
        },
        events=[event(), files_event()],
        messages=[
            letter("p"),
            Message(
                "ASSET_PUBLISHED_DEAD_LETTER",
                STRAYS["no_job"],
                {"reason": "unreadable_job", "detail": "unreadable", "attempts": "1"},
            ),
            Message("QUARANTINE", json.dumps({"archive_key": "unreadable"})),
        ],
        waiting=0,
        ledger=draw_up(received, seen, {"applied": 1, "dead_lettered": 1}),
        received=received,
        seen=seen,
        requests=[request(SECONDS + 1)],
        bodies={
            "unreadable": STRAYS["unreadable_delivery"],
            aside["archive_key"]: "something else",
        },
        leaks=[],
    )


def case(**changes: Any) -> Case:  # noqa: ANN401
    return Case(
        expected=[expected(), poisoned()],
        views={"a": [VIEW], "p": [{"title": "p"}]},
        deliveries=[delivery("d0"), delivery("d1")],
        strays=STRAYS,
        promised={"CMP status 429"},
        met={"CMP status 429": 5},
        found=replace(observation(), **changes),
        talk=TalkTruth(),
        publications=[],
    )


def with_files(**changes: Any) -> Case:  # noqa: ANN401
    return case(files=replace(file_observation(), **changes))


def with_item(**changes: object) -> Case:
    return with_files(items={"a": {**FILES, **changes}})


def file_letter(reason: str) -> Message:
    return replace(letter("a", reason=reason), queue="ASSET_FILE_DEAD_LETTER")


def with_asset(**changes: object) -> dict[str, Any]:
    items = observation().items
    return {**items, "a": {**items["a"], "ASSET": {**items["a"]["ASSET"], **changes}}}


def with_documents(**changes: object) -> dict[str, Any]:
    return {**observation().documents, **changes}


def test_a_run_in_which_everything_is_right_passes() -> None:
    assert verdict.judge(case()).problems == {name: [] for name in verdict.judge(case()).problems}
    assert verdict.judge(case()).is_good


MISTAKES: list[tuple[str, Callable[[], Case]]] = [
    ("nothing is lost", lambda: case(seen=[])),
    (
        "nothing is lost",
        lambda: replace(case(), deliveries=[{**delivery("d0"), "delivered": False}]),
    ),
    ("the ledger adds up", lambda: case(ledger=draw_up([job("d0.0", "a")], [], {}))),
    ("nothing is in flight", lambda: case(ledger=draw_up([], [Seen("d0.0", None)], {}))),
    ("nothing is in flight", lambda: case(waiting=1)),
    ("final states are CMP's", lambda: case(items={"a": {}, "p": {}})),
    ("final states are CMP's", lambda: case(items=with_asset(published=False))),
    ("final states are CMP's", lambda: case(items=with_asset(library="removed"))),
    ("final states are CMP's", lambda: case(items={**with_asset(), "p": with_asset()["a"]})),
    ("details are CMP's", lambda: case(documents={})),
    (
        "details are CMP's",
        lambda: case(
            documents=with_documents(
                details={"details_source": "library", "asset": {**VIEW, "title": "a v0"}}
            )
        ),
    ),
    (
        "details are CMP's",
        lambda: case(
            documents=with_documents(details={"details_source": "delivery", "asset": VIEW})
        ),
    ),
    (
        "published entries are the latest",
        lambda: case(received=[job("d0.0", "a", announced="2025-10-09T09:00:00Z")]),
    ),
    ("the bus tells the truth", lambda: case(events=[])),
    ("the bus tells the truth", lambda: case(events=[event(), event(2, published=False)])),
    ("the bus tells the truth", lambda: case(events=[event(title="never"), event(2)])),
    ("the bus tells the truth", lambda: case(events=[event(0)])),
    ("only the poisoned are dead letters", lambda: case(messages=[])),
    (
        "only the poisoned are dead letters",
        lambda: case(messages=[*observation().messages, letter("a")]),
    ),
    (
        "only the poisoned are dead letters",
        lambda: case(messages=[*observation().messages, letter("p", detail="")]),
    ),
    ("strays are where they belong", lambda: case(messages=[letter("p")])),
    (
        "strays are where they belong",
        lambda: case(
            messages=[
                *observation().messages,
                Message("QUARANTINE", json.dumps({"archive_key": "key"})),
            ]
        ),
    ),
    (
        "CMP is asked once per state",
        lambda: case(requests=[request(SECONDS + 3), request(SECONDS + 4)]),
    ),
    ("files are CMP's", lambda: with_files(objects={})),
    ("files are CMP's", lambda: with_files(objects={OBJECT: File(9, "00")})),
    (
        "files are CMP's",
        lambda: case(items=with_asset(published=False, library="removed")),
    ),
    ("copies are where the rules want them", lambda: case(items=with_asset(published=False))),
    (
        "copies are where the rules want them",
        lambda: with_item(files={"file": {**FILE, "copy": None}}),
    ),
    (
        "copies are where the rules want them",
        lambda: with_files(objects={**file_observation().objects, COPY: File(9, "00")}),
    ),
    ("claims and objects agree", lambda: with_item(claims=[])),
    ("claims and objects agree", lambda: with_files(objects={})),
    ("claims and objects agree", lambda: with_item(files={})),
    ("claims and objects agree", lambda: with_item(unfinished={"key": OBJECT})),
    ("claims and objects agree", lambda: with_files(uploads={OBJECT: 1})),
    ("claims and objects agree", lambda: with_files(objects={OBJECT: File(8, "00")})),
    ("file jobs add up", lambda: with_files(jobs=[Seen("asset_file.a.4", None)])),
    ("file jobs add up", lambda: with_files(counted={})),
    ("file jobs add up", lambda: case(items=with_asset(files_wanted=5))),
    ("file jobs add up", lambda: with_item(pending={})),
    (
        "no file is a dead letter",
        lambda: case(messages=[*observation().messages, file_letter("file_not_found")]),
    ),
    (
        "no file is a dead letter",
        lambda: replace(
            case(messages=[*observation().messages, file_letter("file_length")]),
            expected=[expected(was_deleted=True), poisoned()],
        ),
    ),
    ("the bus tells the files", lambda: case(events=[event()])),
    (
        "the bus tells the files",
        lambda: case(events=[event(), files_event(), files_event(2, copy=None)]),
    ),
    ("file hosts see no token of ours", lambda: with_files(downloads=[download(cookie=True)])),
    (
        "file hosts see no token of ours",
        lambda: replace(
            case(), expected=[expected(asset=Asset("a", "image", is_private=True)), poisoned()]
        ),
    ),
    ("every trouble was met", lambda: replace(case(), met={"CMP status 500": 1})),
    ("no secret is in a log", lambda: case(leaks=["an access token"])),
]


@pytest.mark.parametrize(("check", "mistaken"), MISTAKES)
def test_a_mistake_is_found_by_its_check(check: str, mistaken: Callable[[], Case]) -> None:
    judged = verdict.judge(mistaken())

    assert judged.problems[check]
    assert not judged.is_good


def test_a_file_that_cmp_has_deleted_may_be_a_dead_letter_and_lacking() -> None:
    gone = expected(in_library=False, was_deleted=True)
    found = replace(
        observation(),
        files=replace(
            file_observation(),
            items={},
            objects={},
            jobs=[Seen("asset_file.a.4", "dead_lettered")],
            counted={"dead_lettered": 1},
        ),
        items=with_asset(library="removed"),
        messages=[*observation().messages, file_letter("file_not_found")],
    )

    judged = verdict.judge(replace(case(), expected=[gone, poisoned()], found=found))

    assert judged.is_good, judged.problems


def test_details_of_an_asset_that_nobody_announced_may_be_an_earlier_view() -> None:
    earlier = {**VIEW, "title": "a v0"}
    documents = with_documents(details={"details_source": "library", "asset": earlier})
    found = replace(observation(), documents=documents)
    views = {"a": [earlier, VIEW], "p": [{"title": "p"}]}

    judged = verdict.judge(
        replace(case(), expected=[expected(is_current=False)], views=views, found=found)
    )

    assert judged.problems["details are CMP's"] == []


@pytest.mark.parametrize("source", ["library", "delivery"])
def test_details_that_cmp_never_showed_are_found(source: str) -> None:
    documents = with_documents(details={"details_source": source, "asset": {"title": "never"}})

    judged = verdict.judge(
        replace(case(documents=documents), expected=[expected(is_current=False)])
    )

    assert len(judged.problems["details are CMP's"]) == 1


def test_a_request_is_needed_for_every_job_that_no_earlier_one_covers() -> None:
    jobs = [
        job("d0.0", "a", announced=None),
        job("d1.0", "a", announced=None, received_at=RECEIVED + 60_000),
    ]
    seen = [Seen("d0.0", "applied"), Seen("d1.0", "applied")]
    moments = [SECONDS + 3, SECONDS + 63, SECONDS + 90]
    found = replace(
        observation(),
        received=jobs,
        seen=seen,
        requests=[*(request(at) for at in moments), request(SECONDS + 4, fault="malformed")],
    )

    spent = economy_of(found)

    assert (spent.asked, spent.needed) == (3, 2)
    assert spent.ratio == 1.5


def test_a_request_soon_after_a_job_came_serves_that_job_alone() -> None:
    jobs = [
        job("d0.0", "a", announced=None),
        job("d1.0", "a", announced=None, received_at=RECEIVED + 100),
    ]
    seen = [Seen("d0.0", "applied"), Seen("d1.0", "applied")]
    moments = [SECONDS + 0.5, SECONDS + 1, SECONDS + 1.5]
    requests = [request(at) for at in moments]

    spent = economy_of(replace(observation(), received=jobs, seen=seen, requests=requests))

    assert (spent.asked, spent.needed) == (3, 2)
