"""Every command that the command line has, so that none is forgotten by a test."""

from collections.abc import Iterator
from typing import Any

import typer

from cmp_relay_cli.app import app


def every() -> Iterator[tuple[str, ...]]:
    """Yield the words of each command, as `dead-letters redrive`."""
    yield from _below(typer.main.get_command(app), ())


def _below(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:  # noqa: ANN401
    """Yield the commands of a group, or the one that it is."""
    if not hasattr(command, "commands"):
        yield words
        return
    for name, each in command.commands.items():
        yield from _below(each, (*words, name))
