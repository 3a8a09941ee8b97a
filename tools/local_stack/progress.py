"""What a person sees while the stack comes up: one line per step, with its time."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from rich.console import Console


class Progress(Protocol):
    """Shows that a step goes on for as long as the context lasts."""

    def __call__(self, step: str) -> AbstractContextManager[None]:
        """Return the context of the step."""


@contextlib.contextmanager
def silent(step: str) -> Iterator[None]:
    """Show nothing."""
    yield


def shown_on(console: Console) -> Progress:
    """Return a progress that spins on the console and leaves a line behind."""

    @contextlib.contextmanager
    def show(step: str) -> Iterator[None]:
        began = time.monotonic()
        with console.status(f"{step} …"):
            yield
        console.print(f"[green]✓[/] {step} [dim]{time.monotonic() - began:.1f} s[/]")

    return show
