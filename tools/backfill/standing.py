"""How far a backfill is: what its run has listed, and how many of its jobs have ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cmp_relay.runs import Counts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cmp_relay.runs import Checkpoint


@dataclass(frozen=True)
class Standing:
    """How many assets the run has compared, and how many of its jobs were sent and have ended.

    `report` is that of the run, once it has ended.
    """

    listed: int = 0
    enqueued: int = 0
    ended: int = 0
    report: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, checkpoint: Checkpoint, ended: int) -> Standing:
        """Read it from the checkpoint of the first run."""
        report = None if checkpoint.run else checkpoint.report
        if checkpoint.run:
            counts = checkpoint.run.counts
        else:
            known = report or {}
            counts = Counts(**{name: known.get(name, 0) for name in Counts.__dataclass_fields__})
        listed = counts.matched + counts.missing + counts.outdated
        return cls(listed, counts.enqueued, ended, report)

    @property
    def is_over(self) -> bool:
        """Tell whether run and jobs have ended."""
        return self.report is not None and self.ended >= self.enqueued
