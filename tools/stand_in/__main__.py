"""Run the stand-in: `python -m tools.stand_in --client-id local --client-secret local`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads it
from typing import Annotated

import typer

from tools.stand_in.app import create
from tools.stand_in.server import listener, origin, serve


def main(
    client_id: Annotated[str, typer.Option(help="OAuth client that may have tokens.")],
    client_secret: Annotated[str, typer.Option(help="Its secret.")],
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    ready_file: Annotated[
        Path | None, typer.Option(help="Gets the base URL once the stand-in answers.")
    ] = None,
) -> None:
    """Serve a stand-in for CMP until SIGTERM."""
    api, files = listener(port), listener(0)

    def announce() -> None:
        if ready_file is not None:
            # Renamed into place: who waits for the file never sees it half written.
            draft = ready_file.with_suffix(".draft")
            draft.write_text(origin(api))
            draft.replace(ready_file)
        typer.echo(origin(api))

    serve(create(client_id, client_secret, origin(files)), [api, files], announce)


if __name__ == "__main__":
    typer.run(main)
