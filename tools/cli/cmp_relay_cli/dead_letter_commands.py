"""`cmp-relay dead-letters`: list, show, redrive, discard."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from cmp_relay_cli import dead_letters, explain, moments
from cmp_relay_cli.dead_letters import Filter, Report
from cmp_relay_cli.errors import OperatorError, UsageError
from cmp_relay_cli.job_items import JobItem
from cmp_relay_cli.options import DryRun, Yes
from cmp_relay_cli.output import facts
from cmp_relay_cli.session import Session
from cmp_relay_cli.stack import Stack

app = typer.Typer(
    no_args_is_help=True, help="List, show, redrive or discard what could not be done."
)

Reasons = Annotated[list[str] | None, typer.Option("--reason", help="with this reason")]
Events = Annotated[list[str] | None, typer.Option("--event", help="of this event")]
Assets = Annotated[list[str] | None, typer.Option("--asset", help="of this asset")]
Deliveries = Annotated[list[str] | None, typer.Option("--delivery", help="of this delivery")]
Jobs = Annotated[list[str] | None, typer.Option("--job", help="of this job")]
Since = Annotated[str | None, typer.Option(help="from then on: 2026-11-22, or 2h ago")]
Until = Annotated[str | None, typer.Option(help="before then")]
Limit = Annotated[int | None, typer.Option(min=1, help="the oldest so many of them")]
Every = Annotated[bool, typer.Option("--all", help="all there are")]


@app.command("list")
def list_dead_letters(
    context: typer.Context,
    reason: Reasons = None,
    event: Events = None,
    asset: Assets = None,
    delivery: Deliveries = None,
    job: Jobs = None,
    since: Since = None,
    until: Until = None,
    each: Annotated[bool, typer.Option("--each", help="one by one, not grouped")] = False,
) -> None:
    """Show dead letters by reason, with what to do about each.

    All of them, with how many messages more the queues hold; or those that are chosen.
    """
    session = Session.of(context)
    chosen = _filter(reason, event, asset, delivery, job, since, until)
    stack = session.stack()
    items = _choose(session, stack, chosen)
    if each:
        document: Any = [item.document() for item in items]
        session.output.show(document, lambda console: dead_letters.show_items(items, console))
        return
    found = dead_letters.groups(items)
    if chosen == Filter():
        found += dead_letters.strays(stack, items, moments.now())
    session.output.show(found, lambda console: dead_letters.show_groups(found, console))


@app.command("show")
def show_dead_letter(context: typer.Context, job_id: str) -> None:
    """Show one dead letter: why it failed, and what to do."""
    session = Session.of(context)
    items = _find(session, session.stack(), Filter(jobs=[job_id]))
    if not items:
        raise dead_letters.missing(job_id)
    document = {**items[0].document(), "advice": dead_letters.advice(items[0].reason)}
    session.output.show(document, lambda console: facts(console, document))


@app.command("redrive")
def redrive_dead_letters(
    context: typer.Context,
    reason: Reasons = None,
    event: Events = None,
    asset: Assets = None,
    delivery: Deliveries = None,
    job: Jobs = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    every: Every = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Send the chosen ones back into their work queues.

    There they begin anew. Each is sent before it is deleted, and its job ends once also if the
    command is killed between: repeat it then.
    """
    session = Session.of(context)
    chosen = _filter(reason, event, asset, delivery, job, since, until)
    _change(
        session,
        chosen,
        "Redrive",
        dead_letters.redrive,
        every=every,
        limit=limit,
        dry=dry_run,
        yes=yes,
    )


@app.command("discard")
def discard_dead_letters(
    context: typer.Context,
    reason: Reasons = None,
    event: Events = None,
    asset: Assets = None,
    delivery: Deliveries = None,
    job: Jobs = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    every: Every = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Delete the chosen ones for good.

    `replay` can still bring what was delivered, as long as the archive keeps it.
    """
    session = Session.of(context)
    chosen = _filter(reason, event, asset, delivery, job, since, until)

    def discard(stack: Stack, items: Sequence[JobItem], step: Callable[[int], None]) -> Report:
        return dead_letters.discard(stack, items, moments.now(), step)

    _change(session, chosen, "Discard", discard, every=every, limit=limit, dry=dry_run, yes=yes)


def _change(
    session: Session,
    chosen: Filter,
    verb: str,
    act: Callable[[Stack, Sequence[JobItem], Callable[[int], None]], Report],
    *,
    every: bool,
    limit: int | None,
    dry: bool,
    yes: bool,
) -> None:
    """Do something to the chosen dead letters, once that is wanted, and tell what it was."""
    if chosen == Filter() and not every:
        raise UsageError("choose dead letters by --reason, --event, …, or take them --all")
    stack = session.stack()
    items = _choose(session, stack, chosen)[:limit]
    report = Report()
    if not dry:
        session.output.confirm(f"{verb} {len(items)} dead letters of {stack.name}?", yes=yes)
        with session.output.progress(verb.lower(), len(items)) as step:
            report = act(stack, items, step)
    document = {"chosen": [item.job_id for item in items], "dry_run": dry, **report.document()}
    session.output.show(document, lambda console: dead_letters.show_report(document, console))
    if report.hidden:
        raise OperatorError(
            f"{len(report.hidden)} of them were not found, but their queue holds messages that "
            "another command or SQS's console hides: repeat the command when that has ended"
        )
    if report.waiting:
        raise OperatorError(
            f"{len(report.waiting)} of them are in no dead-letter queue: sent back and not yet "
            "taken by a worker (`cmp-relay status`), or deleted by SQS after 14 days. Look at "
            "`cmp-relay dead-letters list` again once their work queue is empty"
        )
    if report.missing:
        raise OperatorError(
            f"{len(report.missing)} of them are in no queue: deleted before, by SQS after 14 days, "
            "or sent back within the last minute. Once `cmp-relay explain` shows that they stay "
            "dead, `cmp-relay replay` brings what was delivered"
        )


def _choose(session: Session, stack: Stack, chosen: Filter) -> list[JobItem]:
    """Return what is chosen; raises MissingError for an id that nobody knows."""
    items = _find(session, stack, chosen)
    seen = {name for item in items for name in (item.asset_id, item.delivery_id)}
    unseen = [name for name in (*chosen.assets, *chosen.deliveries) if name not in seen]
    if unseen:
        with session.output.progress("reading the catalogue") as step:
            explain.check_known(stack, unseen, moments.now(), step)
    return items


def _find(session: Session, stack: Stack, chosen: Filter) -> list[JobItem]:
    with session.output.progress("reading the catalogue") as step:
        return dead_letters.find(stack, chosen, step)


def _filter(
    reason: list[str] | None,
    event: list[str] | None,
    asset: list[str] | None,
    delivery: list[str] | None,
    job: list[str] | None,
    since: str | None,
    until: str | None,
) -> Filter:
    return Filter(
        reasons=reason or (),
        events=event or (),
        assets=asset or (),
        deliveries=delivery or (),
        jobs=job or (),
        since=moments.read(since),
        until=moments.read(until),
    )
