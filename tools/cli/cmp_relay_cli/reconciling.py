"""A comparison with CMP's library, begun by hand and followed to its end."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console

from cmp_relay.checkpoints import Checkpoints
from cmp_relay.runs import Kind, Run
from cmp_relay_cli import status
from cmp_relay_cli.errors import OperatorError
from cmp_relay_cli.output import facts
from cmp_relay_cli.stack import Stack

QUEUE = "LibraryAsset"
PAUSE_SECONDS = 5.0
"""Between two ticks: a run spends only its share of the requests, so it often has to wait."""


def compare(
    stack: Stack,
    kind: Kind,
    step: Callable[[int, int | None], None],
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Begin a run, unless one is under way, and tick until it has ended; return its report.

    `step` hears how many rows have been compared and how many there are. Raises OperatorError.
    """
    table = Checkpoints(stack.dynamodb, stack.table)
    event = {} if table.read().run else {"run": kind}
    while _tick(stack, event).get("status") == "in_progress":  # the schedule's own tick
        sleep(PAUSE_SECONDS)
    while (checkpoint := table.read()).run:
        step(*_progress(checkpoint.run))
        sleep(PAUSE_SECONDS)
        _tick(stack, {})
    return dict(checkpoint.report or {})


def settle(
    stack: Stack,
    jobs: int,
    step: Callable[[int, int | None], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait until the queue of the library's jobs is empty, to which a run has given so many.

    `step` hears how many have ended and how many there are.
    """
    while left := sum(status.counts(stack, stack.queue(QUEUE))):
        step(max(0, jobs - left), jobs)
        sleep(PAUSE_SECONDS)


def show(report: Mapping[str, Any], console: Console) -> None:
    """Print the report of a run."""
    facts(console, {name: value for name, value in report.items() if value is not None})


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
