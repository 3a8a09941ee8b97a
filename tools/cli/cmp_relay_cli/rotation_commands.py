"""`cmp-relay rotate-secret`: start, status, finish."""

import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console

from cmp_relay import times
from cmp_relay_cli import moments, rotation, webhook_secret
from cmp_relay_cli.errors import OperatorError
from cmp_relay_cli.options import DryRun, Yes
from cmp_relay_cli.output import Output, facts
from cmp_relay_cli.session import Session
from cmp_relay_cli.stack import Stack
from cmp_relay_cli.webhook_secret import Stored

NEXT = (
    "`cmp-relay register` gives CMP the new secret, for the webhook of its settings (see --name)",
    "enter it by hand in CMP's publishing channels of the type webhook: settings lack them",
    "`cmp-relay rotate-secret status` tells who still sends the old one",
    "`cmp-relay rotate-secret finish` drops it: three days after CMP and its channels got the new "
    "one, not after `start`, since CMP retries for so long with the old one",
)

app = typer.Typer(
    no_args_is_help=True,
    short_help="Rotate the webhook's secret: start, status, finish.",
    help=(
        "Rotate the webhook's secret without losing a delivery.\n\n"
        "`start` makes a new secret and accepts the old one beside it. Give the new one to CMP, "
        "as `start` tells. `status` tells who still sends the old one. `finish` drops it once "
        "nobody has for three days, as long as CMP retries."
    ),
)


@app.command()
def start(
    context: typer.Context,
    show: Annotated[bool, typer.Option("--show", help="print the new secret")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Make a new secret; the old one is accepted beside it.

    What to do in CMP is told then. The secret is not printed without --show. Unless --json is
    given, the command waits for the minute until all receivers know it.
    """
    session = Session.of(context)
    stack = session.stack()
    before = webhook_secret.read(stack)
    if before.under_way:
        since = times.iso(before.written_at)
        message = (
            f"a rotation is under way since {since}: `cmp-relay rotate-secret status` tells what "
            "it lacks, and `finish` ends it"
        )
        raise OperatorError(message)
    document: dict[str, Any] = {"dry_run": dry_run, "accepted": before.names}
    if not dry_run:
        session.output.confirm(f"Make a new secret for the webhook of {stack.name}?", yes=yes)
        after = rotation.begin(stack, before)
        document |= _begun(stack, after)
        if show:
            document["secret"] = after.content["current"]
    session.output.show(document, lambda console: _show_begun(document, console))
    if not dry_run and not session.output.as_json:
        _wait(session.output)


@app.command()
def status(
    context: typer.Context,
    days: Annotated[
        float, typer.Option(min=0, max=60, help="how long nobody must have shown the old one")
    ] = rotation.RETRY_DAYS,
) -> None:
    """Tell who sends which secret, and if the old one may go.

    Webhooks of CMP's settings are compared with the secret; deliveries are counted as they come.
    No secret is shown.
    """
    session = Session.of(context)
    stack, now = session.stack(), moments.now()
    stored = webhook_secret.read(stack)
    evidence = rotation.examine(stack, stored, now)
    state = rotation.document(stored, evidence, [*rotation.obstacles(evidence, now, days)])
    session.output.show(state, lambda console: rotation.show(state, console))


@app.command()
def finish(
    context: typer.Context,
    days: Annotated[
        float, typer.Option(min=0, max=60, help="how long nobody must have shown the old one")
    ] = rotation.RETRY_DAYS,
    force: Annotated[
        bool, typer.Option("--force", help="without looking who sends it, as after a leak")
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Drop the old secret, if nobody needs it any more.

    That is: CMP has the new one, and no delivery has shown the old one for three days.

    A channel that publishes seldom may want more --days: only deliveries tell what it sends.
    """
    session = Session.of(context)
    stack, now = session.stack(), moments.now()
    before = webhook_secret.read(stack)
    if not before.under_way:
        message = "no rotation is under way: `cmp-relay rotate-secret start` begins one"
        raise OperatorError(message)
    if not force:
        evidence = rotation.examine(stack, before, now)
        left = [*rotation.obstacles(evidence, now, days)]
        if left:
            raise OperatorError(f"the old secret is needed still, or may be: {'; '.join(left)}")
    names = ", ".join(before.old)
    document = {"dry_run": dry_run, "forced": force, "dropped": [] if dry_run else before.old}
    if not dry_run:
        session.output.confirm(_question(stack, names, force=force), yes=yes)
        rotation.end(stack, before)
    session.output.show(document, lambda console: _show_ended(document, names, console))


def _question(stack: Stack, names: str, *, force: bool) -> str:
    if force:
        lost = (
            "Nobody looked who still sends it: those deliveries are refused, and lost once CMP has "
            "retried for three days."
        )
    else:
        lost = "A publishing channel that still sends it, and has sent nothing lately, is refused."
    return f"{lost} Drop {names} of {stack.name}?"


def _begun(stack: Stack, after: Stored) -> dict[str, Any]:
    known = after.written_at + rotation.SPREAD_SECONDS * 1000
    return {
        "accepted": after.names,
        "since": times.iso(after.written_at),
        "known_from": times.iso(known),
        "shown_by": webhook_secret.command(stack),
        "next": list(NEXT),
    }


def _show_begun(document: Mapping[str, Any], console: Console) -> None:
    if document["dry_run"]:
        console.print("A new secret would be made and the old one accepted still.")
        console.print("Nothing was changed.")
        return
    facts(console, {"accepted": ", ".join(document["accepted"]), "since": document["since"]})
    if "secret" in document:
        console.print(f"new secret: {document['secret']}", soft_wrap=True, markup=False)
    else:
        console.print(f"It is shown by: {document['shown_by']}", soft_wrap=True, markup=False)
    console.print(f"\n[bold]From {document['known_from']} on[/]")
    for number, each in enumerate(document["next"], start=1):
        console.print(f"{number}. {each}", soft_wrap=True, markup=False)


def _show_ended(document: Mapping[str, Any], names: str, console: Console) -> None:
    if document["dry_run"]:
        console.print(f"{names} would be dropped.\nNothing was changed.", markup=False)
        return
    console.print(f"{names} is accepted no more, a minute from now at the latest.", markup=False)


def _wait(output: Output) -> None:
    with output.progress("until all receivers know it (s)", rotation.SPREAD_SECONDS) as step:
        for _ in range(rotation.SPREAD_SECONDS):
            time.sleep(1)
            step(1)
    output.note("All receivers know it: now CMP may have it.")
