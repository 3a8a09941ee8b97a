"""The table of what every function did under `sam local`, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich import box
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Row:
    """One invocation: what came of it, and whether that is right."""

    name: str
    response: str
    effect: str = ""
    milliseconds: float | None = None
    peak_bytes: int | None = None
    wrong: str = ""


@dataclass(frozen=True)
class Report:
    """All invocations, the functions that the template has, and what they ran on."""

    rows: Sequence[Row]
    functions: Iterable[str]
    runtime: str

    @property
    def missing(self) -> list[str]:
        """Return the functions of the template that were not invoked."""
        return sorted(set(self.functions) - {row.name for row in self.rows})

    @property
    def complete(self) -> bool:
        """Tell whether every function of the template was invoked and every row is right."""
        return bool(self.rows) and not self.missing and not any(row.wrong for row in self.rows)

    def show(self, console: Console) -> None:
        """Print the table and the verdict."""
        title = f"sam local, {self.runtime}"
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in ("", "name", "response", "effect"):
            table.add_column(heading)
        for heading in ("duration", "memory"):
            table.add_column(heading, justify="right", no_wrap=True)
        for row in self.rows:
            table.add_row(*_cells(row))
        console.print(table)
        for name in self.missing:
            console.print(f"[red]✗[/] {escape(name)} was not invoked")
        if self.complete:
            console.print("[green]✓ Every function works.[/]")
        else:
            console.print("[red]✗ Not all is right[/]; see .local/sam-local/logs.")


def _cells(row: Row) -> list[str]:
    duration = "" if row.milliseconds is None else f"{row.milliseconds:.0f} ms"
    memory = "" if row.peak_bytes is None else f"{row.peak_bytes / MEGABYTE:.0f} MB"
    if row.wrong:
        return ["[red]✗[/]", row.name, escape(row.response), escape(row.wrong), duration, memory]
    return ["[green]✓[/]", row.name, escape(row.response), escape(row.effect), duration, memory]
