"""`sam local` for real: `python -m tools.sam_local` tries every function of the template.

It builds, starts what is needed, invokes each function with its sample input in a container, and
ends with 0 only if each answered rightly and left behind what it should.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from tools.local_stack import stack as local_stack
from tools.local_stack.errors import StackError
from tools.local_stack.folders import TEMPLATE, StackFolder
from tools.local_stack.progress import Progress, shown_on
from tools.local_stack.signals import end_in_good_order
from tools.local_stack.stack import LocalStack
from tools.sam_local import (
    docker,
    emulator,
    expectations,
    folders,
    image,
    runtime,
    sam,
    world,
)
from tools.sam_local.loopback import LOOPBACK
from tools.sam_local.report import Report, Row
from tools.sam_local.trial import INPUTS, Trial, functions_of, logical_id_of
from tools.scenario.rehearsal import rehearse

LOG_WIDTH = 120

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)
complaints = Console(stderr=True)


@app.callback(invoke_without_command=True)
def run(context: typer.Context) -> None:
    """Try every function of the template in a container."""
    if context.invoked_subcommand:
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=LOG_WIDTH)
    report = _report(shown_on(console))
    report.show(console)
    raise typer.Exit(code=0 if report.complete else 1)


@app.command()
def down() -> None:
    """End what an interrupted run left behind."""
    ended = [sam.stop_api(), docker.stop(), local_stack.stop(StackFolder.named(world.NAME))]
    Console().print("Down." if any(ended) else "Nothing was up.")


@app.command()
def emulate(
    function: str,
    event: Annotated[Path | None, typer.Option(help="default: events/invoke/FUNCTION.json")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="wait for a debugger first")] = False,
) -> None:
    """Invoke a function of the running stack in Lambda's emulator, without Docker."""
    stack = LocalStack.running()
    given = _given(stack, function, event)
    variables = world.variables(stack).get(logical_id_of(function))
    if variables is None:
        message = f"the stack has no function {function}"
        raise StackError(message)
    folders.prepare()
    sam.build()
    if debug:
        runtime.set_up("debug")
        complaints.print(f"Waiting for a debugger on {LOOPBACK}:{emulator.DEBUGGER_PORT} …")
    endpoint = stack.env["AWS_ENDPOINT_URL"]
    answer = emulator.Emulator(function, variables, endpoint, debug=debug).invoke(given)
    Console().print(answer, markup=False, soft_wrap=True)
    expectations.read(answer)


def _given(stack: LocalStack, function: str, event: Path | None) -> Any:  # noqa: ANN401 - JSON
    """Return the event that is named as it is, else the sample input, made true first."""
    file = event or INPUTS / f"{function}.json"
    if not file.is_file():
        message = f"there is no event {file}: name one with EVENT=file"
        raise StackError(message)
    return json.loads(file.read_text()) if event else rehearse(stack, file)


def _report(show: Progress) -> Report:
    folders.prepare()
    with docker.available() as engine:
        with show("sam build for the production runtime"):
            template = sam.build()
        with show("image of the Lambda runtime"):
            base, origin = image.prepare(engine, sam.parameters()["Architecture"])
        with world.deployed(show) as stack:
            variables = world.variables(stack)
            local = sam.SamLocal(template, engine, base, stack.env["AWS_ENDPOINT_URL"], variables)
            with world.reachable(engine, variables):
                rows = _tried(Trial(stack, local), show)
    return Report(rows, functions_of(TEMPLATE.read_text()), f"{runtime.RUNTIME} in {origin}")


def _tried(trial: Trial, show: Progress) -> list[Row]:
    rows: list[Row] = []
    for function in trial.functions():
        with show(f"sam local invoke {function}"):
            rows.append(trial.invoke(function))
    with show("sam local start-api"):
        rows.extend(trial.api())
    with show("functions broken on purpose"):
        rows.extend(trial.broken())
    return rows


def main() -> None:
    """Run the command and turn what a person can act on into a sentence."""
    end_in_good_order()
    try:
        app()
    except StackError as error:
        complaints.print(f"[red]✗[/] {escape(str(error))}", soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
