"""The relay's worker and the baselines in the same burst, and what is asked of the relay."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tools.simulation import baselines, burst, relay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tools.simulation.burst import Function, Plan, World
    from tools.simulation.measures import Measures

RELAY = "relay"
UNORDERED = "relay, no order"
LEAST_USED_RATE = 0.95
LEAST_USED_WITHOUT_ORDER = 0.93
MOST_REFUSED = 0.01
MOST_RECEIVES = 3
FEWEST_WORKERS = 5
"""Fewer may not be fast enough for what CMP allows."""
PATIENT_WORKERS = 2


@dataclass(frozen=True)
class Row:
    """One kind of worker, how many of them ran, and what was measured."""

    kind: str
    workers: int
    measures: Measures

    @property
    def is_relay(self) -> bool:
        """Tell the relay's own from the baselines."""
        return self.kind in {RELAY, UNORDERED}

    @property
    def misses(self) -> list[str]:
        """Name what is asked of the relay (issue 4) and was not reached."""
        one = self.measures
        reached = {
            "used rate": one.used_rate >= self._least or self.workers < FEWEST_WORKERS,
            "429s": one.refused <= MOST_REFUSED,
            "receives": one.receives_max <= MOST_RECEIVES,
            "dead letters": one.dead_letters == 0,
        }
        return [name for name, holds in reached.items() if not holds]

    @property
    def _least(self) -> float:
        # Without any order, nobody is at hand for the appointments that come due while the
        # backlog is visited for the first time.
        return LEAST_USED_WITHOUT_ORDER if self.kind == UNORDERED else LEAST_USED_RATE


def rows(plan: Plan, workers: Sequence[int]) -> Iterator[Row]:
    """Let the burst meet each kind of worker, one after the other."""
    with relay.quiet():
        for count in workers:
            yield _row(plan, RELAY, count, relay.prepare)
        for count in workers:
            worst = replace(plan, servers=plan.assets)
            yield _row(worst, UNORDERED, count, relay.prepare)
    for count in workers:
        yield _row(plan, "back-off", count, baselines.backing_off)
    yield _row(plan, "fixed", PATIENT_WORKERS, baselines.patient)


def _row(
    plan: Plan, kind: str, workers: int, prepare: Callable[[World], Callable[[], Function]]
) -> Row:
    return Row(kind, workers, burst.run(plan, workers, prepare))
