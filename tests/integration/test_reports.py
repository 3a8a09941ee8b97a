"""Reports of what became of published assets: gathered, told in one request, ended one by one."""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from cmp_relay import report
from cmp_relay.commands import read_command_job
from cmp_relay.errors import ForbiddenError, RequestRefusedError, UnavailableError
from cmp_relay.outcomes import MOST_ATTEMPTS
from cmp_relay.records import LEASE_SECONDS
from cmp_relay.report_batch import Draft
from cmp_relay.report_flush import MOST_PAGES, Flush
from cmp_relay.report_table import ReportTable, Window
from tests.support.fake_metadata import link, not_found, unavailable
from tests.support.killer import ProcessKilled
from tests.support.report_world import EVENT, ReportWorld, command
from tests.support.worker_stack import CONTEXT, WorkerStack, clients

if TYPE_CHECKING:
    from cmp_relay.open_api import OpenApi

SECOND = 1000
URL = "https://www.example.com/a.png"


@pytest.fixture
def world(stack: WorkerStack) -> ReportWorld:
    return ReportWorld(stack)


def test_reports_enqueued_together_take_as_few_requests_as_can_be(stack: WorkerStack) -> None:
    world = ReportWorld(stack, most=10)
    assets = [f"image-{number}" for number in range(25)]
    refused = set(assets[::10])
    world.cmp.refusals = dict.fromkeys(refused, "unknown-asset")
    world.send(*(command(asset_id, public_url=URL) for asset_id in assets))

    world.run()

    assert world.sizes == [10, 10, 5]
    assert {asset_id for asset_id, _, _ in world.told()} == set(assets) - refused
    outcomes = world.outcomes()
    assert {name for name, outcome in outcomes.items() if outcome == "dead_lettered"} == refused
    assert {outcomes[name] for name in set(assets) - refused} == {"applied"}
    assert {why["reason"] for _, why in world.stack.dead_letters()} == {"unknown-asset"}
    assert world.reasons()[assets[0]] == "unknown-asset: Refused: unknown-asset"
    assert world.left() == []
    assert max(message.receives for message in world.queue.done) <= 6


def test_a_report_waits_for_others_and_not_for_long(world: ReportWorld) -> None:
    began = world.time.now()
    world.send(command("image-1"))

    world.run(14 * SECOND)
    assert world.cmp.posts == []

    world.run()
    assert world.told() == [("image-1", None, "published")]
    assert world.time.now() - began <= 25 * SECOND


def test_a_trickle_is_sent_after_a_minute(world: ReportWorld) -> None:
    for number in range(10):
        world.send(command(f"image-{number}"))
        world.run(7 * SECOND)

    world.run()

    assert world.sizes == [9, 1]


def test_what_cmp_is_told_and_what_the_sender_is(world: ReportWorld) -> None:
    world.send(
        command(
            "image-1",
            locale="en",
            public_url=URL,
            destination_updated_at="2026-11-21T10:00:00+01:00",
            message="Live",
        )
    )

    world.run()

    ((told,),) = world.cmp.posts
    assert told == {
        "asset_id": "image-1",
        "status": "published",
        "locale": "en",
        "public_url": URL,
        "publishing_destination_updated_at": "2026-11-21T10:00:00+01:00",
        "status_message": "Live",
    }
    (item,) = world.stack.items("REPORTS#")
    assert item["verdict"]["result"] == {
        "id": "metadata-0",
        "status": "published",
        "locale": "en",
        "link": f"{link(EVENT)}/metadata-0",
    }


def test_equal_reports_are_sent_once_and_newer_ones_hold(world: ReportWorld) -> None:
    world.send(
        command("a", command_id="old", issued_at=1, status="failed"),
        command("a", command_id="new", issued_at=3, public_url=URL),
        command("a", command_id="same", issued_at=2, public_url=URL),
        command("a", command_id="german", issued_at=2, locale="de"),
    )

    world.run()

    assert sorted(world.told(), key=str) == [("a", "de", "published"), ("a", None, "published")]
    assert world.outcomes() == {
        "old": "superseded",
        "new": "applied",
        "same": "applied",
        "german": "applied",
    }
    assert world.sizes == [2]


def test_of_two_that_were_issued_at_one_moment_the_later_to_come_holds(
    world: ReportWorld,
) -> None:
    world.send(command("a", command_id="z"))
    world.run(5 * SECOND)
    world.send(command("a", command_id="b", status="failed"))

    world.run()

    assert world.told() == [("a", None, "failed")]
    assert world.outcomes() == {"z": "superseded", "b": "applied"}


def test_what_was_told_already_costs_no_request(world: ReportWorld) -> None:
    world.send(command("a", command_id="first", issued_at=5, public_url=URL))
    world.run()

    world.send(
        command("a", command_id="again", issued_at=6, public_url=URL),
        command("a", command_id="late", issued_at=4, status="failed"),
    )
    world.run()

    assert world.outcomes() == {"first": "applied", "again": "applied", "late": "superseded"}
    assert len(world.cmp.asked) == 1


@pytest.mark.parametrize("status", [400, 413])
def test_a_request_that_is_too_large_is_halved(world: ReportWorld, status: int) -> None:
    world.cmp.cap, world.cmp.cap_status = 3, status
    world.send(*(command(f"image-{number}") for number in range(8)))

    world.run()

    assert world.sizes == [8, 4, 2, 2, 4, 2, 2]
    assert set(world.outcomes().values()) == {"applied"}


def test_a_report_that_cmp_refuses_alone_is_refused(world: ReportWorld) -> None:
    world.cmp.cap = 0
    world.send(command("a"), command("b"))

    world.run()

    assert world.outcomes() == {"a": "dead_lettered", "b": "dead_lettered"}
    assert {why["reason"] for _, why in world.stack.dead_letters()} == {"request_refused"}
    assert world.sizes == [2, 1, 1]


@pytest.mark.parametrize(
    ("code", "arguments", "changed"),
    [
        ("public-url-not-allowed", {"public_url": URL}, {"public_url": None}),
        ("locale-not-allowed", {"locale": "en"}, {"locale": None}),
        (
            "missing-publishing-destination-updated-at",
            {},
            {"publishing_destination_updated_at": "2026-11-21T12:00:00.000Z"},
        ),
        (
            "publishing-destination-updated-at-not-allowed",
            {"destination_updated_at": "2026-11-21T12:00:00Z"},
            {"publishing_destination_updated_at": None},
        ),
    ],
)
def test_what_cmp_wants_otherwise_is_sent_once_more(
    world: ReportWorld, code: str, arguments: dict[str, Any], changed: dict[str, str | None]
) -> None:
    world.cmp.refusals = {"a": code}
    world.send(command("a", **arguments), command("b", locale="en"))

    world.run()

    first, second = world.cmp.posts
    assert len(first) == 2
    assert second == [
        {"asset_id": "a", "status": "published"} | {k: v for k, v in changed.items() if v}
    ]
    assert world.outcomes() == {"a": "applied", "b": "applied"}
    (result,) = [
        item["verdict"]["result"]
        for item in world.stack.items("REPORTS#")
        if item["job_id"] == "command.a"
    ]
    assert result["changed"] == list(changed)


@pytest.mark.parametrize("code", ["missing-public-url", "missing-locale", "public-url-not-allowed"])
def test_what_nobody_knows_or_said_is_refused(world: ReportWorld, code: str) -> None:
    world.cmp.refusals = {"a": code}
    world.cmp._problem = lambda *_: code  # type: ignore[method-assign]
    world.send(command("a"))

    world.run()

    assert [why["reason"] for _, why in world.stack.dead_letters()] == [code]
    assert world.sizes == [1]


@pytest.mark.parametrize("silence", [unavailable, ValueError], ids=["no answer", "strange answer"])
def test_a_report_repeated_after_no_answer_is_there_once(
    world: ReportWorld, silence: Callable[[], Exception]
) -> None:
    world.cmp.failures = [silence()]
    world.send(command("a", public_url=URL), command("b", public_url=URL))

    world.run()

    assert world.told() == [("a", None, "published"), ("b", None, "published")]
    assert world.outcomes() == {"a": "applied", "b": "applied"}
    assert world.cmp.asked[1:] == [f"POST {link(EVENT)}", f"GET {link(EVENT)}"]


@pytest.mark.parametrize(
    ("keeps", "outcome", "reason"),
    [
        (False, "dead_lettered", "metadata_exists_differs"),
        (True, "superseded", None),
    ],
)
def test_what_cmp_has_otherwise_is_told(
    world: ReportWorld, *, keeps: bool, outcome: str, reason: str | None
) -> None:
    world.send(command("a", command_id="first", status="failed"))
    world.run()
    world.send(command("a", command_id="second", issued_at=1, keep_existing=keeps))

    world.run()

    assert world.outcomes() == {"first": "applied", "second": outcome}
    assert world.told() == [("a", None, "failed")]
    assert world.cmp.asked[-1] == f"GET {link(EVENT)}?asset_id=a"
    assert [why["reason"] for _, why in world.stack.dead_letters()] == ([reason] if reason else [])
    assert "differs (failed)" in (world.reasons()["second"] or "")


def test_what_cmp_says_exists_and_does_not_show_is_asked_again(world: ReportWorld) -> None:
    world.cmp.refusals = {"a": "metadata-exists"}
    world.send(command("a"))

    world.run()

    ((_, why),) = world.stack.dead_letters()
    assert (why["reason"], why["attempts"]) == ("unavailable", str(MOST_ATTEMPTS))


@pytest.mark.parametrize(
    "problem", [ForbiddenError("GET: 403", status=403), UnavailableError("GET: 503", status=503)]
)
def test_what_cmp_has_and_cannot_be_read_now_is_read_later(
    world: ReportWorld, problem: Exception
) -> None:
    def refuse_once(href: str) -> Mapping[str, Any]:
        del world.cmp.get
        raise problem

    world.send(command("a", command_id="first"))
    world.run()
    world.stack.dynamodb.delete_item(
        TableName="catalogue",
        Key={"pk": {"S": f"REPORTS#{EVENT}"}, "sk": {"S": "REPORT#command.first"}},
    )
    world.cmp.get = refuse_once  # type: ignore[method-assign]
    world.send(command("a", command_id="again"))

    world.run()

    assert world.outcomes() == {"first": "applied", "again": "applied"}
    assert world.told() == [("a", None, "published")]


def test_what_cmp_has_is_read_page_by_page_and_not_for_ever(world: ReportWorld) -> None:
    row = {"asset_id": "b", "locale": None, "status": "published"}
    pages = {link(EVENT): {"data": [row], "pagination": {"next": f"{link(EVENT)}?offset=1"}}}
    pages[f"{link(EVENT)}?asset_id=a"] = pages[link(EVENT)]
    pages[f"{link(EVENT)}?offset=1"] = pages[link(EVENT)]
    asked: list[str] = []

    def get(href: str) -> Mapping[str, Any]:
        asked.append(href)
        return pages[href]

    api = cast("OpenApi", SimpleNamespace(get=get))
    table = ReportTable(clients("workers").table, "catalogue", world.stack.clock)
    flush = Flush(api, table, EVENT, 100, world.stack.clock, world.stack.clock() + 1)
    drafts = [
        Draft((report.of(read_command_job(command(asset_id)), world.stack.clock()),))
        for asset_id in "ab"
    ]

    flush._compare(link(EVENT), drafts)

    assert flush.silent == 1
    assert [each.verdict and each.verdict.outcome for each in table.of(EVENT)] == ["applied"]
    assert len(asked) == 2 * MOST_PAGES


def test_a_report_that_comes_before_the_window_closes_is_not_overlooked(
    world: ReportWorld,
) -> None:
    def register() -> None:
        """Come after all others are sent, when nobody waits any more."""
        world.cmp.meanwhile = lambda: None
        world.stack.dynamodb.update_item(
            TableName="catalogue",
            Key={"pk": {"S": f"REPORTS#{EVENT}"}, "sk": {"S": "FLUSH"}},
            UpdateExpression="ADD #count :one",
            ExpressionAttributeNames={"#count": "count"},
            ExpressionAttributeValues={":one": {"N": "1"}},
        )

    visit(world, command("early"))
    world.stack.sleep(20)
    closed: list[bool] = []
    close = ReportTable.close

    def close_late(table: ReportTable, event_id: str, window: Window | None) -> bool:
        if not closed:
            register()
        closed.append(close(table, event_id, window))
        return closed[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ReportTable, "close", close_late)
        world.cmp.meanwhile = lambda: None
        assert visit(world, command("early")) == 0

    assert closed == [False, True]


def test_a_link_that_leads_nowhere_refuses_all_that_was_to_go_there(world: ReportWorld) -> None:
    world.cmp.refused = {link(EVENT): not_found()}
    world.most = 1
    world.send(command("a"), command("b"), command("c", event_id="event-2"))

    world.run()

    assert world.outcomes() == {"a": "dead_lettered", "b": "dead_lettered", "c": "applied"}
    assert [why["reason"] for _, why in world.stack.dead_letters()] == ["not_found"] * 2


def test_a_request_that_is_refused_as_such_is_sent_once(world: ReportWorld) -> None:
    world.cmp.refused = {link(EVENT): RequestRefusedError("POST: 405", status=405)}
    world.send(*(command(f"image-{number}") for number in range(8)))

    world.run()

    assert set(world.outcomes().values()) == {"dead_lettered"}
    assert world.sizes == [8]


@pytest.mark.parametrize(("silent", "taken"), [("a", "b"), ("b", "a")])
def test_a_report_that_cmp_took_is_applied_whatever_became_of_others(
    stack: WorkerStack, silent: str, taken: str
) -> None:
    world = ReportWorld(stack, pollers=1)
    # Each of the two jobs has four attempts behind it before CMP takes one of the reports.
    world.cmp.failures = [
        UnavailableError("POST: 503", status=503) for _ in range(2 * (MOST_ATTEMPTS - 1))
    ]
    world.cmp.silent = {silent}
    world.cmp.takes_what_fails = False
    world.send(command("a"), command("b"))

    world.run()

    assert world.outcomes() == {silent: "dead_lettered", taken: "applied"}


def test_what_cmp_says_nothing_of_is_asked_again_and_ends_alone(world: ReportWorld) -> None:
    world.cmp.silent = {"b"}
    world.send(command("a"), command("b"))

    world.run()

    assert world.outcomes() == {"a": "applied", "b": "dead_lettered"}
    ((_, why),) = world.stack.dead_letters()
    assert (why["reason"], why["attempts"]) == ("unavailable", str(MOST_ATTEMPTS))
    assert world.told() == [("a", None, "published")]

    world.send(command("c"))
    world.run(14 * SECOND)
    assert len(world.cmp.posts) == 1 + MOST_ATTEMPTS, "a window of old is none for what comes later"
    world.run()
    assert world.outcomes()["c"] == "applied"
    assert world.left() == []


def test_a_dead_letter_that_is_sent_back_begins_anew(world: ReportWorld) -> None:
    world.cmp.refusals = {"a": "domain-not-whitelisted"}
    world.send(command("a"))
    world.run()
    world.cmp.refusals = {}
    world.cmp.meanwhile = lambda: None

    for _ in range(3):
        sent_back = world.stack.event(command("a"), attributes={"reason": "domain-not-whitelisted"})
        world.worker().handle(sent_back, CONTEXT)
        world.stack.sleep(30)

    assert world.outcomes() == {"a": "applied"}
    assert world.sizes == [1, 1]


def visit(world: ReportWorld, *messages: str) -> int:
    """Let a new worker have messages, and return how many come back."""
    answer = world.worker().handle(world.stack.event(*messages), CONTEXT)
    return len(answer["batchItemFailures"])


def test_a_report_that_comes_while_others_are_sent_has_a_window_of_its_own(
    world: ReportWorld,
) -> None:
    def register() -> None:
        world.cmp.meanwhile = lambda: None
        assert visit(world, command("late")) == 1

    visit(world, command("early"))
    world.stack.sleep(20)
    world.cmp.meanwhile = register

    assert visit(world, command("early")) == 0
    assert world.told() == [("early", None, "published")]
    assert visit(world, command("late")) == 1
    assert world.sizes == [1], "it waits for others"
    world.stack.sleep(20)
    assert visit(world, command("late")) == 0
    assert world.sizes == [1, 1]
    assert world.left() == []


def test_a_visit_has_an_end_and_another_goes_on(world: ReportWorld) -> None:
    world.most = 1
    messages = [command(f"image-{number}") for number in range(3)]
    world.cmp.meanwhile = lambda: world.stack.sleep(10)
    visit(world, *messages)
    world.stack.sleep(20)

    assert visit(world, messages[2]) == 1
    assert world.sizes == [1, 1]
    assert visit(world, *messages) == 0
    assert world.sizes == [1, 1, 1]


ALONE = [command("a", locale="en", public_url=URL), command("b")]
RIVALS = [*ALONE, command("a", command_id="old", issued_at=-1, locale="en", status="failed")]


@pytest.mark.parametrize(
    ("messages", "are_due"), [(ALONE, False), (RIVALS, True)], ids=["who registers", "who sends"]
)
def test_killing_at_any_call_leads_to_one_entry_and_the_same_end(
    stack: WorkerStack, messages: list[str], *, are_due: bool
) -> None:
    def begin() -> ReportWorld:
        stack.empty()
        world = ReportWorld(stack)
        world.cmp.meanwhile = lambda: None
        world.cmp.refusals = {"a": "locale-not-allowed", "b": "unknown-asset"}
        if are_due:
            visit(world, *messages)
            stack.sleep(20)
        stack.killer.calls.clear()
        return world

    visit(begin(), *messages)
    calls = len(stack.killer.calls)
    assert calls > 5 * len(messages)
    for call in range(calls + 1):
        world = begin()
        stack.killer.kill_at(min(call, calls - 1), after=call == calls)
        with pytest.raises(ProcessKilled):
            visit(world, *messages)
        stack.killer.spare()
        for _ in range(3):
            stack.sleep(LEASE_SECONDS + 1)
            visit(world, *messages)

        expected = {"a": "applied", "b": "dead_lettered"}
        rival = {"old": "superseded"} if are_due else {}
        assert world.outcomes() == expected | rival, call
        assert world.told() == [("a", None, "published")], call
        assert {why["job_id"] for _, why in stack.dead_letters()} == {"command.b"}, call
        assert sum(stack.counts().values()) == len(messages), call
        # A window that nobody waits in any more is of no consequence (see above).
        assert set(world.left()) <= {"FLUSH", "LEASE"}, call
