"""A library job, from the queue to the bus: what CMP's library says of the asset now.

Changes ask, unless a look that began well after they came has told already. Removals ask only if
they may be older than what another job of the asset told. An expiry asks nothing: CMP has told when
it comes. None touches what is published.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from cmp_relay import announcements, library, times
from cmp_relay.catalogue import AssetState, Record
from cmp_relay.errors import ConflictError, ForbiddenError, NotFoundError, PostponedError
from cmp_relay.findings import EXTRAS, Findings, Found, document
from cmp_relay.jobs import LibraryJob
from cmp_relay.leases import Lease
from cmp_relay.library import Settled
from cmp_relay.outcomes import Attempt, Ending
from cmp_relay.records import Records


class Looks(Protocol):
    """Who looks into CMP's library; `now` is in ms."""

    @property
    def now(self) -> Callable[[], int]:
        """Return the clock by which looks begin."""

    def in_library(
        self, job: LibraryJob, attempt: Attempt, href: str | None, lease: Lease
    ) -> Found:
        """Find the job's asset; raises NotFoundError, PostponedError before the last look."""

    def once(self, asset_type: str, asset_id: str, href: str | None, lease: Lease) -> Found:
        """Look once; raises NotFoundError."""


class Rows(Protocol):
    """Who has rows of CMP's listing, which tell enough of what is not published."""

    def find(self, job: LibraryJob) -> Found | None:
        """Return the row of the job's asset, None without one; raises PostponedError."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a job makes of an asset, how it ends, and the details that CMP shows, if any."""

    asset: AssetState
    settled: Settled
    details: Mapping[str, Any] | None = None

    @property
    def labels(self) -> object:
        """Return the labels that CMP shows."""
        return self.details["asset"].get("labels") if self.details else None

    def fingerprint(self) -> str:
        """Return what changes whenever consumers have something new to hear."""
        asset = self.asset
        extras = {name: rows for name, rows in (self.details or {}).items() if name in EXTRAS}
        return library.fingerprint(
            asset.library,
            asset.modified_at,
            asset.version,
            asset.title,
            self.labels,
            *(["expired"] if asset.expired else []),
            *([extras] if extras else []),
        )


@dataclass(frozen=True, slots=True)
class LibrarySync:
    """The work of the library worker; without `rows` each change is looked up in full."""

    records: Records
    findings: Findings
    lookup: Looks
    rows: Rows | None = None

    def apply(self, job: LibraryJob, attempt: Attempt) -> Ending:
        """Do what the job asks, once; raises LeaseHeldError while its asset is being worked on."""
        with self.records.held(job.asset) as (record, lease):
            settled = record.asset.settled
            if settled is None or settled.job_id != job.job_id:
                settled = self._settle(job, attempt, record, lease)
            return Ending(settled.outcome, settled.reason)

    def _settle(self, job: LibraryJob, attempt: Attempt, record: Record, lease: Lease) -> Settled:
        covered = library.covers(record.asset.seen_at, job.received_at)
        step = (
            self._covered(job, record.asset) if covered else self._look(job, attempt, record, lease)
        )
        after = self._owe_event(job, step)
        if covered and after == record.asset:
            if not _removes(job):
                self.records.hear(record, job.received_at)
            return step.settled
        at = job.received_at
        after = after.removed(at) if _removes(job) else after.heard(at)
        organization = job.organization_id or after.organization_id
        after = replace(after, settled=step.settled, organization_id=organization)
        self.records.write(record, Record(after, record.publications))
        return step.settled

    def _covered(self, job: LibraryJob, asset: AssetState) -> Step:
        """Change nothing; what a look for a publish job has changed may still have to be told."""
        reason = f"covered by the look that began at {times.iso(asset.seen_at or 0)}"
        return Step(asset, Settled(job.job_id, "superseded", reason), self._stored_details(asset))

    def _look(self, job: LibraryJob, attempt: Attempt, record: Record, lease: Lease) -> Step:
        if _removes(job):
            return self._removal(job, record.asset, lease)
        if job.event_name == library.EXPIRED:
            return self._expiry(job, record.asset)
        return self._change(job, attempt, record.asset, lease)

    def _change(self, job: LibraryJob, attempt: Attempt, asset: AssetState, lease: Lease) -> Step:
        self._wait_for(library.knows_at(asset.removed_at))
        began_at = self.lookup.now()
        try:
            found = self._find(job, attempt, asset, lease)
        except NotFoundError:
            return Step(_gone(asset, began_at), Settled(job.job_id, "applied", "gone"))
        except ForbiddenError:
            if job.event_name != library.MISSING:
                raise
            # What a listing did not show may only be hidden from us: that removes nothing.
            settled = Settled(job.job_id, "superseded", "CMP refuses to show it")
            return Step(asset, settled, self._stored_details(asset))
        return self._found(found, asset, Settled(job.job_id, "applied"))

    def _find(self, job: LibraryJob, attempt: Attempt, asset: AssetState, lease: Lease) -> Found:
        """Find the asset in the listing if a row is enough, else by its link."""
        is_enough = not asset.published and asset.expires_at is None  # no row tells of an expiry
        row = self.rows.find(job) if self.rows and is_enough else None
        if row and row.began_at < max(asset.seen_at or 0, library.knows_at(asset.removed_at)):
            row = None  # more is known than it shows
        return row or self.lookup.in_library(job, attempt, job.asset.href or asset.href, lease)

    def _expiry(self, job: LibraryJob, asset: AssetState) -> Step:
        expired = asset.expires_at is not None and asset.expires_at <= self.lookup.now()
        asset = replace(asset, expired=expired)
        return Step(asset, Settled(job.job_id, "applied"), self._stored_details(asset))

    def _removal(self, job: LibraryJob, asset: AssetState, lease: Lease) -> Step:
        settled = Settled(job.job_id, "applied")
        if not library.is_doubtful(asset.heard_at, job.received_at):
            return Step(replace(asset, library=library.REMOVED), settled)
        self._wait_for(library.knows_at(job.received_at, asset.heard_at, asset.removed_at))
        began_at, href = self.lookup.now(), asset.href or job.asset.href
        try:
            found = self.lookup.once(asset.type, asset.asset_id, href, lease)
        except NotFoundError:
            return Step(_gone(asset, began_at), settled)
        return self._found(found, asset, Settled(job.job_id, "superseded", "CMP still has it"))

    def _wait_for(self, moment: int) -> None:
        """Look no earlier: a replica of CMP's that is behind would show what was before (ms)."""
        wait = moment - self.lookup.now()
        if wait > 0:
            raise PostponedError("CMP is asked when it must know", delay=wait / 1000)

    def _found(self, found: Found, asset: AssetState, settled: Settled) -> Step:
        kept = self.findings.keep(found, asset)
        return Step(kept, settled, document(found, asset))

    def _owe_event(self, job: LibraryJob, step: Step) -> AssetState:
        """Return the asset with the event of its change, if there is one that nobody was told."""
        asset = step.asset
        told = step.fingerprint()
        if told == asset.told:
            return asset
        sequence = asset.sequence + 1
        asset = replace(asset, sequence=sequence, library_sequence=sequence, told=told)
        bucket = self.findings.stored.bucket
        event = announcements.compose_library(job, asset, bucket=bucket, labels=step.labels)
        return replace(asset, pending=event)

    def _stored_details(self, asset: AssetState) -> Mapping[str, Any] | None:
        if asset.library == library.REMOVED or asset.details_key is None:
            return None
        return self.findings.stored.get(asset.details_key)


def _gone(asset: AssetState, began_at: int) -> AssetState:
    """Return an asset that the library did not show; as with details, later looks are better."""
    if began_at < (asset.seen_at or 0):
        raise ConflictError("a look that began later has seen the library first")
    return replace(asset, library=library.REMOVED, seen_at=began_at)


def _removes(job: LibraryJob) -> bool:
    return job.event_name == "asset_removed"
