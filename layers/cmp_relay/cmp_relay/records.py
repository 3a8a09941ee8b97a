"""The record of one asset in the hands of one worker, with everything paid that it owes.

The order of the writes is what makes a crash harmless: the catalogue together with the event that
is still owed (`pending`) first, then the bus, then the note that the bus has it. A job for the
files (`files_wanted`) is owed and paid alike. Whoever comes next, the same job or any other one of
the asset, pays what is still owed before anything else.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from cmp_relay import report_states
from cmp_relay.bus import Bus
from cmp_relay.catalogue import AssetState, Catalogue, Record
from cmp_relay.file_queue import FileQueue
from cmp_relay.jobs import Asset
from cmp_relay.leases import Lease, Leases

LEASE_SECONDS = 60
"""No worker lives longer, so a lease that has ended has no holder."""


@dataclass(frozen=True, slots=True)
class Records:
    """The records of all assets, between the catalogue, the bus and the queue of file jobs.

    Without `files` no file is mirrored; what is owed stays on record. If the relay `reports` what
    became of publications, they too decide about the job for the files, which does that.
    """

    catalogue: Catalogue
    bus: Bus
    leases: Leases
    files: FileQueue | None = None
    reports: bool = False

    @contextmanager
    def held(self, asset: Asset) -> Iterator[tuple[Record, Lease]]:
        """Hold an asset's record with its lease; raises LeaseHeldError while another does."""
        with self.leases.held(f"fetch#{asset.id}", str(uuid.uuid4()), LEASE_SECONDS) as lease:
            yield self._pay(self.catalogue.read(asset.id, asset.type)), lease

    def write(self, before: Record, after: Record) -> None:
        """Write what has changed and announce it; raises ConflictError if it was written since."""
        wanted = before.asset.revision + 1
        if self._needs(before) != self._needs(after):
            after = replace(after, asset=replace(after.asset, files_wanted=wanted))
        self._pay(self.catalogue.write(before, after))

    def hear(self, record: Record, received_at: int) -> None:
        """Note when a job came that changes nothing (ms)."""
        if received_at > (record.asset.heard_at or 0):
            self.catalogue.hear(record.asset.asset_id, received_at)

    def _needs(self, record: Record) -> tuple[object, ...] | None:
        """Return all that decides what a file job does, None while the asset has no files."""
        files = _files_of(record.asset)
        if files is None or not self.reports:
            return files
        return *files, report_states.states(record)

    def _pay(self, record: Record) -> Record:
        """Pay what is owed and return the record without it."""
        for debt in record.debts():
            self.bus.put(debt.announcement)
            self.catalogue.confirm(record.asset.asset_id, debt)
            record = record.without(debt)
        if self.files and record.asset.owes_files:
            wanted = record.asset.files_wanted
            self.files.ask(record.asset)
            self.catalogue.confirm_files(record.asset.asset_id, wanted)
            record = replace(record, asset=replace(record.asset, files_asked=wanted))
        return record


def _files_of(asset: AssetState) -> tuple[object, ...] | None:
    """Return all that decides what the asset's files have to be, None while it has none."""
    if asset.files is None:
        return None
    # A file job goes by the clock: it may have seen the time of an expiry that is later by now.
    return asset.files, asset.library, asset.published, asset.expired, asset.expires_at
