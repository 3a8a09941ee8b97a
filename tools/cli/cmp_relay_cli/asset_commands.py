"""`cmp-relay assets`: list, get and upload, with the stack's token and within its API budget."""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from cmp_relay.errors import NotFoundError
from cmp_relay.library import SEGMENTS
from cmp_relay_cli import cmp, moments
from cmp_relay_cli.errors import MissingError, UsageError, owning_up
from cmp_relay_cli.options import DryRun, Yes
from cmp_relay_cli.output import everything, row, table
from cmp_relay_cli.session import Session

COLUMNS = ("id", "type", "title", "modified_at")

app = typer.Typer(no_args_is_help=True, help="List, get or upload assets of CMP's library.")


@app.command("list")
def list_assets(
    context: typer.Context,
    kind: Annotated[list[str] | None, typer.Option(help=f"one of {', '.join(SEGMENTS)}")] = None,
    text: Annotated[str | None, typer.Option(help="with this text")] = None,
    folder: Annotated[str | None, typer.Option(help="in the folder of this id")] = None,
    since: Annotated[str | None, typer.Option(help="modified from then on: 2026-11-22, 2h")] = None,
    limit: Annotated[int, typer.Option(min=1, help="so many at most")] = 100,
) -> None:
    """List assets, the latest change first.

    CMP has no other order. A hundred cost a request.
    """
    session = Session.of(context)
    unknown = sorted({*(kind or ())} - SEGMENTS.keys())
    if unknown:
        raise UsageError(f"CMP has no kind {unknown[0]}, but {', '.join(SEGMENTS)}")
    begin = moments.utc(since)
    with cmp.connected(session.stack()) as api:
        found = api.assets.list(kinds=kind or (), text=text, folder_id=folder, modified_from=begin)
        rows = [*islice(found, limit)]
    session.output.show(rows, lambda console: _show(rows, console))


@app.command("get")
def get_asset(context: typer.Context, asset_id: str) -> None:
    """Print all that CMP shows of an asset.

    It may live in the library or in a task.
    """
    session = Session.of(context)
    with cmp.connected(session.stack()) as api:
        try:
            asset = api.assets.find(asset_id)
        except NotFoundError:
            raise MissingError(f"CMP shows no asset {asset_id} to the relay's app") from None
    session.output.show(asset, lambda console: everything(console, asset))


@app.command("upload")
def upload_asset(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    title: Annotated[str | None, typer.Option(help="by default the file's name")] = None,
    folder: Annotated[str | None, typer.Option(help="the id of the folder to put it into")] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Make an asset of a file; CMP tells by its content which kind."""
    session = Session.of(context)
    stack, size = session.stack(), file.stat().st_size
    if dry_run:
        document = {"file": str(file), "bytes": size, "dry_run": True}
        session.output.show(document, lambda console: everything(console, document))
        return
    session.output.confirm(f"Upload {file.name} ({size} bytes) to CMP?", yes=yes)
    with (
        session.output.progress("uploading", size) as step,
        cmp.connected(stack) as api,
        owning_up(f"{file.name} is uploaded", "look at `cmp-relay assets list --limit 5`"),
    ):
        asset = api.assets.upload(file, title, folder_id=folder, sent=step)
    session.output.show(asset, lambda console: _show([asset], console))


def _show(rows: Sequence[Mapping[str, Any]], console: Console) -> None:
    made = table(*COLUMNS)
    for each in rows:
        row(made, (each.get(name) for name in COLUMNS))
    console.print(made)
