"""How sparingly CMP was asked: successful requests for details against those that were needed.

A request is needed if a job of its asset had been received that was applied (or is a removal,
which has to be verified) and that no earlier successful request covers: one that began 2 s after
the job came, or 2 s after the state came into being that the job announces (docs/decisions/0004).
One that covers none is made for a single job, and no further one is needed for that.
Answers that a fault spoiled are left out.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from cmp_relay import times

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tools.chaos.observation import Observation
    from tools.ledger.ledger import Received

MARGIN = 2.0
SPOILING = {"malformed", "disconnect", "timeout"}


@dataclass(frozen=True)
class Economy:
    """How many requests for details CMP answered, and how many of them were needed."""

    asked: int
    needed: int

    @property
    def ratio(self) -> float:
        """Return the requests per state."""
        return self.asked / self.needed if self.needed else 0.0


def of(found: Observation) -> Economy:
    """Count the requests of a run."""
    applied = {item.job_id for item in found.seen if item.outcome == "applied"}
    jobs: dict[str, list[Received]] = defaultdict(list)
    for job in found.received:
        if job.event_name == "asset_removed" or (
            job.job_id in applied and job.event_name != "asset_unpublished"
        ):
            jobs[str(job.asset_id)].append(job)
    fetches: dict[str, list[float]] = defaultdict(list)
    for request in found.requests:
        asset_id = request["path"].rpartition("/")[2]
        given = request["status"] == HTTPStatus.OK and request["fault"] not in SPOILING
        if given and asset_id in found.items:
            fetches[asset_id].append(request["at"])
    needed = sum(_needed(sorted(moments), jobs[name]) for name, moments in fetches.items())
    return Economy(sum(map(len, fetches.values())), needed)


def _needed(fetches: Sequence[float], jobs: Iterable[Received]) -> int:
    left = sorted(jobs, key=lambda job: job.received_at)
    needed = 0
    for moment in fetches:
        waiting = [job for job in left if job.received_at / 1000 <= moment]
        served = [job for job in waiting if _covered(job, moment)] or waiting[:1]
        left = [job for job in left if job not in served]
        needed += bool(served)
    return needed


def _covered(job: Received, moment: float) -> bool:
    if moment >= job.received_at / 1000 + MARGIN:
        return True
    announced = times.read(job.announced)
    return announced is not None and moment >= announced / 1000 + MARGIN
