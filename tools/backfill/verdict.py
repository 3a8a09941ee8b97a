"""Whether a backfill is complete: every asset there, as CMP has it, brought once, and no dearer.

Pure: it judges what was found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.backfill.stops import STOPPED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tools.backfill.observation import Observation
    from tools.backfill.plan import Plan

WORKERS = 5
"""WorkerConcurrency: of so many jobs that were killed the request may have gone out for nothing."""
NAMED = 3


def judge(plan: Plan, found: Observation) -> list[str]:
    """List what is wrong, nothing if the backfill came to its end as it should."""
    return [
        *_run(plan, found),
        *_catalogue(found),
        *_jobs(found),
        *_stops(found),
        *_cost(plan, found),
    ]


def most_requests(plan: Plan, stops: int) -> int:
    """Return how many requests it may take: each stop costs a page and what was being asked."""
    return plan.requests + stops * (1 + WORKERS)


def _run(plan: Plan, found: Observation) -> Iterator[str]:
    report = found.standing.report
    if report is None or report["status"] != "finished":
        yield f"the run did not come to its end: {dict(report or {})}"
    if found.standing.listed != plan.assets:
        yield f"the run compared {found.standing.listed:,} assets of {plan.assets:,}"
    if found.waiting:
        yield f"{found.waiting:,} messages still wait"


def _catalogue(found: Observation) -> Iterator[str]:
    kept, titles = found.kept, found.titles
    yield from _assets("not in the catalogue", titles.keys() - kept.keys())
    yield from _assets("in the catalogue, but not in CMP", kept.keys() - titles.keys())
    both = titles.keys() & kept.keys()
    yield from _assets("not present", (one for one in both if kept[one].library != "present"))
    yield from _assets("not as in CMP", (one for one in both if kept[one].title != titles[one]))
    yield from _assets("told of more than once", (one for one in both if kept[one].sequence != 1))


def _assets(what: str, ids: Iterable[str]) -> Iterator[str]:
    those = sorted(ids)
    if those:
        more = ", …" if len(those) > NAMED else ""
        yield f"{len(those):,} assets {what}: {', '.join(those[:NAMED])}{more}"


def _jobs(found: Observation) -> Iterator[str]:
    if found.jobs != {"applied": len(found.titles)}:
        told = ", ".join(f"{count:,} {outcome}" for outcome, count in found.jobs.items())
        yield f"jobs: {told or 'none'}, and not one applied for each asset"
    for queue, count in found.dead_letters.items():
        yield f"{count:,} dead letters in {queue}"


def _stops(found: Observation) -> Iterator[str]:
    for name in STOPPED:
        if not any(stop.killed[name] and not stop.standing.is_over for stop in found.stops):
            yield f"{name} was not stopped half-way"


def _cost(plan: Plan, found: Observation) -> Iterator[str]:
    if found.levels != {plan.level}:
        yield f"details are kept at level {', '.join(sorted(found.levels)) or 'none'}"
    most = most_requests(plan, len(found.stops))
    if not plan.files and found.requests > most:
        yield f"{found.requests:,} requests to CMP, and no more than {most:,} were needed"
