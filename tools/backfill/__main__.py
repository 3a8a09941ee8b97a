"""Brings a whole library into an empty catalogue, and is stopped half-way: `make backfill`."""

import time
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from tools.backfill import observation, verdict, world
from tools.backfill.bars import bars
from tools.backfill.cost import Defaults
from tools.backfill.driver import Driver
from tools.backfill.plan import Level, Plan
from tools.backfill.report import Report
from tools.backfill.world import World
from tools.local_stack.errors import StackError
from tools.local_stack.progress import shown_on
from tools.local_stack.signals import end_in_good_order

LOG_WIDTH = 120
FEWEST = 500
"""A library of a few pages is listed before anybody can stop that half-way."""


def main(
    assets: Annotated[int, typer.Option(min=FEWEST, help="Assets in CMP's library.")] = 5000,
    level: Annotated[Level, typer.Option(help="LibraryDetail: what is kept of each.")] = "full",
    files: Annotated[bool, typer.Option(help="Mirror the files too.")] = False,
) -> None:
    """Run the first reconciliation, kill its workers half-way, and fail if it ends incomplete."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=LOG_WIDTH)
    end_in_good_order()
    plan = Plan(assets, level, files)
    try:
        with world.started(plan, shown_on(console)) as started:
            report = run(started, plan, console)
    except StackError as error:
        Console(stderr=True).print(f"[red]✗[/] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from error
    report.show(console)
    if report.problems:
        raise typer.Exit(1)


def run(started: World, plan: Plan, console: Console) -> Report:
    """Drive the backfill to its end and judge what it left behind."""
    began = time.monotonic()
    with bars(console, plan.assets) as show:
        driver = Driver(started, plan, show, lambda what: console.print(f"  {escape(what)}"))
        standing = driver.run()
    seconds = time.monotonic() - began
    found = observation.look(started, standing, driver.stops)
    return Report(
        plan=plan,
        found=found,
        limits=Defaults.of(started.parameters()),
        problems=verdict.judge(plan, found),
        ticks=driver.ticks,
        seconds=seconds,
    )


if __name__ == "__main__":
    typer.run(main)
