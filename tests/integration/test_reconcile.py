"""What no delivery told is found in CMP's library, and only that, while the library moves."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cmp_relay import listing, reconciliation
from cmp_relay.errors import (
    ApiError,
    ForbiddenError,
    NotFoundError,
    RequestRefusedError,
    UnavailableError,
)
from cmp_relay.row_table import RowTable
from cmp_relay.runs import MOST_FAILURES, MOST_RESTARTS, SETTLE, TICK, Pace, Rhythm
from cmp_relay.slots import Limits
from cmp_relay.telemetry import metrics
from tests.support import library_jobs
from tests.support.clock import NOON
from tests.support.killer import ProcessKilled
from tests.support.publish_jobs import API, link, receipt
from tests.support.reconcile_world import DAY, ReconcileWorld
from tests.support.worker_stack import WorkerStack

ASSETS = [f"image-{number}" for number in range(5)]


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE_SIZE", 2)


@pytest.fixture
def world(stack: WorkerStack) -> ReconcileWorld:
    return ReconcileWorld(stack)


def settle(world: ReconcileWorld, run: str | None = None) -> dict[str, Any]:
    """Let ticks come by until the run has ended and return its report."""
    report = world.tick(run)
    for _ in range(10):
        if report["status"] != "under_way":
            break
        world.work()
        world.stack.sleep(TICK / 1000)
        report = world.tick()
    world.work()
    return report


def deliver(world: ReconcileWorld, event_name: str, asset_id: str) -> None:
    raw = library_jobs.body(event_name, asset_id)
    of = receipt(f"{event_name}-{asset_id}-{world.stack.clock()}", world.stack.clock())
    (message,) = world.stack.deliver(raw, of)
    world.stack.work(message)


def states(world: ReconcileWorld) -> dict[str, str]:
    items = world.stack.items("ASSET#")
    return {item["asset_id"]: item["library"] for item in items if item["sk"] == "ASSET"}


def counted(report: dict[str, Any]) -> dict[str, int]:
    return {name: value for name, value in report.items() if isinstance(value, int) and value}


def sightings(world: ReconcileWorld) -> list[str]:
    return [key for key in world.stack.documents() if key.startswith("reconcile/")]


# What a run finds


def test_the_first_run_brings_the_whole_library(world: ReconcileWorld) -> None:
    world.library.fill(*ASSETS)

    report = settle(world)

    assert (report["kind"], report["status"]) == ("full", "finished")
    assert counted(report) == {"pages": 3, "missing": 5, "enqueued": 5}
    assert states(world) == dict.fromkeys(ASSETS, "present")
    assert world.stack.asset("image-1")["organization_id"] == "organization-1"
    assert world.stack.counts() == {"applied": 5}
    assert sightings(world) == []


def test_at_level_list_the_pages_are_kept_for_the_jobs(world: ReconcileWorld) -> None:
    world.library.fill(*ASSETS)
    table = RowTable(world.stack.dynamodb, "catalogue")
    reconciliation = replace(world.reconciliation(), rows=table, look=0)

    reconciliation.tick({"run": "full"}, "owner", lambda: 240)

    assert len(world.jobs()) == len(ASSETS)
    assert all(table.row(asset_id) for asset_id in ASSETS)


def test_a_library_without_gaps_costs_its_pages_alone(world: ReconcileWorld) -> None:
    world.know(*ASSETS)

    report = settle(world, "full")

    assert counted(report) == {"pages": 3, "matched": 5}
    assert world.stack.api.asked == world.library.pages
    assert len(world.library.pages) == 3
    assert world.stack.announced() == []


def test_an_incremental_run_finds_what_was_added_changed_and_archived_since(
    world: ReconcileWorld,
) -> None:
    world.know(*ASSETS)
    changed_at = world.stack.clock()
    world.library.put("image-9", changed_at)
    world.library.put("image-1", changed_at, title="Changed")
    world.library.put("image-2", changed_at, is_archived=True)

    report = settle(world, "incremental")

    assert counted(report) == {"pages": 2, "missing": 1, "outdated": 2, "enqueued": 3}
    assert world.stack.asset("image-1")["title"] == "Changed"
    assert states(world) | {"image-9": "present", "image-2": "archived"} == states(world)
    assert "modified_at__from=2026-11-21T11:50:00Z" in world.library.pages[0]


def test_a_full_run_finds_what_is_gone(world: ReconcileWorld) -> None:
    world.know(*ASSETS)
    world.library.delete("image-3")

    report = settle(world, "full")

    assert counted(report) == {
        "pages": 2,
        "matched": 4,
        "candidates": 1,
        "removed": 1,
        "enqueued": 1,
    }
    assert states(world)["image-3"] == "removed"
    assert world.stack.api.asked.count(link("image-3")) == 2
    assert [event["detail-type"] for event in world.stack.announced()] == ["LibraryAssetRemoved"]
    assert sightings(world) == []


def test_what_was_published_and_is_gone_is_found_too(world: ReconcileWorld) -> None:
    world.know(*ASSETS)
    world.stack.dynamodb.update_item(
        TableName="catalogue",
        Key={"pk": {"S": "ASSET#image-3"}, "sk": {"S": "ASSET"}},
        UpdateExpression="SET listing = :listing",
        ExpressionAttributeValues={":listing": {"S": "published#image"}},
    )
    world.library.delete("image-3")

    assert counted(settle(world, "full"))["removed"] == 1


def test_what_is_changed_or_added_during_a_run_is_not_taken_for_gone(
    world: ReconcileWorld,
) -> None:
    world.know(*ASSETS)

    def change_and_add() -> None:
        world.stack.clock.advance(1)
        for asset_id, event_name in (("image-4", "asset_modified"), ("new", "asset_added")):
            world.library.put(asset_id, world.stack.clock())
            deliver(world, event_name, asset_id)

    world.library.meanwhile = [lambda: None, change_and_add]
    report = settle(world, "full")

    assert counted(report) == {"pages": 3, "matched": 4}
    assert states(world) == dict.fromkeys([*ASSETS, "new"], "present")


def test_what_was_changed_without_a_delivery_during_a_run_is_looked_up(
    world: ReconcileWorld,
) -> None:
    world.know(*ASSETS)
    world.library.meanwhile = [
        lambda: None,
        lambda: world.library.put("image-4", world.stack.clock(), title="Changed"),
    ]

    report = settle(world, "full")

    assert counted(report) == {"pages": 3, "matched": 4, "candidates": 1, "enqueued": 1}
    assert world.stack.asset("image-4")["title"] == "Changed"


def test_a_deletion_during_a_run_hides_nothing(world: ReconcileWorld) -> None:
    world.know("image-0", "image-1")
    world.library.fill(*ASSETS)
    world.library.meanwhile = [lambda: None, lambda: world.library.delete("image-0")]

    report = settle(world, "full")

    # image-2 slipped to the first page when image-0 went
    assert states(world)["image-2"] == "present"
    assert (report["missing"], report["enqueued"]) == (3, 3)


def test_an_asset_that_is_shown_twice_is_counted_once(world: ReconcileWorld) -> None:
    world.library.fill(*ASSETS)
    world.library.meanwhile = [
        lambda: None,
        lambda: world.library.put("new", world.stack.clock()),
    ]

    report = settle(world, "full")

    assert (report["missing"], report["enqueued"], len(states(world))) == (5, 5, 5)
    assert settle(world, "incremental")["missing"] == 1


def test_a_job_whose_delivery_came_after_all_costs_nothing(world: ReconcileWorld) -> None:
    world.know(*ASSETS)
    world.library.put("image-1", world.stack.clock(), title="Changed")
    assert world.tick("incremental")["outdated"] == 1
    world.stack.clock.advance(10)
    deliver(world, "asset_modified", "image-1")
    asked = world.stack.api.asked.count(link("image-1"))

    world.work()

    assert world.stack.api.asked.count(link("image-1")) == asked == 1


# What a run may do


def test_a_run_spends_its_share_and_goes_on_at_the_next_tick(world: ReconcileWorld) -> None:
    world.pace = Pace(share=10, per_minute=5)  # 2.5 requests in a tick
    world.library.fill(*ASSETS)

    ticks = []
    for _ in range(4):
        ticks.append(world.tick())
        world.stack.clock.advance(TICK / 1000)

    assert [tick["enqueued"] for tick in ticks] == [2, 4, 5, 5]
    assert [tick["status"] for tick in ticks] == [*["under_way"] * 3, "finished"]


def test_a_run_stops_before_its_time_is_over(world: ReconcileWorld) -> None:
    world.library.fill(*ASSETS)
    world.seconds_left = reconciliation.RESERVE_SECONDS

    assert world.tick()["pages"] == 0

    world.seconds_left = 240
    assert world.tick()["status"] == "finished"


def test_too_many_removals_at_once_stop_the_run(world: ReconcileWorld) -> None:
    metrics.clear_metrics()
    world.know(*[f"image-{number}" for number in range(20)])
    for number in range(11):
        world.library.delete(f"image-{number}")

    report = settle(world, "full")

    assert (report["status"], report["reason"]) == ("stopped", "11 of 20 assets were not listed")
    assert set(states(world).values()) == {"present"}
    assert world.checkpoint().watermark == NOON
    assert metrics.metric_set["ReconcileStopped"]["Value"] == [1]
    assert sightings(world) == []
    metrics.clear_metrics()


def test_a_full_run_that_stopped_is_tried_again_a_day_later(world: ReconcileWorld) -> None:
    assets = [f"image-{number}" for number in range(20)]
    world.know(*assets)
    full_at = world.checkpoint().full_at
    for asset_id in assets[:11]:
        world.library.delete(asset_id)
    world.stack.sleep(7 * DAY)

    assert (world.tick()["kind"], world.checkpoint().full_at) == ("full", full_at)
    world.stack.sleep(TICK / 1000)
    assert world.tick() == {"status": "idle"}

    world.library.fill(*assets)
    world.stack.sleep(DAY)
    report = settle(world)

    assert (report["kind"], report["status"]) == ("full", "finished")
    assert world.checkpoint().full_at == world.checkpoint().watermark != full_at
    assert world.tick() == {"status": "idle"}


def test_two_runs_at_once_are_one(world: ReconcileWorld) -> None:
    world.library.fill(*ASSETS)
    replies: list[dict[str, Any]] = []
    world.library.meanwhile = [lambda: replies.append(world.tick(owner="another"))]

    world.tick()

    assert replies == [{"status": "in_progress"}]


def test_nobody_runs_by_itself_without_a_rhythm(world: ReconcileWorld) -> None:
    world.rhythm = Rhythm(0, 0)

    assert world.tick() == {"status": "idle"}
    assert world.tick("everything")["status"] == "refused"
    assert world.tick("incremental")["kind"] == "full"


# CMP's troubles


def test_a_run_waits_for_a_slot_that_comes_in_time(world: ReconcileWorld) -> None:
    world.stack.limits = Limits(per_second=1, per_minute=6, per_month=1000, bulk_share=0.7)
    world.library.fill(*ASSETS)

    assert world.tick()["status"] == "finished"

    assert world.slept
    assert len(world.stack.api.asked) == 3


def test_a_run_keeps_a_slot_that_comes_after_its_time(world: ReconcileWorld) -> None:
    world.stack.limits = Limits(per_second=1, per_minute=6, per_month=1000, bulk_share=0.7)
    world.library.fill(*ASSETS)
    world.seconds_left = reconciliation.RESERVE_SECONDS + 1

    assert world.tick()["pages"] == 1

    (lease,) = world.stack.items("LEASE#reconcile")
    assert "slot" in lease


def test_a_page_that_cmp_does_not_give_is_asked_for_at_the_next_tick(
    world: ReconcileWorld,
) -> None:
    world.library.fill(*ASSETS)
    world.library.trouble = UnavailableError("GET: 503", status=503)

    assert world.tick()["status"] == "under_way"

    world.library.trouble = None
    assert settle(world)["missing"] == 5


def test_a_page_that_leads_to_itself_is_not_read_for_ever(
    world: ReconcileWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.know(*ASSETS)
    href = listing.first(API, None)
    page = {"data": [world.library[link("image-0")]], "pagination": {"next": href}}
    monkeypatch.setattr(world.library, "_page", lambda _: page)

    report = world.tick("full")

    assert (report["status"], report["pages"]) == ("under_way", 0)
    assert world.library.pages == [href]


def lose(
    world: ReconcileWorld, monkeypatch: pytest.MonkeyPatch, answer: Callable[[str], Any]
) -> None:
    """Let all pages but the first one go wrong."""
    page = world.library._page
    monkeypatch.setattr(
        world.library, "_page", lambda href: answer(href) if "offset" in href else page(href)
    )


@pytest.mark.parametrize(
    "error", [NotFoundError("GET: 404", status=404), RequestRefusedError("GET: 400", status=400)]
)
@pytest.mark.parametrize("kind", ["full", "incremental"])
def test_a_following_page_that_is_not_there_lets_the_list_begin_anew(
    world: ReconcileWorld, error: ApiError, kind: str
) -> None:
    world.know(*ASSETS)
    for asset_id in ASSETS:
        world.library.put(asset_id, world.stack.clock(), title="Changed")
    world.library.meanwhile = [lambda: None, lambda: setattr(world.library, "trouble", error)]

    assert world.tick(kind)["restarts"] == 1
    first = world.library.pages[0]
    world.library.trouble = None
    report = settle(world)

    assert world.library.pages[2] == first
    assert (report["status"], report["restarts"], report["pages"]) == ("finished", 1, 4)
    assert {item["title"] for item in world.stack.items("ASSET#")} == {"Changed"}
    assert world.stack.counts() == {"applied": 5}
    assert world.checkpoint().watermark == world.checkpoint().began_at


def test_what_was_seen_before_the_list_began_anew_is_not_looked_for(world: ReconcileWorld) -> None:
    world.know(*ASSETS)

    def fail() -> None:
        world.library.trouble = NotFoundError("GET: 404", status=404)

    world.library.meanwhile = [lambda: None, lambda: None, fail]
    world.tick("full")
    world.library.trouble = None
    # It moves to the front, before the page that comes next
    world.library.meanwhile = [
        lambda: None,
        lambda: world.library.put("image-2", world.stack.clock(), title="Changed"),
    ]

    assert counted(settle(world)) == {"pages": 5, "restarts": 1, "matched": 8}
    assert settle(world, "incremental")["outdated"] == 1


def test_a_list_whose_pages_are_never_there_stops(
    world: ReconcileWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.know(*ASSETS)
    lose(world, monkeypatch, lambda _: NotFoundError("GET: 404", status=404))

    ticks = [world.tick("full"), *(world.tick() for _ in range(MOST_RESTARTS))]

    assert [tick["status"] for tick in ticks] == [*["under_way"] * MOST_RESTARTS, "stopped"]
    assert ticks[-1]["reason"] == "not_found: GET: 404"
    assert sightings(world) == []


def test_pages_that_lead_in_a_circle_are_not_read_for_ever(
    world: ReconcileWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.know(*ASSETS)
    first = listing.first(API, None)
    page = {"data": [world.library[link("image-0")]], "pagination": {"next": first}}

    def lead_back(_: str) -> dict[str, Any]:
        assert len(world.library.pages) < 20, "the circle was not noticed"
        return page

    with monkeypatch.context() as patch:
        lose(world, patch, lead_back)
        ticks = [world.tick("full"), *(world.tick() for _ in range(MOST_RESTARTS + 1))]

    assert [tick["restarts"] for tick in ticks] == [1, 2, 3, 3, 3]
    assert {tick["status"] for tick in ticks} == {"under_way"}
    assert len(world.library.pages) == 2 * MOST_RESTARTS + 3
    assert counted(settle(world))["pages"] == MOST_RESTARTS + 3


@pytest.mark.parametrize(
    "error", [ForbiddenError("GET: 403", status=403), NotFoundError("GET: 404", status=404)]
)
def test_a_run_that_cannot_go_on_stops(world: ReconcileWorld, error: ApiError) -> None:
    world.library.trouble = error

    report = world.tick()

    assert (report["status"], report["reason"]) == ("stopped", f"{error.reason}: {error}")
    world.stack.sleep(TICK / 1000)
    assert world.tick() == {"status": "idle"}


def test_a_run_that_gets_no_page_for_a_day_stops(world: ReconcileWorld) -> None:
    world.library.trouble = UnavailableError("GET: 503", status=503)
    world.tick()
    before = world.checkpoint()
    assert before.run
    failing = replace(before, run=replace(before.run, failures=MOST_FAILURES))
    world.reconciliation().checkpoints.write(failing)

    assert world.tick()["status"] == "stopped"


def test_a_run_reports_what_it_did_not_see_the_end_of(world: ReconcileWorld) -> None:
    world.know(*ASSETS)
    world.library.delete("image-3")
    assert world.tick("full")["phase"] == "settling"
    world.stack.clock.advance(SETTLE / 1000)

    assert counted(world.tick()) == {
        "pages": 2,
        "matched": 4,
        "candidates": 1,
        "unsettled": 1,
        "enqueued": 1,
    }


# Crashes


def begin(world: ReconcileWorld) -> None:
    """Begin anew, with a gap of each kind."""
    world.stack.empty()
    world.jobs()
    world.library.clear()
    world.stack.clock.milliseconds = NOON
    world.know("same", "changed", "gone")
    world.library.delete("gone")
    world.library.put("changed", NOON + 1)
    world.library.put("new", NOON + 2)
    world.stack.killer.calls.clear()


def end_job(world: ReconcileWorld) -> None:
    """Let the worker have found out what is gone."""
    ended = {"outcome": {"S": "applied"}, "reason": {"S": "gone"}}
    run_id = "full-2026-11-21T13:00:00.000Z"
    key = {"pk": {"S": f"JOB#{run_id}.gone"}, "sk": {"S": "JOB"}}
    world.stack.dynamodb.put_item(TableName="catalogue", Item={**key, **ended})


def come_to_the_end(world: ReconcileWorld) -> None:
    while world.checkpoint().report is None:
        world.tick(None if world.checkpoint().run else "full")
        end_job(world)


def reported(world: ReconcileWorld) -> dict[str, Any]:
    checkpoint = world.checkpoint()
    # To die costs time: a slot of the API budget is lost with it
    return {**(checkpoint.report or {}), "ended_at": None, "watermark": checkpoint.watermark}


def test_a_run_that_dies_anywhere_comes_to_the_same_end(world: ReconcileWorld) -> None:
    begin(world)
    come_to_the_end(world)
    expected, calls = reported(world), len(world.stack.killer.calls)
    jobs = {json.loads(job)["job_id"] for job in world.jobs()}

    for call in range(calls):
        begin(world)
        world.stack.killer.kill_at(call, after=False)
        with pytest.raises(ProcessKilled):
            come_to_the_end(world)
        world.stack.killer.spare()
        world.stack.lease_clock.advance(reconciliation.LEASE_SECONDS + 1)

        come_to_the_end(world)

        assert reported(world) == expected, call
        assert {json.loads(job)["job_id"] for job in world.jobs()} == jobs, call


# Expiry


def test_what_has_expired_is_told_once(world: ReconcileWorld) -> None:
    world.rhythm = Rhythm(0, 0)
    world.library.put("image-1")
    deliver(world, "asset_added", "image-1")
    item = {
        "pk": {"S": "EXPIRY#image-1"},
        "sk": {"S": "EXPIRY"},
        "asset_id": {"S": "image-1"},
        "listing": {"S": "expiring"},
        "modified_at": {"S": "2026-11-21T12:00:01.000Z"},
    }
    world.stack.dynamodb.put_item(TableName="catalogue", Item=item)

    world.tick()
    before = world.jobs()
    world.stack.clock.advance(1)
    world.tick()
    world.tick()

    (job,) = map(json.loads, world.jobs())
    assert before == []
    assert job["event_name"] == "asset_expired"
    assert job["job_id"] == f"expiry.image-1.{NOON + 1000}"
    assert job["asset"] == {"id": "image-1", "type": "image", "href": link("image-1")}
