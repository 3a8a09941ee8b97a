"""Shows the ledger of the running stack: `make ledger`."""

import sys

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tools.ledger.ledger import Ledger
from tools.ledger.sources import Sources
from tools.local_stack.errors import StackError
from tools.local_stack.stack import LocalStack

SHOWN = 10


def main() -> int:
    """Print the ledger and return 0 only if it adds up."""
    console = Console()
    try:
        ledger = Sources(LocalStack.running()).ledger()
    except StackError as error:
        Console(stderr=True).print(f"[red]✗[/] {escape(str(error))}", soft_wrap=True)
        return 1
    show(ledger, console)
    return 1 if ledger.problems else 0


def show(ledger: Ledger, console: Console) -> None:
    """Print rows, sum and what does not add up."""
    table = Table("jobs", "", title="Ledger", title_justify="left", show_footer=True, box=None)
    table.columns[0].footer, table.columns[1].footer = "received", str(ledger.received)
    table.columns[1].justify = "right"
    for name, count in ledger.rows.items():
        table.add_row(name, str(count))
    console.print(table)
    for job in ledger.missing[:SHOWN]:
        console.print(f"[red]✗[/] no worker has seen {job.job_id} ({job.event_name})")
    for problem in ledger.problems:
        console.print(f"[red]✗[/] {problem}")
    if not ledger.problems:
        console.print("[green]✓ It adds up.[/]")


if __name__ == "__main__":
    sys.exit(main())
