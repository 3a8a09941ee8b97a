"""What a burst was like, seen from CMP, from the queue and from the bill."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.simulation.virtual_time import BEGIN

if TYPE_CHECKING:
    from tools.simulation.burst import World


@dataclass(frozen=True)
class Measures:
    """Shares are of one; `seconds` until the queue was empty, `lambda_seconds` of all workers."""

    used_rate: float
    refused: float
    receives_mean: float
    receives_max: int
    dead_letters: int
    seconds: float
    lambda_seconds: float
    writes_median: float
    writes_p99: float

    @classmethod
    def of(cls, world: World, lambda_seconds: float) -> Measures:
        """Measure a world in which everything has happened."""
        answered = [at for at, status in world.cmp.answers if status == 200]
        receives = [message.receives for message in world.queue.messages]
        writes = sorted(world.writes.values()) or [0]
        return cls(
            used_rate=_rate(answered) / world.plan.rate,
            refused=1 - len(answered) / len(world.cmp.answers),
            receives_mean=statistics.mean(receives),
            receives_max=max(receives),
            dead_letters=len(world.dead_letters),
            seconds=world.queue.emptied_at - BEGIN,
            lambda_seconds=lambda_seconds,
            writes_median=statistics.median(writes),
            writes_p99=writes[min(len(writes) - 1, int(len(writes) * 0.99))],
        )


def _rate(moments: list[float]) -> float:
    return (len(moments) - 1) / (moments[-1] - moments[0])
