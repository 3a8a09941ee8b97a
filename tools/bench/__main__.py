"""Measure every function's start and the receiver's work: `python -m tools.bench`.

Exits with 1 if the receiver takes more than its share of the baseline's CPU.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tools.bench import world
from tools.bench.reference import seconds
from tools.bench.stub import stub
from tools.bench.subjects import BASELINE, RECEIVER, BenchmarkError, Subject, subjects

SHARE = 0.8
console = Console()


def main(
    runs: Annotated[int, typer.Option(help="Fresh interpreters for each function.")] = 12,
    warm: Annotated[int, typer.Option(help="Deliveries after the first one.")] = 300,
) -> None:
    """Print CPU times, the least of many runs, and fail if the receiver takes too much."""
    with tempfile.TemporaryDirectory() as folder, stub() as url:
        try:
            found = {subject.name: subject for subject in subjects(Path(folder), url)}
            _measure(list(found.values()), url, runs)
            found[RECEIVER].run(url, warm=warm)
        except BenchmarkError as error:
            console.print(str(error), style="red", markup=False)
            raise typer.Exit(1) from None
        least = _reference(found[RECEIVER].event, url, warm)
    _show(found, least)
    if found[RECEIVER].first > SHARE * found[BASELINE].first:
        raise typer.Exit(1)


def _measure(found: list[Subject], url: str, runs: int) -> None:
    # In turns, so that a busy minute of the machine meets all of them
    for _ in track(range(runs), "measuring", console=console, transient=True):
        for subject in found:
            subject.run(url)


def _reference(event: Path, url: str, times: int) -> float:
    os.environ.update(world.variables(url))  # the baseline's module makes its client at import
    from tools.bench import baseline

    return seconds(event, baseline.entries, times)


def _show(found: dict[str, Subject], least: float) -> None:
    table = Table("function", "init + first invocation", "of the baseline")
    for subject in found.values():
        table.add_row(
            subject.name,
            f"{subject.first * 1000:.0f} ms",
            f"{subject.first / found[BASELINE].first:.2f}",
        )
    console.print(table)
    warm = found[RECEIVER].warm or 0.0
    console.print(
        f"{RECEIVER}, warm, five assets: {warm * 1000:.2f} ms of CPU a delivery with its requests "
        f"to AWS; parsing, comparing and building the entries alone: {least * 1000:.2f} ms"
    )
    console.print(f"{RECEIVER} may take {SHARE} of the baseline", style="dim")


if __name__ == "__main__":
    typer.run(main)
