"""How far a backfill is, as a person watches it: two bars, or lines where there is no terminal."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from tools.backfill.standing import Standing

STEPS = 10


@contextmanager
def bars(console: Console, total: int) -> Iterator[Callable[[Standing], None]]:
    """Yield what shows a standing, of so many assets."""
    if not console.is_terminal:
        yield _lines(console, total)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        listed = progress.add_task("listed", total=total)
        ended = progress.add_task("in the catalogue", total=total)

        def show(standing: Standing) -> None:
            progress.update(listed, completed=standing.listed)
            progress.update(ended, completed=standing.ended)

        yield show


def _lines(console: Console, total: int) -> Callable[[Standing], None]:
    began, shown = time.monotonic(), -1

    def show(standing: Standing) -> None:
        nonlocal shown
        step = STEPS * (standing.listed + standing.ended) // (2 * total)
        if step > shown:
            shown = step
            console.print(
                f"[dim]{time.monotonic() - began:4.0f} s[/] {standing.listed:,} listed,"
                f" {standing.ended:,} in the catalogue, of {total:,}",
                highlight=False,
            )

    return show
