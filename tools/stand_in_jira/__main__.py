"""Run the stand-in: `python -m tools.stand_in_jira --email local@example.com --api-token local`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads it
from typing import Annotated

import typer

from tools.stand_in.server import listener, origin, serve
from tools.stand_in_jira.app import create


def main(
    email: Annotated[str, typer.Option(help="Whose token it is.")],
    api_token: Annotated[str, typer.Option(help="The token that is taken, basic or bearer.")],
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    ready_file: Annotated[
        Path | None, typer.Option(help="Gets the base URL once the stand-in answers.")
    ] = None,
) -> None:
    """Serve a stand-in for Jira until SIGTERM."""
    api = listener(port)

    def announce() -> None:
        if ready_file is not None:
            # Renamed into place: who waits for the file never sees it half written.
            draft = ready_file.with_suffix(".draft")
            draft.write_text(origin(api))
            draft.replace(ready_file)
        typer.echo(origin(api))

    serve(create(origin(api), email, api_token), [api], announce)


if __name__ == "__main__":
    typer.run(main)
