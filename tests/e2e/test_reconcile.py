"""What no delivery told is found on the deployed stack, with its role, while CMP goes on changing.

Each on a stack of its own: what other tests have left in the catalogue would seem gone.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.e2e.relay import Relay
from tools.local_stack.folders import PROJECT
from tools.scenario.rehearsal import rehearse

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

FUNCTION = "reconcile_library"
TICK = PROJECT / "events" / "invoke" / f"{FUNCTION}.json"
RUN_SECONDS = 300.0
BACKFILL, BACKFILL_SECONDS = 1_000, 300.0
FEW_PAGES = 4
LIBRARY = 260
SUPPRESSED = 20
"""One delivery in this many is kept back."""


@dataclass(frozen=True)
class Gaps:
    """Assets of whose change no delivery told, by what has become of them."""

    added: frozenset[str]
    changed: frozenset[str]
    archived: frozenset[str]
    deleted: frozenset[str]

    @property
    def assets(self) -> frozenset[str]:
        """Return all of them."""
        return self.added | self.changed | self.archived | self.deleted


def invoke(relay: Relay, event: dict[str, str]) -> dict[str, Any]:
    answer = relay.stack.functions.invoke(FUNCTION, event)
    assert not answer.failed, answer.payload
    reply: dict[str, Any] = json.loads(answer.payload)
    return reply


def run(relay: Relay, kind: str) -> dict[str, Any]:
    """Begin a run and let it tick until it has ended; return its report."""
    deadline = time.monotonic() + RUN_SECONDS
    while invoke(relay, {"run": kind})["status"] == "in_progress":  # the schedule's own tick
        time.sleep(1)
    while "run" in checkpoint(relay) and time.monotonic() < deadline:
        time.sleep(1)
        invoke(relay, {})
    report: dict[str, Any] = checkpoint(relay)["report"]
    assert report["status"] == "finished", report
    return report


def items(relay: Relay, prefix: str) -> list[dict[str, Any]]:
    """Return the items whose keys begin so."""
    pages = (
        relay.stack.boto("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=relay.stack.env["CATALOGUE_TABLE"],
            ConsistentRead=True,
            FilterExpression="begins_with(pk, :prefix)",
            ExpressionAttributeValues={":prefix": {"S": prefix}},
        )
    )
    return [item for page in pages for item in page["Items"]]


def ended(relay: Relay) -> int:
    """Return how many jobs have ended."""
    return sum("outcome" in item for item in items(relay, "JOB#"))


def checkpoint(relay: Relay) -> dict[str, Any]:
    """Return the item of the reconciliation."""
    return relay.item("RECONCILE", "RECONCILE") or {}


def settled(relay: Relay, report: dict[str, Any]) -> dict[str, str]:
    """Wait for all jobs of a run and return how each ended, by asset."""

    def look() -> dict[str, str] | None:
        jobs = items(relay, f"JOB#{report['run']}.")
        outcomes = {job["asset_id"]["S"]: job.get("outcome", {}).get("S") for job in jobs}
        whole = len(outcomes) == report["enqueued"] and all(outcomes.values())
        return {asset: str(outcome) for asset, outcome in outcomes.items()} if whole else None

    if not report["enqueued"]:
        return {}
    return relay.wait(look, "the end of all jobs of the run")


def catalogue(relay: Relay) -> dict[str, tuple[str, str]]:
    """Return state and title of every asset of the library that the relay knows."""
    return {
        item["asset_id"]["S"]: (item["library"]["S"], item["title"]["S"])
        for item in items(relay, "ASSET#")
        if item["sk"]["S"] == "ASSET" and item["library"]["S"] != "removed"
    }


def library(relay: Relay) -> dict[str, tuple[str, str]]:
    """Return the same as CMP has it."""
    secret = relay.stack.boto("secretsmanager").get_secret_value(
        SecretId=relay.stack.outputs["TokenSecretArn"]
    )
    token = json.loads(secret["SecretString"])["access_token"]
    rows: list[dict[str, Any]] = []
    link = f"{relay.stack.cmp_url}/v3/assets?page_size=100"
    with httpx.Client(trust_env=False, headers={"Authorization": f"Bearer {token}"}) as client:
        while link:
            page = client.get(link).raise_for_status().json()
            rows += page["data"]
            link = page["pagination"]["next"]
    states = {True: "archived", False: "present"}
    return {row["id"]: (states[row["is_archived"]], row["title"]) for row in rows}


def announce(relay: Relay, event_name: Any, asset_id: str) -> None:  # noqa: ANN401 - a literal
    (sent,) = relay.cmp.announce_library(event_name, asset_id)
    assert sent["delivered"]


def make_gaps(relay: Relay, asset_ids: list[str]) -> Gaps:
    """Add, change, archive and delete assets, and keep one delivery of each in 20 back."""
    kept_back: dict[str, set[str]] = {name: set() for name in Gaps.__dataclass_fields__}
    told: list[tuple[str, str]] = []
    for place in range(4 * SUPPRESSED):
        name = list(kept_back)[place % 4]
        asset_id = asset_ids[place]
        if name == "added":
            asset_id = relay.cmp.add_asset("article", title="added")["id"]
        elif name == "deleted":
            relay.cmp.move_asset(asset_id, "deleted")
        else:
            archived = {"is_archived": True} if name == "archived" else {}
            relay.cmp.change_asset(asset_id, title=name, **archived)
        if place // 4 == SUPPRESSED // 2:
            kept_back[name].add(asset_id)
        else:
            told.append((name, asset_id))
    events = {"added": "asset_added", "deleted": "asset_removed"}
    with ThreadPoolExecutor(4) as pool:
        for name, asset_id in told:
            pool.submit(announce, relay, events.get(name, "asset_modified"), asset_id)
    return Gaps(**{name: frozenset(found) for name, found in kept_back.items()})


@contextmanager
def moving(relay: Relay, asset_ids: list[str]) -> Iterator[None]:
    """Let assets be changed, and some deleted, with their deliveries, while the block runs."""
    over = threading.Event()

    def move() -> None:
        for number, asset_id in enumerate(asset_ids):
            if over.is_set():
                return
            if number % 3:
                relay.cmp.change_asset(asset_id, title=f"moved {number}")
                announce(relay, "asset_modified", asset_id)
            else:
                relay.cmp.move_asset(asset_id, "deleted")
                announce(relay, "asset_removed", asset_id)

    with ThreadPoolExecutor(1) as pool:
        moved = pool.submit(move)
        yield
        over.set()
        moved.result()


def eventually(look: Callable[[], Any], wanted: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while look() != wanted() and time.monotonic() < deadline:
        time.sleep(1)
    assert look() == wanted()


def test_backfill_then_gaps_in_a_library_that_moves(empty_relay: Relay) -> None:
    relay = empty_relay
    asset_ids = relay.cmp.add_assets([{"kind": "article"} for _ in range(LIBRARY)])

    # Nobody runs by itself on the local stack

    assert invoke(relay, rehearse(relay.stack, TICK)) == {"status": "idle"}

    # The first run is the backfill

    backfill = run(relay, "incremental")
    assert (backfill["kind"], backfill["missing"]) == ("full", LIBRARY)
    assert set(settled(relay, backfill).values()) == {"applied"}
    assert catalogue(relay) == library(relay)

    # One delivery in twenty does not come

    gaps = make_gaps(relay, asset_ids)
    eventually(lambda: ended(relay), lambda: LIBRARY + 4 * (SUPPRESSED - 1))
    still = asset_ids[4 * SUPPRESSED :]
    with moving(relay, still):
        reports = [run(relay, kind) for kind in ("incremental", "full")]
    jobs = [settled(relay, report) for report in reports]

    assert set(jobs[0]) >= gaps.added | gaps.changed | gaps.archived
    assert set(jobs[1]) >= gaps.deleted
    # What moves may be met while its own delivery is on its way
    assert {*jobs[0], *jobs[1]} - gaps.assets <= set(still)
    assert reports[1]["removed"] >= len(gaps.deleted)
    eventually(lambda: catalogue(relay), lambda: library(relay))


@pytest.mark.long
def test_a_backfill_that_dies_half_way_comes_to_its_end(empty_relay: Relay) -> None:
    relay = empty_relay
    relay.cmp.add_assets([{"kind": "article"} for _ in range(BACKFILL)])
    began = time.monotonic()

    with ThreadPoolExecutor(1) as pool:
        dying = pool.submit(relay.stack.functions.invoke, FUNCTION, {"run": "full"})
        relay.wait(lambda: checkpoint(relay).get("run", {}).get("pages", 0) >= FEW_PAGES, "pages")
        assert relay.restart(FUNCTION)
        dying.exception()
    half_way = checkpoint(relay)["run"]
    # The dead one's lease ends before the next tick: that is what is not waited for here
    relay.stack.boto("dynamodb").delete_item(
        TableName=relay.stack.env["CATALOGUE_TABLE"],
        Key={"pk": {"S": "LEASE#reconcile"}, "sk": {"S": "LEASE"}},
    )
    report = run(relay, "full")
    while ended(relay) < BACKFILL and time.monotonic() < began + BACKFILL_SECONDS:
        time.sleep(1)

    assert report["run"] == half_way["id"]
    assert FEW_PAGES <= half_way["pages"] < report["pages"] == BACKFILL // 100
    assert (report["missing"], report["enqueued"]) == (BACKFILL, BACKFILL)
    requests = len(relay.cmp.requests("/v3"))
    assert catalogue(relay) == library(relay)
    # The page at which it died is read again
    assert requests <= BACKFILL + BACKFILL // 100 + 2
