"""Runs the chaos suite on a stack of its own: `make chaos SEED=1`."""

import sys
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from tools.chaos import driver, injections, lives, observation, talks, troubles, verdict, world
from tools.chaos.driver import Driver
from tools.chaos.plan import Plan
from tools.chaos.report import Report
from tools.chaos.world import World
from tools.local_stack.errors import StackError
from tools.local_stack.progress import shown_on
from tools.local_stack.signals import end_in_good_order

LOG_WIDTH = 140
FUNCTIONS_LOG = "functions.log"
SPARE_DELIVERIES = 15
"""Planned beyond what is asked for: a story that is cut short sends fewer."""


def main(
    seed: Annotated[int, typer.Option(help="the same seed makes the same plan")] = 1,
    deliveries: Annotated[int, typer.Option(help="at least so many")] = 300,
    assets: Annotated[int, typer.Option(help="of so many assets")] = 60,
) -> None:
    """Drive a mixed load through the relay, let everything fail meanwhile, and judge the end."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=LOG_WIDTH)
    began = time.monotonic()
    end_in_good_order()
    plan = draw(seed, assets=assets, deliveries=deliveries)
    try:
        with world.started(shown_on(console)) as started:
            report = run(started, plan, console)
            report.show(console)
    except StackError as error:
        Console(stderr=True).print(f"[red]✗[/] {escape(str(error))}", soft_wrap=True)
        sys.exit(1)
    console.print(f"[dim]{time.monotonic() - began:.0f} s in all[/]")
    sys.exit(0 if report.verdict.is_good else 1)


def draw(seed: int, *, assets: int, deliveries: int) -> Plan:
    """Draw the plan of a seed."""
    drawn = lives.draw(seed, assets=assets, deliveries=deliveries + SPARE_DELIVERIES)
    asked_for, downloaded = (
        [asset for life in drawn if life.story in stories for asset in life.assets]
        for stories in (lives.ASKED_FOR, lives.DOWNLOADED)
    )
    befallen = troubles.draw(seed, asked_for, downloaded)
    return Plan(seed, tuple(drawn), tuple(befallen), talks.draw(seed, drawn))


def run(world: World, plan: Plan, console: Console) -> Report:
    """Carry the plan out, wait until it is quiet, and judge."""
    began = time.monotonic()

    def tell(what: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:6.1f} s[/] {escape(what)}")

    tell(f"{plan.deliveries} deliveries of {len(plan.assets)} assets")
    driving = Driver(world, plan, tell)
    driving.run()
    tell("everything was delivered")
    settled_after = observation.settle(world)
    tell("quiet")
    talk = driving.talking.truth
    found = observation.look(world, plan, talk, secret_text=driver.URL_QUERY)
    (world.stack.folder.logs / FUNCTIONS_LOG).write_text(world.stack.logs())
    case = verdict.Case(
        expected=driving.expected(),
        views=driving.views,
        deliveries=driving.deliveries(),
        strays={
            "no_job": driver.NO_JOB,
            "unreadable_delivery": driver.UNREADABLE,
        },
        promised=injections.promised(plan.troubles),
        met=injections.met(
            [*found.requests, *found.talk.requests],
            found.files.downloads,
            world.aws_faults.met,
            driving.done,
        ),
        found=found,
        talk=talk,
        publications=plan.talks.publications,
    )
    return Report(
        plan=plan,
        deliveries=case.deliveries,
        met=case.met,
        aws_calls=world.aws_faults.calls,
        found=found,
        verdict=verdict.judge(case),
        settled_after=settled_after,
        cut_short=sum(len(one.done) < len(one.life.acts) for one in driving.records),
    )


if __name__ == "__main__":
    typer.run(main)
