"""A replay: jobs of archived deliveries, given once more behind whatever is live.

Each keeps when it was received, so that nothing newer gives way to it, and has an id of its own
that names the replay: who goes on with one that was stopped gives the same jobs, which end once.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from rich.console import Console

from cmp_relay import external_work, library, routing, subjects, times, work_views
from cmp_relay.library_queue import LibraryQueue
from cmp_relay_cli import archived, job_items, status
from cmp_relay_cli.archived import Archived
from cmp_relay_cli.errors import MissingError, UsageError
from cmp_relay_cli.output import facts, row, table
from cmp_relay_cli.stack import Stack

CAUSE = "replay"
PIECE = 10
"""So many jobs are given at a time, before a look at what waits."""
MOST_WAITING = 50
"""A replay holds back while a queue has more messages than that: live ones come behind them.

Those that no worker can receive now count as well: jobs wait for their turn at CMP that way.
"""
PAUSE_SECONDS = 1.0
MOST_KEYS = 100  # of one BatchGetItem
EXTRAS = ("DetailRenditions", "DetailCustomFields")
"""Parameters that let each look at an asset send a request more."""

Job = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries are meant, and which of their jobs; times are ms of their receipt."""

    since: int
    until: int
    events: Sequence[str] = ()
    assets: Sequence[str] = ()
    deliveries: Sequence[str] = ()

    def takes(self, job: Job) -> bool:
        """Tell whether a job is meant."""
        return (
            self.since <= job["received_at"] < self.until
            and (not self.events or job["event_name"] in self.events)
            and (not self.assets or job.get("asset", {}).get("id") in self.assets)
        )


def moment(name: str) -> int:
    """Return the moment (ms) that a replay is named after; raises UsageError."""
    found = times.read(name)
    if found is None:
        example = "2026-11-22T09:00:00.000Z"
        raise UsageError(f"{name} names no replay: a name is as the replay told it, {example}")
    return found


def check_begun(stack: Stack, jobs: Sequence[Job], run: str) -> None:
    """Raise MissingError if no worker has seen any of the jobs as one of the replay `run`."""
    if jobs and not job_items.get(stack, [again(job, run)["job_id"] for job in jobs]):
        message = (
            f"no worker has seen one of these jobs in a replay {run}: say the same words as "
            "before and its name, or begin anew without --resume"
        )
        raise MissingError(message)


def find(stack: Stack, wanted: Wanted, step: Callable[[int], None]) -> list[Job]:
    """Return the jobs that are meant, in the order of their receipt.

    Raises MissingError for a delivery that is not in the archive, or came later than is meant.
    """
    jobs: list[Job] = []
    for delivery in _deliveries(stack, wanted):
        jobs += [job for job in delivery.jobs if wanted.takes(job)]
        step(1)
    return sorted(jobs, key=lambda job: job["received_at"])


def cost(stack: Stack, jobs: Sequence[Job]) -> dict[str, Any]:
    """Return what a replay is: its jobs by event, its deliveries, and its requests at most."""
    return {
        "jobs": len(jobs),
        "deliveries": len({job["delivery_id"] for job in jobs}),
        "events": dict(Counter(job["event_name"] for job in jobs).most_common()),
        "assets": len(_ids(jobs)),
        "requests_at_most": requests(stack, jobs),
    }


def requests(stack: Stack, jobs: Sequence[Job]) -> int:
    """Return how many requests to CMP the jobs take, at most.

    An asset needs none if what is known of it was asked for well after its jobs came; that it is
    unpublished needs none either. What is not found is asked for again, and a request may have to
    be repeated, as in live traffic: neither is counted here.
    """
    of_assets = [job for job in jobs if "asset" in job and job["event_name"] != "asset_unpublished"]
    known = _assets(stack, list(_ids(of_assets)))
    uncovered = [
        job
        for job in of_assets
        if not library.covers(
            _looked_at(known.get(job["asset"]["id"], {}), job), job["received_at"]
        )
    ]
    extras = sum(stack.parameters.get(name) == "true" for name in EXTRAS)
    others = sum(_errand(stack, job) for job in jobs if "asset" not in job)
    return (1 + extras) * len(_ids(uncovered)) + others


def again(job: Job, run: str) -> Job:
    """Return a job as the replay `run` gives it."""
    return {**job, "job_id": f"{CAUSE}.{run}.{job['job_id']}", "cause": CAUSE}


def send(
    stack: Stack,
    jobs: Sequence[Job],
    run: str,
    rate: float,
    step: Callable[[int], None],
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Give the jobs, at most `rate` a second and only while few wait; return how many were new.

    Those that an earlier part of the same replay has given are left out if a worker has seen them.
    """
    seen = job_items.get(stack, [again(job, run)["job_id"] for job in jobs])
    left = [each for job in jobs if (each := again(job, run))["job_id"] not in seen]
    step(len(jobs) - len(left))
    for start in range(0, len(left), PIECE):
        piece = left[start : start + PIECE]
        for queue, own in _by_queue(piece).items():
            url = stack.queue(queue)
            while sum(status.counts(stack, url)) > MOST_WAITING:
                sleep(PAUSE_SECONDS)
            LibraryQueue(stack.sqs, url).send(own)
        step(len(piece))
        if start + PIECE < len(left):
            sleep(len(piece) / rate)
    return len(left)


def outcomes(stack: Stack, jobs: Sequence[Job], run: str) -> dict[str, int]:
    """Return how many jobs of a replay ended how; those that have not are `in flight`."""
    items = job_items.get(stack, [again(job, run)["job_id"] for job in jobs])
    ended = Counter(item.outcome or "in flight" for item in items.values())
    ended["in flight"] += len(jobs) - len(items)
    return dict(ended)


def follow(
    stack: Stack,
    jobs: Sequence[Job],
    run: str,
    step: Callable[[int], None],
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, int]:
    """Wait until every job has ended, however long the API budget makes that; return how."""
    done = 0
    while True:
        found = outcomes(stack, jobs, run)
        ended = len(jobs) - found["in flight"]
        step(ended - done)
        done = ended
        if ended == len(jobs):
            return {name: count for name, count in found.items() if count}
        sleep(PAUSE_SECONDS)


def show(document: Mapping[str, Any], console: Console) -> None:
    """Print what a replay is and what became of it."""
    made = table("event", "#jobs", title="Replay")
    for pair in document["events"].items():
        row(made, pair)
    console.print(made)
    names = {
        "replay": "replay",
        "deliveries": "deliveries",
        "assets": "assets",
        "requests_at_most": "requests to CMP, at most",
        "given": "jobs given",
    }
    facts(console, {text: document[name] for name, text in names.items() if name in document})
    for outcome, count in (document.get("outcomes") or {}).items():
        console.print(f"{count} {outcome}")
    if document["dry_run"]:
        console.print("Nothing was changed.")


def _deliveries(stack: Stack, wanted: Wanted) -> Iterator[Archived]:
    if wanted.deliveries:
        for delivery_id in wanted.deliveries:
            key = archived.find(stack, delivery_id, wanted.until)
            kept = archived.load(stack, key) if key else None
            if kept is None:
                before = f"as far as it was received before {times.iso(wanted.until)}"
                raise MissingError(f"{delivery_id} is not in the archive (any more), {before}")
            yield kept
        return
    # A key names the day alone; a job is held against the time to the millisecond.
    for key in archived.keys(stack, wanted.since, wanted.until):
        kept = archived.load(stack, key)
        if kept:
            yield kept


def _ids(jobs: Sequence[Job]) -> dict[str, None]:
    """Return the ids of the assets of jobs, each once and in order."""
    return dict.fromkeys(job["asset"]["id"] for job in jobs if "asset" in job)


def _errand(stack: Stack, job: Job) -> int:
    """Return how many requests a job that concerns no asset takes, at most."""
    name = job["event_name"]
    if routing.is_external(name):
        shows_comment = routing.is_external_comment(name) and name != external_work.REMOVED
        return work_views.ERRAND + shows_comment
    wanted = stack.parameters.get("EnrichEvents", subjects.NONE).split(",")
    return int(subjects.is_enriched(name, wanted))


def _by_queue(jobs: Sequence[Job]) -> dict[str, list[Job]]:
    found: dict[str, list[Job]] = {}
    for job in jobs:
        words = routing.route(job["event_name"]).split("_")
        found.setdefault("".join(word.capitalize() for word in words), []).append(job)
    return found


def _looked_at(asset: Mapping[str, Any], job: Job) -> int | None:
    """Return when the look began (ms) that a job of this event is covered by, if by any."""
    if routing.is_library(job["event_name"]):
        at = asset.get("seen_at")
    else:
        at = None if asset.get("details_source") == "delivery" else asset.get("fetch_began_at")
    return None if at is None else int(at)


def _assets(stack: Stack, asset_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Read the ASSET items of these ids."""
    read, found = TypeDeserializer(), {}
    for start in range(0, len(asset_ids), MOST_KEYS):
        keys: list[Any] = [
            {"pk": {"S": f"ASSET#{asset_id}"}, "sk": {"S": "ASSET"}}
            for asset_id in asset_ids[start : start + MOST_KEYS]
        ]
        while keys:
            answer = stack.dynamodb.batch_get_item(RequestItems={stack.table: {"Keys": keys}})
            for item in answer["Responses"].get(stack.table, []):
                plain = {name: read.deserialize(value) for name, value in item.items()}
                found[plain["asset_id"]] = plain
            left: Any = answer.get("UnprocessedKeys", {}).get(stack.table, {})
            keys = left.get("Keys", [])
    return found
