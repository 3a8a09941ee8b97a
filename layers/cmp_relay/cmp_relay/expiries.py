"""Expiries: when the time of an asset is over, a library job says so, since CMP does not."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from aws_lambda_powertools.metrics import MetricUnit

from cmp_relay import gaps
from cmp_relay.library_queue import LibraryQueue
from cmp_relay.reconcile_table import ReconcileTable
from cmp_relay.telemetry import metrics


@dataclass(frozen=True, slots=True)
class Expiries:
    """The expiries in the catalogue; `now` is in ms."""

    table: ReconcileTable
    queue: LibraryQueue
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def tell(self) -> None:
        """Put a job into the queue for each asset whose time is over.

        The listing forgets an expiry only after that: a crash between repeats the same job.
        """
        now = self.now()
        over = self.table.expired(now)
        known = self.table.known({expiry.asset_id for expiry in over})
        self.queue.send(
            gaps.expiry_job(known[expiry.asset_id], expiry.expired_at, now)
            for expiry in over
            if expiry.asset_id in known
        )
        for expiry in over:
            self.table.told(expiry)
        metrics.add_metric(name="AssetsExpired", unit=MetricUnit.Count, value=len(over))
