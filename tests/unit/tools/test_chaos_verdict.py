"""The verdict: it holds for what is right, and fails on purpose for each thing that is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tools.chaos import verdict
from tools.chaos.economy import of as economy_of
from tools.chaos.observation import Message, Observation
from tools.chaos.plan import Asset
from tools.chaos.truth import Expected
from tools.chaos.verdict import Case
from tools.ledger.ledger import Received, Seen, draw_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.stand_in.records import DeliveryRecord, RequestRecord

RECEIVED = 1_760_000_000_000
SECONDS = RECEIVED / 1000
MODIFIED = "2025-10-09T08:53:20Z"
VIEW = {"id": "a", "title": "a v1", "modified_at": MODIFIED}
ENTRY_KEY = "assets/image/a/publications/e.json"
STRAYS = {"no_job": "{}", "unreadable_delivery": "{", "other_event": '{"event_name": "x"}'}


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


def observation() -> Observation:
    received = [job("d0.0", "a"), job("d1.0", "p")]
    seen = [Seen("d0.0", "applied"), Seen("d1.0", "dead_lettered")]
    asset = {
        "published": True,
        "library": "present",
        "title": "a v1",
        "modified_at": "2025-10-09T08:53:20.000Z",
        "details_key": "details",
    }
    publication = {"publishing_event_id": "e", "status": "published", "entry_key": ENTRY_KEY}
    aside = {"archive_key": "key"}
    return Observation(
        items={"a": {"ASSET": asset, "PUBLICATION#default#e": publication}, "p": {}},
        documents={
            "details": {"details_source": "library", "asset": VIEW},
            ENTRY_KEY: {"modified_at": MODIFIED},
        },
        events=[event()],
        messages=[
            letter("p"),
            Message(
                "ASSET_PUBLISHED_DEAD_LETTER",
                STRAYS["no_job"],
                {"reason": "unreadable_job", "detail": "unreadable", "attempts": "1"},
            ),
            Message("QUARANTINE", json.dumps({"archive_key": "unreadable"})),
            Message("OTHER_EVENT", json.dumps({"archive_key": "other"})),
        ],
        waiting=0,
        ledger=draw_up(received, seen, {"applied": 1, "dead_lettered": 1}),
        received=received,
        seen=seen,
        requests=[request(SECONDS + 1)],
        bodies={
            "unreadable": STRAYS["unreadable_delivery"],
            "other": STRAYS["other_event"],
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
    )


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
    ("every trouble was met", lambda: replace(case(), met={"CMP status 500": 1})),
    ("no secret is in a log", lambda: case(leaks=["an access token"])),
]


@pytest.mark.parametrize(("check", "mistaken"), MISTAKES)
def test_a_mistake_is_found_by_its_check(check: str, mistaken: Callable[[], Case]) -> None:
    judged = verdict.judge(mistaken())

    assert judged.problems[check]
    assert not judged.is_good


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
