"""A comparison with CMP's library, begun by hand and followed to its end."""

import json
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console

from cmp_relay import runs
from cmp_relay.checkpoints import Checkpoints
from cmp_relay.runs import Kind, Run
from cmp_relay_cli import status
from cmp_relay_cli.errors import OperatorError
from cmp_relay_cli.output import facts
from cmp_relay_cli.stack import Stack

QUEUE = "LibraryAsset"
PAUSE_SECONDS = 5.0
"""Between two ticks: a run spends only its share of the requests, so it often has to wait."""
BEHIND_SECONDS = 60
"""So late may SQS count what a queue was given (GetQueueAttributes); the local one never is."""


def compare(
    stack: Stack,
    kind: Kind,
    step: Callable[[int, int | None], None],
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Begin a run, unless one is under way that does as much, and return its report at its end.

    An incremental run is followed to its end before a full one begins. `step` hears how many rows
    have been compared and how many there are. Raises OperatorError.
    """
    report = _run(stack, kind, step, sleep)
    if kind == "full" and report.get("kind") != "full":
        report = _run(stack, kind, step, sleep)
        if report.get("kind") != "full":
            raise OperatorError("other runs came first: begin the full one again")
    return report


def dead_letters(stack: Stack) -> int:
    """Return about how many jobs of the library are dead letters."""
    return sum(status.counts(stack, stack.dead_letter_queue(QUEUE)))


def settle(
    stack: Stack,
    jobs: int,
    step: Callable[[int, int | None], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait until the queue of the library's jobs is empty, to which a run has given so many.

    SQS counts about, and late: the queue has to be empty for as long as that takes. `step` hears
    how many have ended and how many there are.
    """
    looks = 1 if stack.endpoint else 1 + math.ceil(BEHIND_SECONDS / PAUSE_SECONDS)
    empty = 0
    while jobs:
        left = sum(status.counts(stack, stack.queue(QUEUE)))
        step(max(0, jobs - left), jobs)
        empty = 0 if left else empty + 1
        if empty == looks:
            return
        sleep(PAUSE_SECONDS)


def kind_of(stack: Stack, wanted: Kind) -> Kind:
    """Return the kind of the run that would begin: without a full one before, it is full."""
    return runs.choose(wanted, Checkpoints(stack.dynamodb, stack.table).read())


def show_plan(state: Mapping[str, Any], console: Console) -> None:
    """Print what would begin, and what is known of the runs before."""
    console.print(f"A run ({state['would_begin']}) would begin. Nothing was changed.")
    for name, title in (("under_way", "under way already"), ("last", "the last one")):
        if state[name]:
            console.print(f"\n[bold]{title}[/]")
            show(state[name], console)


def show(report: Mapping[str, Any], console: Console) -> None:
    """Print the report of a run."""
    facts(console, {name: value for name, value in report.items() if value is not None})


def _run(
    stack: Stack,
    kind: Kind,
    step: Callable[[int, int | None], None],
    sleep: Callable[[float], None],
) -> dict[str, Any]:
    """Begin a run, unless one is under way, and tick until it has ended; return its report."""
    table = Checkpoints(stack.dynamodb, stack.table)
    event = {} if table.read().run else {"run": kind}
    while _tick(stack, event).get("status") == "in_progress":  # the schedule's own tick
        sleep(PAUSE_SECONDS)
    while (checkpoint := table.read()).run:
        step(*_progress(checkpoint.run))
        sleep(PAUSE_SECONDS)
        _tick(stack, {})
    return dict(checkpoint.report or {})


def _tick(stack: Stack, event: Mapping[str, str]) -> dict[str, Any]:
    answer = stack.functions.invoke(
        FunctionName=stack.outputs["ReconcileLibraryFunctionName"], Payload=json.dumps(event)
    )
    reply = json.loads(answer["Payload"].read())
    if "FunctionError" in answer or not isinstance(reply, dict):
        raise OperatorError("reconcile_library failed: its log says why")
    return reply


def _progress(run: Run) -> tuple[int, int | None]:
    counts = run.counts
    return counts.matched + counts.missing + counts.outdated + counts.unreadable, run.total
