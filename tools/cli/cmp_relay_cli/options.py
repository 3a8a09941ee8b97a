"""Options that several commands have."""

from typing import Annotated

import typer

DryRun = Annotated[bool, typer.Option("--dry-run", help="only tell what would be done")]
Yes = Annotated[bool, typer.Option("--yes", help="do not ask")]
