"""The operator's command line: what happened, what waits, and how to mend it.

Exit codes: 0 all is well, 1 a problem was found or the command failed, 2 the command line is wrong.
"""

import logging
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.markup import escape
from typer.core import TyperGroup

from cmp_relay import times
from cmp_relay.errors import ApiError, CmpRelayError
from cmp_relay.runs import Kind
from cmp_relay.telemetry import logger
from cmp_relay_cli import (
    archived,
    asset_commands,
    cmp,
    content_commands,
    dead_letter_commands,
    dead_letters,
    errors,
    login_command,
    moments,
    reconciling,
    registering,
    registration,
    rotation_commands,
    samples,
    sending,
)
from cmp_relay_cli import doctor as doctor_
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
CHOOSING = ("stack_name", "region", "profile")


class CommonAnywhere(TyperGroup):
    """Takes the options that all commands share before and after the command's name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click's own
        """Put them in front, where click expects them."""
        return super().parse_args(ctx, common_first(args))

    def get_help(self, ctx: Any) -> str:  # noqa: ANN401 - click's own
        """Return the help without its blank lines: it has to fit a screen of 24 lines."""
        return "\n".join(line for line in super().get_help(ctx).splitlines() if line.strip())

    def get_help_option(self, ctx: Any) -> Any:  # noqa: ANN401 - click's own
        """Return --help, which who reads the help knows already."""
        option = super().get_help_option(ctx)
        if option:
            option.hidden = True
        return option


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
        elif argument in FLAGS or ("=" in argument and argument.split("=")[0] in VALUED):
            common.append(argument)
        else:
            rest.append(argument)
    return [*common, *rest]


app = typer.Typer(
    cls=CommonAnywhere,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    subcommand_metavar="COMMAND [ARGS]... (COMMAND --help tells more)",
    context_settings={"help_option_names": ["-h", "--help"]},
)


app.command("login")(login_command.login)
app.add_typer(dead_letter_commands.app, name="dead-letters")
app.add_typer(asset_commands.app, name="assets")
app.add_typer(content_commands.app, name="content")
app.add_typer(rotation_commands.app, name="rotate-secret")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cmp-relay {metadata.version('cmp-relay')}")
        raise typer.Exit


@app.callback()
def common(
    context: typer.Context,
    stack_name: Annotated[
        str,
        typer.Option(
            envvar="CMP_RELAY_STACK",
            show_envvar=False,
            show_default=False,
            help=f"its name in AWS, or CMP_RELAY_STACK, or {DEFAULT_NAME}",
        ),
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
    version: Annotated[
        bool, typer.Option("--version", help="print the version", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """See what happened, and mend it. What writes asks first: --yes, --dry-run."""
    sources = [context.get_parameter_source(name) for name in CHOOSING]
    # The environment may name a stack all the time.
    if local and any(source and source.name == "COMMANDLINE" for source in sources):
        raise UsageError("--local is a stack of its own: leave out what names another one")
    context.obj = Session(Choice(stack_name, region, profile, local), Output(as_json))


@app.command()
def status(context: typer.Context) -> None:
    """Show queues, outcomes, the API budget and the token.

    Outcomes are those of today (UTC). The last reconciliation is shown, too.
    """
    session = Session.of(context)
    state = status_.read(session.stack(), moments.now())
    session.output.show(state, lambda console: status_.show(state, console))


@app.command()
def doctor(context: typer.Context) -> None:
    """Look for what is wrong, and tell what to do about it.

    The exit code is 1 if something is a problem.
    """
    session = Session.of(context)
    stack = session.stack()
    with session.output.progress("looking", len(doctor_.LOOKS)) as step:
        findings = doctor_.examine(stack, moments.now(), step)
    session.output.show(doctor_.document(findings), lambda console: doctor_.show(findings, console))
    if not doctor_.is_well(findings):
        raise typer.Exit(1)


@app.command()
def register(
    context: typer.Context,
    name: Annotated[str, typer.Option(help="what CMP calls the webhook")] = "CMP Relay",
    event: Annotated[
        list[str] | None, typer.Option(help="in place of all events that have a worker")
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Register the webhook in CMP, or bring it up to date.

    The difference is shown first. CMP calls that API experimental. It finds a webhook by its name
    and only adds events to it.
    """
    session = Session.of(context)
    stack = session.stack()
    with cmp.connected(stack) as api:
        plan = registering.plan(
            api.settings,
            name=name,
            url=stack.outputs["WebhookUrl"],
            secret=sending.secret(stack),
            events=event or sorted(registration.WANTED),
        )
        if plan.changes and not dry_run:
            what = "Make" if plan.changes == ["new"] else f"Change {', '.join(plan.changes)} of"
            question = f"{what} the webhook {name} in CMP?"
            if not (yes or session.output.as_json):
                registering.show_difference(plan.document(), session.output.aside)
            session.output.confirm(question, yes=yes)
            registering.carry_out(api.settings, plan)
    document = {"dry_run": dry_run, **plan.document()}
    session.output.show(document, lambda console: registering.show(document, console))


@app.command()
def explain(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="DELIVERY|ASSET", help="the id of either")],
) -> None:
    """Tell what happened to a delivery or an asset.

    All of it, from the receipt to the outcome of each job, its attempts and what it waits for.
    """
    session = Session.of(context)
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
    """Give jobs of archived deliveries once more.

    They go behind live traffic and keep when they were received, so nothing newer gives way to
    them. What the catalogue holds already costs no request to CMP; --dry-run counts what the others
    will cost at most.
    """
    session = Session.of(context)
    if not (since or asset or delivery):
        raise UsageError("which deliveries? Name them by --since, --asset or --delivery")
    # A replay is named after its moment: who goes on with it means the same span of time.
    now = moments.now() if resume is None else replay_.moment(resume)
    begin, end = moments.read(since, now), moments.read(until, now)
    stack = session.stack()
    span = archived.span(stack, begin, end, now)
    wanted = Wanted(*span, events=event or (), assets=asset or (), deliveries=delivery or ())
    with session.output.progress("reading the archive") as step:
        jobs = replay_.find(stack, wanted, step)
        if not jobs:
            explain_.check_known(stack, asset or (), now, step)
    run = times.iso(now)
    if resume is not None:
        replay_.check_begun(stack, jobs, run)
    document: dict[str, Any] = {"replay": run, "dry_run": dry_run, **replay_.cost(stack, jobs)}
    if not dry_run and jobs:
        most = document["requests_at_most"]
        question = f"Replay {len(jobs)} jobs in {stack.name}, with {most} requests to CMP at most?"
        session.output.confirm(question, yes=yes)
        session.output.note(f"If it is stopped, go on with the same words and --resume {run}")
        most = replay_.MOST_WAITING
        session.output.note(f"It waits while a queue holds over {most} messages: see `status`")
        with session.output.progress("giving jobs", len(jobs)) as step:
            document["given"] = replay_.send(stack, jobs, run, rate, step)
        if follow:
            with session.output.progress("ended", len(jobs)) as step:
                document["outcomes"] = replay_.follow(stack, jobs, run, step)
    session.output.show(document, lambda console: replay_.show(document, console))


@app.command()
def send(
    context: typer.Context,
    body: Annotated[str, typer.Argument(metavar="SAMPLE|FILE", help="as `asset_published`")],
    channel: Annotated[
        str | None, typer.Option(help="the publishing channel to send it through")
    ] = None,
    seconds: Annotated[float, typer.Option(help="how long to follow it")] = 120,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Send a delivery as CMP would, and follow its jobs.

    A sample is one of the project's events/webhooks, a file holds a body as CMP sends it. A sample
    tells of assets that your CMP does not have: the catalogue keeps what it says of them, and their
    files become dead letters, which `dead-letters discard --delivery` deletes.
    """
    session = Session.of(context)
    stack = session.stack()
    sample = samples.read(stack, body)
    document: dict[str, Any] = {
        "event_name": sample.event_name,
        "url": sending.url(stack, channel),
        "dry_run": dry_run,
    }
    if dry_run:
        session.output.show(document, lambda console: sending.show(document, console))
        return
    session.output.confirm(f"Send {sample.event_name} to {stack.name}?", yes=yes)
    answer = sending.send(stack, sample, channel)
    name, count = answer["delivery_id"], answer["jobs"]
    with session.output.progress(f"following {name}", count) as step:
        jobs = sending.follow(stack, name, count, seconds, step)
    document |= {"delivery_id": name, "jobs": [job.document() for job in jobs]}
    session.output.show(document, lambda console: sending.show(document, console))
    if not count:
        raise OperatorError(f"the delivery made no job: `cmp-relay explain {name}` tells why")
    done = [job for job in jobs if job.outcome in dead_letters.DONE]
    if len(done) < count:
        message = f"{count - len(done)} of {count} jobs are not done: `cmp-relay explain {name}`"
        raise OperatorError(message)


@app.command()
def reconcile(
    context: typer.Context,
    full: Annotated[
        bool, typer.Option("--full", help="the whole library, not what changed since the last run")
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Find in CMP's library what no delivery told, and mend it.

    The catalogue is compared with the library, and jobs are given for what differs. A page of a
    hundred assets costs a request, a difference another one. The run goes on by itself every five
    minutes if you stop following it.
    """
    _reconcile(context.obj, "full" if full else "incremental", settle=False, dry=dry_run, yes=yes)


@app.command()
def backfill(context: typer.Context, dry_run: DryRun = False, yes: Yes = False) -> None:
    """Bring CMP's whole library into the catalogue.

    The command waits until all of it is there. It is a full reconciliation, which goes on by itself
    if you stop following it.
    """
    _reconcile(context.obj, "full", settle=True, dry=dry_run, yes=yes)


def _reconcile(session: Session, kind: Kind, *, settle: bool, dry: bool, yes: bool) -> None:
    stack = session.stack()
    begins = reconciling.kind_of(stack, kind)
    if dry:
        state = {"would_begin": begins, **status_.reconcile(stack)}
        session.output.show(state, lambda console: reconciling.show_plan(state, console))
        return
    session.output.confirm(f"Begin a run ({begins}) in {stack.name}?", yes=yes)
    dead = reconciling.dead_letters(stack) if settle else 0
    with session.output.measured("comparing") as compare:
        report = reconciling.compare(stack, kind, compare)
    if settle:
        with session.output.measured("bringing assets") as bring:
            reconciling.settle(stack, report.get("enqueued", 0), bring)
        report["dead_letters"] = max(0, reconciling.dead_letters(stack) - dead)
    session.output.show(report, lambda console: reconciling.show(report, console))
    if report.get("status") != "finished":
        raise OperatorError(f"the run stopped: {report.get('reason')}; see docs/reconcile.md")
    if report.get("dead_letters"):
        died = f"{report['dead_letters']} jobs of the library have become dead letters"
        raise OperatorError(f"{died}: `cmp-relay dead-letters list`")


def main() -> None:
    """Run the command line and turn what a person can act on into a sentence."""
    logger.setLevel(logging.CRITICAL)  # it writes to stdout, as Lambda wants it
    try:
        app()
    except OperatorError as error:
        _fail(str(error), error.code)
    except ApiError as error:
        _fail(f"CMP does not do it: {error}", 1)
    except CmpRelayError as error:
        _fail(str(error), 1)
    except (BotoCoreError, ClientError) as error:
        _fail(errors.explain(error), 1)
    except OSError as error:
        _fail(errors.of_this_machine(error), 1)


def _fail(sentence: str, code: int) -> None:
    Output().aside.print(f"[red]✗[/] {escape(sentence)}", soft_wrap=True)
    sys.exit(code)
