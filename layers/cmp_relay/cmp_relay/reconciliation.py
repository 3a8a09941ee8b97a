"""The reconciliation: finds in CMP's library what no delivery has told, page by page.

A run goes on from its checkpoint at every tick, as far as its time and its share of the API budget
go. The checkpoint is written after the jobs of a page are in their queue: a crash between repeats
the page, and with it jobs of the same ids, which end once (docs/reconcile.md).
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from cmp_relay import clients, gaps, library, listing, lookup, runs, settings
from cmp_relay.checkpoints import Checkpoints
from cmp_relay.entries import KINDS
from cmp_relay.errors import (
    ApiError,
    CircleError,
    LeaseHeldError,
    NotFoundError,
    PostponedError,
    RequestRefusedError,
)
from cmp_relay.expiries import Expiries
from cmp_relay.leases import Lease, Leases
from cmp_relay.library_queue import LibraryQueue
from cmp_relay.listing import Page, Row
from cmp_relay.open_api import OpenApi
from cmp_relay.permits import Permits
from cmp_relay.reconcile_table import ReconcileTable
from cmp_relay.row_table import RowTable
from cmp_relay.runs import Checkpoint, Kind, Pace, Rhythm, Run
from cmp_relay.sightings import Sightings
from cmp_relay.telemetry import logger, metrics

LEASE = "reconcile"
LEASE_SECONDS = 280
"""Longer than the function may run, shorter than a tick."""
RESERVE_SECONDS = 45
"""What one page may take: two requests with their waits, a hundred jobs, the checkpoint."""
MOST_JOBS = 10
"""So many jobs for what may be gone go out between two looks at the share."""
EARLY = 0.5
"""How much earlier (s) than an appointment it comes back, rather than late."""
METRICS = {
    "missing": "ReconcileMissing",
    "outdated": "ReconcileOutdated",
    "removed": "ReconcileRemoved",
}
LEADS_NOWHERE = (NotFoundError, RequestRefusedError, CircleError)
"""What may become of a link to a following page: past the end of a list that became shorter, no
longer good after a pause, or back to where the run was before."""
KINDS_OF_RUN: tuple[Kind, ...] = ("incremental", "full")

Told = tuple[Row, int]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The reconciliation of one stack; `base` is the Open API's address, `now` is in ms.

    `look` is how many requests a job costs. With `rows` the pages are kept for the jobs, which then
    need none of their own.
    """

    api: OpenApi
    permits: Permits
    base: str
    leases: Leases
    checkpoints: Checkpoints
    table: ReconcileTable
    sightings: Sightings
    queue: LibraryQueue
    rhythm: Rhythm
    pace: Pace
    max_removal_share: int
    look: int = gaps.LOOK
    rows: RowTable | None = None
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    sleep: Callable[[float], None] = time.sleep

    def tick(
        self, event: Mapping[str, Any], owner: str, time_left: Callable[[], float]
    ) -> dict[str, Any]:
        """Tell what has expired, go on with the run that is due, and reply how far it is.

        `event["run"]` begins a run by hand; `time_left` returns seconds.
        """
        wanted = event.get("run")
        if wanted is not None and wanted not in KINDS_OF_RUN:
            return {"status": "refused", "reason": "run is neither incremental nor full"}
        try:
            with self.leases.held(LEASE, owner, LEASE_SECONDS) as lease:
                Expiries(self.table, self.queue, self.now).tell()
                before = self._begin(self.checkpoints.read(), wanted)
                after = self._advance(before, lease, time_left)
        except LeaseHeldError:
            return {"status": "in_progress"}
        return _reply(before, after)

    def _begin(self, checkpoint: Checkpoint, wanted: Kind | None) -> Checkpoint:
        """Begin the run that is wanted or due, unless one is under way."""
        now = self.now()
        kind = (
            self.rhythm.due(checkpoint, now) if wanted is None else runs.choose(wanted, checkpoint)
        )
        if checkpoint.run or kind is None:
            return checkpoint
        run = runs.begin(kind, now, self._first_page(kind, checkpoint))
        logger.info("reconcile begins", run=run.id)
        return self.checkpoints.write(checkpoint.begun(run))

    def _first_page(self, kind: Kind, checkpoint: Checkpoint) -> str:
        return listing.first(self.base, runs.since(kind, checkpoint))

    def _advance(
        self, checkpoint: Checkpoint, lease: Lease, time_left: Callable[[], float]
    ) -> Checkpoint:
        """Take one step after the other until the run has ended or has to wait for a tick."""
        while checkpoint.run and time_left() > RESERVE_SECONDS:
            if not self.pace.has_room(checkpoint.paid_at, self.now()):
                break
            try:
                after = self._step(checkpoint, checkpoint.run, lease)
            except PostponedError as error:
                if error.delay + RESERVE_SECONDS > time_left():
                    logger.info("reconcile waits", reason=error.reason, delay=error.delay)
                    break
                self.sleep(max(EARLY, error.delay - EARLY))
                continue
            except ApiError as error:
                return self._failed(checkpoint, checkpoint.run, error)
            if after == checkpoint:
                break
            checkpoint = after
        if checkpoint.run:
            logger.info("reconcile goes on", **_progress(checkpoint.run))
        return checkpoint

    def _step(self, checkpoint: Checkpoint, run: Run, lease: Lease) -> Checkpoint:
        """Take one step; the checkpoint stays as it is if there is nothing to do but wait."""
        if run.phase == "listing":
            return self._list(checkpoint, run, lease)
        if run.phase == "removals":
            return self._find_absent(checkpoint, run)
        if run.phase == "sending":
            return self._ask_for_absent(checkpoint, run)
        return self._settle(checkpoint, run)

    def _list(self, checkpoint: Checkpoint, run: Run, lease: Lease) -> Checkpoint:
        """Compare the next page, and the one before it once more if assets slipped onto that."""
        pages = self._pages(run, lease)
        page, _ = pages[0]
        told = {row.asset_id: (row, at) for read, at in pages for row in read.rows.values()}
        if run.kind == "full":
            types = {asset_id: str(row.asset["type"]) for asset_id, (row, _) in told.items()}
            self.sightings.note(run.id, run.pages, types)
        if self.rows:
            for read, at in pages:
                self.rows.put(read, at)
        run, jobs = self._compare(run, [told[each] for each in told if each not in run.recent])
        self.queue.send(jobs)
        after = replace(
            run,
            next=page.next or run.next,
            previous=run.next,
            pages=run.pages + 1,
            total=page.total,
            recent=tuple(told),
            mark=run.marked(),
            failures=0,
            counts=run.counts.plus(unreadable=page.unreadable, enqueued=len(jobs)),
        )
        checkpoint = self._paid(checkpoint, after, len(pages) + len(jobs) * self.look)
        if not page.is_last():
            return self.checkpoints.write(checkpoint)
        if run.kind == "incremental":
            return self._finish(checkpoint, after)
        return self.checkpoints.write(replace(checkpoint, run=replace(after, phase="removals")))

    def _pages(self, run: Run, lease: Lease) -> list[tuple[Page, int]]:
        """Read the next page, and the one before it if need be, each with when that began."""
        api = self.api.behind(self.permits.of(lease, 1))
        asked_at, page = self.now(), listing.read(api.get(run.next))
        if not page.is_last() and run.leads_back(page.next):
            raise CircleError("GET /assets: pages that lead in a circle")
        if run.previous is None or not page.may_skip(run.total):
            return [(page, asked_at)]
        again_at, before = self.now(), listing.read(api.get(run.previous))
        return [(page, asked_at), (before, again_at)]

    def _compare(self, run: Run, told: Iterable[Told]) -> tuple[Run, list[dict[str, Any]]]:
        """Count what rows tell against what is known, and return the jobs of the gaps."""
        rows = list(told)
        known = self.table.known(row.asset_id for row, _ in rows)
        counts, jobs = run.counts, []
        for row, at in rows:
            verdict = gaps.judge(row, known.get(row.asset_id), at)
            counts = counts.plus(**{verdict: 1})
            if verdict != "matched":
                event_name = gaps.EVENTS[verdict]
                jobs.append(gaps.job(run.id, event_name, row.asset, at, row.organization_id))
        return replace(run, counts=counts), jobs

    def _find_absent(self, checkpoint: Checkpoint, run: Run) -> Checkpoint:
        """Find what the catalogue has and the library did not list, unless that is too much."""
        seen = self.sightings.all(run.id)
        listed = set(self.table.listed({*KINDS.values(), *seen.values()}))
        unseen = self.table.known(sorted(listed - seen.keys())).values()
        absent = [known.asset() for known in unseen if gaps.is_candidate(known, run.began_at)]
        run = replace(run, counts=run.counts.plus(candidates=len(absent)))
        if gaps.too_many(len(absent), len(listed), self.max_removal_share):
            reason = f"{len(absent)} of {len(listed)} assets were not listed"
            return self._stop(replace(checkpoint, run=run), reason)
        if not absent:
            return self._finish(checkpoint, run)
        self.sightings.keep_candidates(run.id, absent)
        return self.checkpoints.write(replace(checkpoint, run=replace(run, phase="sending")))

    def _ask_for_absent(self, checkpoint: Checkpoint, run: Run) -> Checkpoint:
        """Let jobs look for some of what may be gone."""
        absent = self.sightings.candidates(run.id)
        now, some = self.now(), absent[run.sent : run.sent + MOST_JOBS]
        self.queue.send(gaps.job(run.id, library.MISSING, asset, now) for asset in some)
        sent = run.sent + len(some)
        after = replace(
            run,
            phase="settling" if sent == len(absent) else "sending",
            sent=sent,
            sent_at=now,
            counts=run.counts.plus(enqueued=len(some)),
        )
        checkpoint = self._paid(checkpoint, after, len(some) * gaps.LAST_LOOK)
        return self.checkpoints.write(checkpoint)

    def _settle(self, checkpoint: Checkpoint, run: Run) -> Checkpoint:
        """End the run once its jobs have found out what is gone indeed."""
        absent = self.sightings.candidates(run.id)
        ended = self.table.outcomes(gaps.job_id(run.id, asset["id"]) for asset in absent)
        unsettled = len(absent) - len(ended)
        if unsettled and self.now() < run.sent_at + runs.SETTLE:
            return checkpoint
        gone = [outcome for outcome in ended.values() if outcome == ("applied", gaps.GONE)]
        counts = run.counts.plus(removed=len(gone), unsettled=unsettled)
        return self._finish(checkpoint, replace(run, counts=counts))

    def _paid(self, checkpoint: Checkpoint, run: Run, requests: int) -> Checkpoint:
        paid_at = self.pace.pay(checkpoint.paid_at, self.now(), requests)
        return replace(checkpoint, run=run, paid_at=paid_at)

    def _failed(self, checkpoint: Checkpoint, run: Run, error: ApiError) -> Checkpoint:
        """Try the page, or the whole list, again at the next tick, as long as that makes sense."""
        logger.warning("reconcile got no page", reason=error.reason, detail=str(error))
        if isinstance(error, LEADS_NOWHERE) and run.can_restart():
            after = run.restarted(self._first_page(run.kind, checkpoint))
            return self.checkpoints.write(replace(checkpoint, run=after))
        if not error.retryable or run.failures >= runs.MOST_FAILURES:
            return self._stop(checkpoint, f"{error.reason}: {error}")
        after = replace(run, failures=run.failures + 1)
        return self.checkpoints.write(replace(checkpoint, run=after))

    def _finish(self, checkpoint: Checkpoint, run: Run) -> Checkpoint:
        after = replace(checkpoint, run=run).finished(self.now())
        return self._ended(run.id, after, logger.info)

    def _stop(self, checkpoint: Checkpoint, reason: str) -> Checkpoint:
        run_id = checkpoint.run.id if checkpoint.run else ""
        metrics.add_metric(name="ReconcileStopped", unit=MetricUnit.Count, value=1)
        return self._ended(run_id, checkpoint.stopped(self.now(), reason), logger.error)

    def _ended(self, run_id: str, checkpoint: Checkpoint, log: Callable[..., None]) -> Checkpoint:
        """Write the end before forgetting the sightings: without them all would seem gone."""
        written = self.checkpoints.write(checkpoint)
        self.sightings.forget(run_id)
        report = dict(checkpoint.report or {})
        for name, metric in METRICS.items():
            metrics.add_metric(name=metric, unit=MetricUnit.Count, value=report[name])
        log("reconcile ended", **report)
        return written


def build(environment: Mapping[str, str]) -> Reconciliation:
    """Build what the function's environment names; raises SettingsError."""
    own = settings.read(settings.ReconcileSettings, environment)
    has_rows = own.library_detail == "list"
    table = clients.dynamodb()
    access = lookup.build_access(environment, own.catalogue_table, "bulk")
    return Reconciliation(
        api=access.api,
        permits=access.permits,
        base=access.base,
        leases=Leases(table, own.catalogue_table),
        checkpoints=Checkpoints(table, own.catalogue_table),
        table=ReconcileTable(table, own.catalogue_table),
        sightings=Sightings(clients.s3(), own.asset_bucket),
        queue=LibraryQueue(clients.sqs(), own.library_asset_queue_url),
        rhythm=Rhythm(own.reconcile_hours, own.full_reconcile_days),
        pace=Pace(own.reconcile_share, access.per_minute),
        max_removal_share=own.max_removal_share,
        look=0 if has_rows else gaps.LOOK + len(lookup.extras(environment)),
        rows=RowTable(table, own.catalogue_table) if has_rows else None,
    )


def _progress(run: Run) -> dict[str, Any]:
    return {
        "run": run.id,
        "kind": run.kind,
        "phase": run.phase,
        "pages": run.pages,
        "restarts": run.restarts,
        "total": run.total,
        **asdict(run.counts),
    }


def _reply(before: Checkpoint, after: Checkpoint) -> dict[str, Any]:
    if after.run:
        return {"status": "under_way", **_progress(after.run)}
    return dict(after.report or {}) if before.run else {"status": "idle"}
