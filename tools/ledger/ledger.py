"""The ledger: what became of every job that was ever received, derived from three sources.

The archive says what was received: a body that is split again gives the same job ids. JOB items
say what became of each, COUNT items how many ended how. Pure: `sources` reads them.

An archived delivery can have jobs that were never queued: the receiver archives first, and answers
503 if the queue did not take everything. CMP sends such a body again, so a job without an item is
no loss if the same body was received again later, and that one's job was seen.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

OUTCOMES = ("applied", "superseded", "dead_lettered")


@dataclass(frozen=True)
class Received:
    """A job that an archived delivery holds; `fingerprint` is equal for equal bodies.

    `place` is the entry's JSON pointer in the body, `received_at` in ms, `announced` the
    entry's `modified_at`.
    """

    job_id: str
    delivery_id: str
    event_name: str
    place: str
    received_at: int
    fingerprint: str
    asset_id: str | None = None
    publishing_event_id: str | None = None
    announced: str | None = None


@dataclass(frozen=True)
class Seen:
    """A JOB item; without outcome it is in flight."""

    job_id: str
    outcome: str | None
    received_at: int = 0


@dataclass(frozen=True)
class Ledger:
    """Every job in exactly one row, and what does not add up."""

    received: int
    outcomes: Mapping[str, int]
    in_flight: Sequence[str] = ()
    sent_again: Sequence[str] = ()
    missing: Sequence[Received] = ()
    unarchived: Sequence[str] = ()
    counted: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> dict[str, int]:
        """Return what the received jobs are, by kind."""
        return {
            **{name: self.outcomes.get(name, 0) for name in OUTCOMES},
            "in flight": len(self.in_flight),
            "sent again": len(self.sent_again),
            "missing": len(self.missing),
        }

    @property
    def problems(self) -> list[str]:
        """Say what does not add up; jobs in flight are no problem."""
        total = sum(self.rows.values()) - len(self.unarchived)
        found = []
        if total != self.received:
            found.append(f"{self.received} jobs received, but {total} accounted for")
        if self.missing:
            found.append(f"{len(self.missing)} jobs that no worker has seen")
        if self.unarchived:
            found.append(f"{len(self.unarchived)} jobs without an archived delivery")
        for name in OUTCOMES:
            counted, ended = self.counted.get(name, 0), self.outcomes.get(name, 0)
            if counted != ended:
                found.append(f"{counted} counted as {name}, but {ended} items say so")
        return found


def draw_up(
    received: Iterable[Received], seen: Iterable[Seen], counted: Mapping[str, int]
) -> Ledger:
    """Draw up the ledger from the archive's jobs, the JOB items and the sums of the COUNT items."""
    jobs = {job.job_id: job for job in received}
    items = {item.job_id: item for item in seen}
    ended = Counter(item.outcome for item in items.values() if item.outcome)
    unseen = [job for job in jobs.values() if job.job_id not in items]
    again = _latest_seen(jobs.values(), items)
    lost = [job for job in unseen if not _came_again(job, again)]
    return Ledger(
        received=len(jobs),
        outcomes=dict(ended),
        in_flight=sorted(item.job_id for item in items.values() if not item.outcome),
        sent_again=[job.job_id for job in unseen if _came_again(job, again)],
        missing=sorted(lost, key=lambda job: job.received_at),
        unarchived=sorted(items.keys() - jobs.keys()),
        counted=dict(counted),
    )


def _latest_seen(
    jobs: Iterable[Received], items: Mapping[str, Seen]
) -> Mapping[tuple[str, str], int]:
    """Return when each entry of each body was last received in a delivery that a worker saw."""
    latest: dict[tuple[str, str], int] = defaultdict(int)
    for job in jobs:
        if job.job_id in items:
            key = job.fingerprint, job.place
            latest[key] = max(latest[key], job.received_at)
    return latest


def _came_again(job: Received, latest: Mapping[tuple[str, str], int]) -> bool:
    return latest.get((job.fingerprint, job.place), 0) > job.received_at
