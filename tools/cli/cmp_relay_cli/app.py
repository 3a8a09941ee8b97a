"""The operator's command line: what happened, what waits, and how to mend it.

Exit codes: 0 all is well, 1 a problem was found or the command failed, 2 the command line is wrong.
"""

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.markup import escape
from typer.core import TyperGroup

from cmp_relay import times
from cmp_relay_cli import archived, dead_letter_commands, errors, moments
from cmp_relay_cli import explain as explain_
from cmp_relay_cli import replay as replay_
from cmp_relay_cli import status as status_
from cmp_relay_cli.errors import OperatorError, UsageError
from cmp_relay_cli.options import DryRun, Yes
from cmp_relay_cli.output import Output
from cmp_relay_cli.replay import Wanted
from cmp_relay_cli.session import Session
from cmp_relay_cli.stack import DEFAULT_NAME, Choice

FLAGS = frozenset({"--json", "--local"})
VALUED = frozenset({"--stack-name", "--region", "--profile"})


class CommonAnywhere(TyperGroup):
    """Takes the options that all commands share before and after the command's name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click's own
        """Put them in front, where click expects them."""
        return super().parse_args(ctx, common_first(args))


def common_first(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with the common options in front; what follows `--` stays."""
    common: list[str] = []
    rest: list[str] = []
    left = list(arguments)
    while left:
        argument = left.pop(0)
        if argument == "--":
            rest += [argument, *left]
            break
        if argument in VALUED and left:
            common += [argument, left.pop(0)]
        elif argument in FLAGS or argument.partition("=")[0] in VALUED:
            common.append(argument)
        else:
            rest.append(argument)
    return [*common, *rest]


app = typer.Typer(
    cls=CommonAnywhere,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Common options may stand after the command, too. COMMAND --help tells more.",
)


app.add_typer(dead_letter_commands.app, name="dead-letters")


@app.callback()
def common(
    context: typer.Context,
    stack_name: Annotated[
        str, typer.Option(envvar="CMP_RELAY_STACK", help="the stack's name in CloudFormation")
    ] = DEFAULT_NAME,
    region: Annotated[
        str | None,
        typer.Option(
            envvar=["AWS_REGION", "AWS_DEFAULT_REGION"],
            show_envvar=False,
            help="its region; by default that of the profile",
        ),
    ] = None,
    profile: Annotated[str | None, typer.Option(help="a profile of your AWS configuration")] = None,
    local: Annotated[
        bool, typer.Option("--local", help="the local stack that `make up` started")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="print one JSON document, for programs")
    ] = False,
) -> None:
    """See what happened in CMP Relay, and mend it.

    Nothing is written without a question: --yes answers it, --dry-run only tells.
    """
    context.obj = Session(Choice(stack_name, region, profile, local), Output(as_json))


@app.command()
def status(context: typer.Context) -> None:
    """Show queues, outcomes of today, the API budget, the token and the last reconciliation."""
    session: Session = context.obj
    state = status_.read(session.stack(), moments.now())
    session.output.show(state, lambda console: status_.show(state, console))


@app.command()
def explain(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="DELIVERY|ASSET", help="the id of either")],
) -> None:
    """Tell what happened to a delivery or an asset, from its receipt to its outcome."""
    session: Session = context.obj
    stack = session.stack()
    document = explain_.delivery(stack, name, moments.now())
    if document is None:
        with session.output.progress("reading the catalogue") as step:
            document = explain_.asset(stack, name, step)
    if document is None:
        raise explain_.missing(name)
    found = document
    session.output.show(found, lambda console: explain_.show(found, console))


@app.command()
def replay(
    context: typer.Context,
    since: Annotated[str | None, typer.Option(help="received from then on: 2026-11-22, 2h")] = None,
    until: Annotated[str | None, typer.Option(help="received before then")] = None,
    event: Annotated[list[str] | None, typer.Option(help="of this event")] = None,
    asset: Annotated[list[str] | None, typer.Option(help="of this asset")] = None,
    delivery: Annotated[list[str] | None, typer.Option(help="of this delivery")] = None,
    rate: Annotated[float, typer.Option(min=0.1, max=100, help="jobs a second, at most")] = 10,
    resume: Annotated[str | None, typer.Option(help="go on with this replay, not twice")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="wait until all have ended")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Give jobs of archived deliveries once more, behind live traffic.

    They keep when they were received, so nothing newer gives way to them. What the catalogue holds
    already costs no request to CMP; --dry-run counts what the others will cost at most.
    """
    session: Session = context.obj
    if not (since or asset or delivery):
        raise UsageError("which deliveries? Name them by --since, --asset or --delivery")
    # A replay is named after its moment: who goes on with it means the same span of time.
    now = moments.read(resume) or moments.now()
    begin, end = moments.read(since, now), moments.read(until, now)
    stack = session.stack()
    oldest = now - stack.number("ArchiveRetentionDays") * archived.DAY
    span = (oldest if begin is None else begin, now if end is None else end)
    wanted = Wanted(*span, events=event or (), assets=asset or (), deliveries=delivery or ())
    with session.output.progress("reading the archive") as step:
        jobs = replay_.find(stack, wanted, step)
    run = resume or times.iso(now)
    document: dict[str, Any] = {"replay": run, "dry_run": dry_run, **replay_.cost(stack, jobs)}
    if not dry_run and jobs:
        most = document["requests_at_most"]
        question = f"Replay {len(jobs)} jobs in {stack.name}, with {most} requests to CMP at most?"
        session.output.confirm(question, yes=yes)
        session.output.note(f"If it is stopped, go on with the same words and --resume {run}")
        with session.output.progress("giving jobs", len(jobs)) as step:
            document["given"] = replay_.send(stack, jobs, run, rate, step)
        if follow:
            with session.output.progress("ended", len(jobs)) as step:
                document["outcomes"] = replay_.follow(stack, jobs, run, step)
    session.output.show(document, lambda console: replay_.show(document, console))


def main() -> None:
    """Run the command line and turn what a person can act on into a sentence."""
    try:
        app()
    except OperatorError as error:
        _fail(str(error), error.code)
    except (BotoCoreError, ClientError) as error:
        _fail(errors.explain(error), 1)


def _fail(sentence: str, code: int) -> None:
    Output().aside.print(f"[red]✗[/] {escape(sentence)}", soft_wrap=True)
    sys.exit(code)
