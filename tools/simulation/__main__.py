"""Simulate the API budget in a burst of assets: `python -m tools.simulation`.

Exits with 1 if the relay misses what issue 4 asks of it.
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tools.simulation.burst import Plan
from tools.simulation.comparison import Row, rows

LOG_WIDTH = 100
HEADINGS = (
    "workers",
    "rate used",
    "429s",
    "receives",
    "dead letters",
    "drained",
    "Lambda",
    "writes",
)
LEGEND = """429s: per request. receives: per message, mean and most.
writes: to the budget, per request, refused ones included, median and 99th percentile.
no order: SQS hands out messages at random, not as a rule the oldest first.
back-off: no budget; what met 429 comes back later. fixed: no budget; waits in the function."""


def main(
    assets: Annotated[int, typer.Option(min=2, help="Distinct assets, published at once.")] = 2000,
    per_second: Annotated[int, typer.Option(min=2, help="What CMP allows.")] = 10,
    per_minute: Annotated[int, typer.Option(min=2, help="What CMP allows.")] = 100,
    workers: Annotated[str, typer.Option(help="How many run at once, row by row.")] = "1,5,20,50",
    seed: Annotated[int, typer.Option(help="Repeats a run.")] = 1,
) -> None:
    """Print a row for each worker and fail if the relay's miss what is asked of them."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=LOG_WIDTH)
    counts = [int(each) for each in workers.split(",")]
    plan = Plan(assets, per_second, per_minute, seed)
    total = 3 * len(counts) + 1
    passing = track(rows(plan, counts), "simulating", total, console=console, transient=True)
    found = list(passing)
    _show(console, found)
    if any(row.misses for row in found if row.is_relay):
        raise typer.Exit(1)


def _show(console: Console, found: list[Row]) -> None:
    table = Table(*HEADINGS, box=box.SIMPLE_HEAD)
    for row in found:
        one = row.measures
        table.add_row(
            f"{row.workers} {row.kind}",
            f"{one.used_rate:.1%}",
            f"{one.refused:.1%}",
            f"{one.receives_mean:.1f}, {one.receives_max}",
            str(one.dead_letters),
            f"{one.seconds:.0f} s",
            f"{one.lambda_seconds:.0f} s",
            f"{one.writes_median:.0f}, {one.writes_p99}" if row.is_relay else "-",
        )
    console.print(table)
    console.print(LEGEND, style="dim")
    for row in found:
        if row.is_relay and row.misses:
            missed = ", ".join(row.misses)
            console.print(f"[red]✗[/] {row.kind}, {row.workers} workers: {missed}")


if __name__ == "__main__":
    typer.run(main)
