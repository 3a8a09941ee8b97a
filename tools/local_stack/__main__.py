"""The local stack's command line: `python -m tools.local_stack up|down|build|invoke`."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from cmp_relay import folder_rules
from cmp_relay.errors import SettingsError
from tools.local_stack import sam
from tools.local_stack.errors import StackError
from tools.local_stack.folders import LOCAL, PROJECT, StackFolder
from tools.local_stack.ministack import MiniStack
from tools.local_stack.progress import shown_on
from tools.local_stack.signals import end_in_good_order
from tools.local_stack.stack import DEFAULT_FOLDER, LocalStack
from tools.local_stack.stack import stop as stop_stack
from tools.scenario import files
from tools.scenario.rehearsal import rehearse

INPUTS = PROJECT / "events" / "invoke"

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__
)
console = Console()
complaints = Console(stderr=True)


@app.command()
def up(
    cmp_url: Annotated[str, typer.Option(help="a CMP of your own in place of the stand-in")] = "",
    rules: Annotated[
        str, typer.Option(envvar="RULES", help="FolderRules in place of those of the samples")
    ] = "",
) -> None:
    """Start the stack in the background and leave it running."""
    if MiniStack(DEFAULT_FOLDER).process.is_running():
        message = "the local stack is up already: `make down` ends it, with all that it holds"
        raise StackError(message)
    # The rules of the samples are of no use for the assets of another CMP.
    wanted = rules or ("" if cmp_url else files.FOLDER_RULES)
    stack = LocalStack.start(
        cmp_url=cmp_url or None,
        parameters={"FolderRules": _readable(wanted)} if wanted else {},
        progress=shown_on(console),
    )
    if stack.token_error:
        console.print(f"[yellow]![/] {escape(stack.token_error)}", soft_wrap=True)
    shown = stack.folder.environment.relative_to(PROJECT)
    console.print(f"\nUp. `source {shown}` for its URLs and names; `make down` ends it.")


@app.command()
def down(
    every: Annotated[bool, typer.Option("--all", help="those of tests and `make run` too")] = False,
) -> None:
    """End the stack that `up` left running."""
    folders = [DEFAULT_FOLDER, *(StackFolder.every() if every else ())]
    ended = [stop_stack(folder) for folder in folders]
    console.print("Down." if any(ended) else "Nothing was up.")


@app.command()
def build() -> None:
    """Build functions and layers for this machine, as `up` does."""
    LOCAL.mkdir(exist_ok=True)
    with sam.build_held(), shown_on(console)("sam build"):
        sam.build(DEFAULT_FOLDER.logs / "sam-build.log")


@app.command()
def invoke(
    function: str,
    event: Annotated[Path | None, typer.Option(help="default: events/invoke/FUNCTION.json")] = None,
) -> None:
    """Invoke a function of the running stack and print its answer and what it logged.

    The default event is made true first: its delivery archived, its assets in the stand-in. One
    that is named goes in as it is.
    """
    names = sorted(file.stem for file in INPUTS.glob("*.json"))
    if function not in names:
        message = f"FUNCTION is one of {', '.join(names)}"
        raise StackError(message)
    stack = LocalStack.running()
    file = event or INPUTS / f"{function}.json"
    if not file.is_file():
        message = f"there is no event {file}: name one with EVENT=file"
        raise StackError(message)
    given = json.loads(file.read_text()) if event else rehearse(stack, file)
    began = int(time.time() * 1000)
    answer = stack.functions.invoke(function, given)
    # Apart from the answer, so that a program can read that.
    complaints.print(
        stack.functions.logs(function, since=began), style="dim", markup=False, soft_wrap=True
    )
    console.print_json(answer.payload)
    raise typer.Exit(code=int(answer.failed))


def _readable(rules: str) -> str:
    """Return folder rules that can be read; raises StackError that tells what is wrong with them.

    The template takes more.
    """
    try:
        folder_rules.parse(rules)
    except SettingsError as error:
        raise StackError(str(error)) from None
    return rules


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
