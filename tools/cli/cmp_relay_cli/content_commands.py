"""`cmp-relay content`: list, get, publish and upload by the API of Optimizely's tutorial."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from cmp_relay import content_api
from cmp_relay.content_api import ContentApi
from cmp_relay.endpoint import moment
from cmp_relay.errors import NotFoundError
from cmp_relay_cli import content, moments
from cmp_relay_cli.errors import MissingError, UsageError, owning_up
from cmp_relay_cli.options import DryRun, Yes
from cmp_relay_cli.output import everything, facts, row, table
from cmp_relay_cli.session import Session

COLUMNS = ("id", "content_type", "status", "title", "campaign_id")

HELP = """List, get, publish or upload content by the tutorial's API.

CMP's official specification does not contain this API: ask Optimizely whether you have it.
`cmp-relay assets` uses the one that it contains.

With CMP_CLIENT_ID and CMP_CLIENT_SECRET in the environment neither a stack nor AWS is needed.
Without them the stack's own credentials ask, and requests count in its API budget.
"""

Api = Annotated[
    str | None,
    typer.Option("--api", envvar="CMP_CONTENT_API", help=f"its address, else {content_api.BASE}"),
]
ContentId = Annotated[str, typer.Argument(metavar="ID", help="of a content item")]

app = typer.Typer(no_args_is_help=True, help=HELP)


@app.command("list")
def list_content(
    context: typer.Context,
    status: Annotated[str | None, typer.Option(help="in this state, as `approved`")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="as `blog-post`")] = None,
    campaign: Annotated[str | None, typer.Option(help="of the campaign of this id")] = None,
    limit: Annotated[int, typer.Option(min=1, help="so many at most")] = 100,
    api: Api = None,
) -> None:
    """List content items, in CMP's order. A hundred cost a request."""
    session = Session.of(context)
    with content.connected(session, api) as cmp:
        found = cmp.list(status=status, content_type=kind, campaign_id=campaign)
        rows = [*islice(found, limit)]
    session.output.show(rows, lambda console: _show(rows, console))
    if len(rows) == limit:
        session.output.note(f"These are the first {limit}: --limit shows more, if there are.")


@app.command("get")
def get_content(context: typer.Context, content_id: ContentId, api: Api = None) -> None:
    """Print a content item with its fields and workflow state."""
    session = Session.of(context)
    _check("ID", content_id)
    with content.connected(session, api) as cmp:
        item = _item(cmp, content_id)
    session.output.show(item, lambda console: everything(console, item))


@app.command("publish")
def publish_content(
    context: typer.Context,
    content_id: ContentId,
    channel: Annotated[str, typer.Option(help="the id of the publishing channel")],
    at: Annotated[
        str | None, typer.Option(help="not now but then, with a zone: 2026-12-01T09:00+01:00")
    ] = None,
    target: Annotated[str | None, typer.Option(help="the location on the channel")] = None,
    api: Api = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Publish approved content on a channel, now or at a moment.

    CMP refuses what is not approved. If its answer is lost, this says that nobody knows what has
    become of it, and sends nothing twice. Who runs the command again publishes again. What CMP
    answers is shown as it is: its state can be another one than `published`.
    """
    session = Session.of(context)
    _check("ID", content_id)
    _check("--channel", channel)
    then = moments.ahead(at)
    with content.connected(session, api) as cmp:
        item = _item(cmp, content_id)
        document = {
            "dry_run": dry_run,
            "content_id": content_id,
            "title": item.get("title"),
            "status": item.get("status"),
            "channel_id": channel,
            "schedule_at": moment(then) if then else None,
            "target_location": target,
        }
        if not dry_run:
            when = f"at {document['schedule_at']}" if then else "now"
            title = str(item.get("title") or content_id)
            session.output.confirm(f"Publish {title!r} on {channel} {when}?", yes=yes)
            document["answer"] = _published(cmp, content_id, channel, then, target)
    session.output.show(document, lambda console: _tell(document, console))


@app.command("upload")
def upload_asset(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    title: Annotated[str | None, typer.Option(help="by default the file's name")] = None,
    description: Annotated[str, typer.Option(help="what it shows")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="as often as you like")] = None,
    folder: Annotated[str, typer.Option(help="the id of the folder to put it into")] = "",
    api: Api = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Upload a file as an asset, with description and tags.

    `assets upload` does it by CMP's official API, which takes no tags at that moment.
    """
    session = Session.of(context)
    size = file.stat().st_size
    if dry_run:
        document = {"file": str(file), "bytes": size, "dry_run": True}
        session.output.show(document, lambda console: everything(console, document))
        return
    session.output.confirm(f"Upload {file.name} ({size} bytes) to CMP?", yes=yes)
    with (
        content.connected(session, api) as cmp,
        owning_up(f"{file.name} is uploaded", "look in CMP"),
    ):
        asset = cmp.upload(file, title, description=description, tags=tag or (), folder_id=folder)
    session.output.show(asset, lambda console: everything(console, asset))


def _check(name: str, value: str) -> None:
    if not value.strip():
        raise UsageError(f"{name} is empty")


def _item(cmp: ContentApi, content_id: str) -> Mapping[str, Any]:
    try:
        return cmp.get(content_id)
    except NotFoundError:
        raise MissingError(f"CMP shows no content item {content_id} to this app") from None


def _published(
    cmp: ContentApi, content_id: str, channel: str, then: datetime | None, target: str | None
) -> Mapping[str, Any]:
    try:
        with owning_up(f"{content_id} is published", f"see `cmp-relay content get {content_id}`"):
            return cmp.publish(content_id, channel, schedule_at=then, target_location=target)
    except NotFoundError:
        message = f"CMP shows no channel {channel} to this app; nothing was published"
        raise MissingError(message) from None


def _show(rows: Sequence[Mapping[str, Any]], console: Console) -> None:
    made = table(*COLUMNS)
    for each in rows:
        row(made, (each.get(name) for name in COLUMNS))
    console.print(made)


def _tell(document: Mapping[str, Any], console: Console) -> None:
    shown = ("content_id", "title", "status", "channel_id", "target_location")
    facts(console, {name: document[name] for name in shown})
    then = document["schedule_at"]
    if document["dry_run"]:
        what = f"would be scheduled for {then}" if then else "would be published now"
        console.print(f"It {what}; CMP publishes only what is approved.")
    else:
        # What an answer says of a failure is nowhere documented, so it is shown and not judged.
        console.print(
            f"CMP has taken it, to publish it {f'at {then}' if then else 'now'}, and says:"
        )
        everything(console, document["answer"])
