"""What a backfill costs at the limits that the template has by default, by the relay's own rules.

A run spends no more than `ReconcileShare` of the requests of a minute, its jobs included. Without
that the budget alone holds it back, most of all while publishing takes all that is its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cmp_relay.runs import Pace
from cmp_relay.slots import MINUTE, Limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.backfill.plan import Plan


@dataclass(frozen=True)
class Defaults:
    """The parameters that say how much CMP may be asked; shares in percent."""

    per_second: int
    per_minute: int
    per_month: int
    bulk_share: int
    reconcile_share: int

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Defaults:
        """Pick them out of the template's."""
        return cls(
            per_second=int(parameters["ApiRequestsPerSecond"]),
            per_minute=int(parameters["ApiRequestsPerMinute"]),
            per_month=int(parameters["ApiRequestsPerMonth"]),
            bulk_share=int(parameters["BulkShare"]),
            reconcile_share=int(parameters["ReconcileShare"]),
        )


@dataclass(frozen=True)
class Cost:
    """What a number of requests means under these limits."""

    requests: int
    limits: Defaults

    @classmethod
    def of(cls, plan: Plan, limits: Defaults) -> Cost:
        """Return what a plan costs."""
        return cls(plan.requests, limits)

    @property
    def of_month(self) -> float:
        """Return the part of the month's requests."""
        return self.requests / self.limits.per_month

    @property
    def minutes(self) -> float:
        """Return how long it takes with the share that runs may have."""
        pace = Pace(self.limits.reconcile_share, self.limits.per_minute)
        return pace.pay(0, 0, self.requests) / MINUTE

    @property
    def least_minutes(self) -> float:
        """Return how long it takes with all that bulk may have while publishing is busy."""
        return self.requests * self._spacing / (self.limits.bulk_share / 100) / MINUTE

    @property
    def _spacing(self) -> int:
        limits, share = self.limits, self.limits.bulk_share / 100
        return Limits(limits.per_second, limits.per_minute, limits.per_month, share).spacing


def spoken(minutes: float) -> str:
    """Return minutes as a person says them: `3 h 22 min`."""
    hours, rest = divmod(max(1, round(minutes)), 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"
