"""Publish, sync and unpublish of one asset, from the job to the bus.

The order of the writes is what makes a crash harmless: documents in S3 first, then the catalogue
and the bus as `records` writes them.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from cmp_relay import announcements, documents, publications, times
from cmp_relay.catalogue import AssetState, PublicationState, Record
from cmp_relay.documents import Documents
from cmp_relay.jobs import PublishJob
from cmp_relay.leases import Lease
from cmp_relay.outcomes import Attempt, Ending
from cmp_relay.publications import Ended, Notice, Verdict, is_open
from cmp_relay.records import Records


class Enrichment(Protocol):
    """What a publication needs beyond its job: what was delivered, and what CMP knows now."""

    def entry(self, job: PublishJob) -> Mapping[str, Any]:
        """Return the job's entry as CMP sent it."""

    def bring(
        self,
        job: PublishJob,
        attempt: Attempt,
        entry: Mapping[str, Any],
        asset: AssetState,
        lease: Lease,
    ) -> AssetState:
        """Return the asset's state with the details that CMP has now."""


@dataclass(frozen=True, slots=True)
class Publishing:
    """The work of the three publish workers; `enrich` is None for the one that asks CMP nothing."""

    records: Records
    stored: Documents
    enrich: Enrichment | None = None
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def apply(self, job: PublishJob, attempt: Attempt) -> Ending:
        """Do what the job asks, once; raises LeaseHeldError while its asset is being worked on."""
        with self.records.held(job.asset) as (record, lease):
            repeated = self._repeated(job, record)
            if repeated:
                self.records.hear(record, job.received_at)
                return _ending_of_repeat(job, repeated)
            after, verdict = self._change(job, attempt, record, lease)
            self.records.write(record, after)
            return _ending(verdict.superseded)

    def _repeated(self, job: PublishJob, record: Record) -> Ended | None:
        own = record.publication(job.channel, job.publishing_event.id)
        return publications.repeated(own.facts, _notice(job, {}), now=self.now())

    def _change(
        self, job: PublishJob, attempt: Attempt, record: Record, lease: Lease
    ) -> tuple[Record, Verdict]:
        entry = self.enrich.entry(job) if self.enrich else {}
        notice = _notice(job, entry)
        verdict = publications.judge(notice, record.facts(), now=self.now())
        before = record.publication(job.channel, job.publishing_event.id)
        if verdict.publication == before.facts:  # a replay: what is kept stays as it is
            return Record(record.asset.heard(job.received_at), record.publications), verdict
        own = replace(
            before,
            facts=verdict.publication,
            metadata_href=job.publishing_event.metadata_href or before.metadata_href,
        )
        asset = record.asset
        if self.enrich and (not verdict.superseded or _opens_another(record, own)):
            asset = self.enrich.bring(job, attempt, entry, asset, lease)
        # What was published is kept, also if its end had come before it: it may open again.
        if self.enrich:
            known = None if verdict.superseded else before.entry_etag
            own = self._keep_entry(job, notice, entry, own, known)
        asset = replace(asset, organization_id=job.organization_id or asset.organization_id)
        after = Record(asset.heard(job.received_at), record.publications).with_publication(own)
        if verdict.superseded and after.asset.published == record.asset.published:
            return after, verdict
        return self._owe_event(job, entry, record, after, own), verdict

    def _keep_entry(
        self,
        job: PublishJob,
        notice: Notice,
        entry: Mapping[str, Any],
        own: PublicationState,
        known: str | None,
    ) -> PublicationState:
        """Keep what was published: CMP's API gives the library's latest state alone.

        `known` is the ETag of what must be older; without it, a look at what is there decides.
        """
        key = documents.entry_key(job.asset.type, job.asset.id, job.publishing_event.id)
        stored = self.stored.put(key, entry, order=notice.modified_at or 0, etag=known)
        entry_hash = own.entry_hash if stored.newer else notice.entry_hash
        return replace(own, entry_hash=entry_hash, entry_key=key, entry_etag=stored.etag)

    def _owe_event(
        self,
        job: PublishJob,
        entry: Mapping[str, Any],
        before: Record,
        after: Record,
        own: PublicationState,
    ) -> Record:
        """Add the event of the change, of an unpublish if the publication is closed in the end."""
        asset = replace(after.asset, sequence=before.asset.sequence + 1)
        own = replace(own, sequence=asset.sequence)
        opened = is_open(own.facts, after.facts())
        event = announcements.compose(
            job,
            asset,
            own,
            bucket=self.stored.bucket,
            labels=entry.get("labels"),
            ended=_ended(before, after),
            event_name=job.event_name if opened else "asset_unpublished",
        )
        return Record(asset, after.publications).with_publication(replace(own, pending=event))


def _opens_another(before: Record, own: PublicationState) -> bool:
    """Tell whether a job that comes too late itself shows that another's end was not meant for it.

    An unpublish that matched no publication has ended all; once it matches one, they are open again
    and may never have been looked up.
    """
    return bool(_open(before.with_publication(own)) - _open(before))


def _notice(job: PublishJob, entry: Mapping[str, Any]) -> Notice:
    return Notice(
        job_id=job.job_id,
        event_name=job.event_name,
        channel=job.channel,
        publishing_event_id=job.publishing_event.id,
        entry_hash=job.asset.entry_hash or "",
        received_at=job.received_at,
        modified_at=times.read(entry.get("modified_at")),
    )


def _ending_of_repeat(job: PublishJob, repeated: Ended) -> Ending:
    if repeated.job_id != job.job_id:
        return Ending("superseded", f"repeats job {repeated.job_id}")
    return _ending(repeated.superseded)


def _ending(superseded: str | None) -> Ending:
    return Ending("superseded", superseded) if superseded else Ending("applied")


def _ended(before: Record, after: Record) -> list[str]:
    return sorted({event_id for _, event_id in _open(before) - _open(after)})


def _open(record: Record) -> set[tuple[str, str]]:
    facts = record.facts()
    return {(one.channel, one.publishing_event_id) for one in facts if is_open(one, facts)}
