"""What a person sees of a backfill: what it took, what it would take, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich import box
from rich.markup import escape
from rich.table import Table

from tools.backfill.cost import Cost, spoken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from tools.backfill.cost import Defaults
    from tools.backfill.observation import Observation
    from tools.backfill.plan import Level, Plan

LEVELS: tuple[Level, ...] = ("full", "list")


@dataclass(frozen=True)
class Report:
    """One backfill and what is wrong with it."""

    plan: Plan
    found: Observation
    limits: Defaults
    problems: Sequence[str]
    ticks: int
    seconds: float

    def show(self, console: Console) -> None:
        """Print all of it."""
        plan, found = self.plan, self.found
        each = found.requests / plan.assets
        console.print(f"\n  in the catalogue  {len(found.kept):,} of {plan.assets:,} assets")
        console.print(f"  ticks             {self.ticks}, {len(found.stops)} stops")
        console.print(f"  requests to CMP   {found.requests:,}, {each:.3f} for an asset")
        console.print(f"  time              {self.seconds:.0f} s with limits far away\n")
        self._show_costs(console)
        for problem in self.problems:
            console.print(f"[red]✗[/] {escape(problem)}", soft_wrap=True)
        if not self.problems:
            console.print(f"[green]✓ Complete, at level {plan.level}, in spite of the stops.[/]")

    def _show_costs(self, console: Console) -> None:
        limits = self.limits
        console.print(
            f"{self.plan.assets:,} assets at the default limits: {limits.per_second} requests a"
            f" second, {limits.per_minute} a minute, {limits.per_month:,} a month"
        )
        console.print(self._costs())
        console.print(
            "At 100 % the budget alone holds it back; reckoned with publishing that is busy, which"
            f" leaves it {limits.bulk_share} % (BulkShare).\n",
            style="dim",
            highlight=False,
        )

    def _costs(self) -> Table:
        limits = self.limits
        headings = (
            "level",
            "requests",
            "of the month",
            f"ReconcileShare {limits.reconcile_share} %",
            "ReconcileShare 100 %",
        )
        table = Table(*headings, box=box.SIMPLE_HEAD)
        for level in LEVELS:
            cost = Cost.of(replace(self.plan, level=level), limits)
            table.add_row(
                level,
                f"{cost.requests:,}",
                f"{cost.of_month:.2%}",
                spoken(cost.minutes),
                spoken(cost.least_minutes),
            )
        return table
