"""The record of one asset in the hands of one worker, with every event that it owes paid.

The order of the writes is what makes a crash harmless: the catalogue together with the event that
is still owed (`pending`) first, then the bus, then the note that the bus has it. Whoever comes
next, the same job or any other one of the asset, pays what is still owed before anything else.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cmp_relay.bus import Bus
from cmp_relay.catalogue import Catalogue, Record
from cmp_relay.jobs import Asset
from cmp_relay.leases import Lease, Leases

LEASE_SECONDS = 60
"""No worker lives longer, so a lease that has ended has no holder."""


@dataclass(frozen=True, slots=True)
class Records:
    """The records of all assets, between the catalogue and the bus."""

    catalogue: Catalogue
    bus: Bus
    leases: Leases

    @contextmanager
    def held(self, asset: Asset) -> Iterator[tuple[Record, Lease]]:
        """Hold an asset's record with its lease; raises LeaseHeldError while another does."""
        with self.leases.held(f"fetch#{asset.id}", str(uuid.uuid4()), LEASE_SECONDS) as lease:
            yield self._pay(self.catalogue.read(asset.id, asset.type)), lease

    def write(self, before: Record, after: Record) -> None:
        """Write what has changed and announce it; raises ConflictError if it was written since."""
        self._pay(self.catalogue.write(before, after))

    def hear(self, record: Record, received_at: int) -> None:
        """Note when a job came that changes nothing (ms)."""
        if received_at > (record.asset.heard_at or 0):
            self.catalogue.hear(record.asset.asset_id, received_at)

    def _pay(self, record: Record) -> Record:
        """Put what is owed on the bus and return the record without it."""
        for debt in record.debts():
            self.bus.put(debt.announcement)
            self.catalogue.confirm(record.asset.asset_id, debt)
            record = record.without(debt)
        return record
