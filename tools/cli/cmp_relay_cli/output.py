"""What a command shows: tables for people, one JSON document for programs, progress on the side."""

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import TextIOWrapper
from typing import Any

import typer
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from cmp_relay import times
from cmp_relay_cli.errors import OperatorError, UsageError

WIDTH = 10_000
"""Where no terminal is: a line for each row, with all of it, for programs and people to cut."""
STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal obeys instead of showing it, and halves of letters, which nobody can write.

Titles come from anybody who writes in CMP.
"""


class Paper(Console):
    """A console that shows what would steer it: sentences quote what CMP's people wrote, too."""

    def render_str(self, text: str, **named: Any) -> Text:  # noqa: ANN401 - as rich has it
        """Make text of what is to be printed."""
        return super().render_str(_harmless(text), **named)


def _console(*, stderr: bool = False) -> Console:
    if not stderr and isinstance(sys.stdout, TextIOWrapper):
        # A pipe can have a small alphabet, as on Windows; stderr gets along with that by itself.
        sys.stdout.reconfigure(errors="replace")
    console = Paper(stderr=stderr, highlight=False)
    return console if console.is_terminal else Paper(stderr=stderr, width=WIDTH, highlight=False)


@dataclass(frozen=True)
class Output:
    """Where a command writes: its result to stdout, all else to stderr."""

    as_json: bool = False
    result: Console = field(default_factory=_console)
    aside: Console = field(default_factory=lambda: _console(stderr=True))

    def show(self, document: object, render: Callable[[Console], None]) -> None:
        """Show the result of a command, once."""
        if self.as_json:
            # In ASCII, since a title can hold half a letter, which no encoding can write.
            typer.echo(json.dumps(document, indent=2, default=str))
        elif self.result.is_terminal:
            render(self.result)
        else:
            with self.result.capture() as captured:
                render(self.result)
            # Tables fill their columns up with blanks, which would make long lines in a log.
            typer.echo("\n".join(map(str.rstrip, captured.get().splitlines())))

    def note(self, text: str) -> None:
        """Say something beside the result."""
        self.aside.print(escape(text), soft_wrap=True)

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask before something is written; raises OperatorError unless that is wanted."""
        if yes:
            return
        # Who closes stdin (`<&-`) leaves None of it.
        if self.as_json or sys.stdin is None or not sys.stdin.isatty():
            message = f"{question} Say --yes if you mean it, or --dry-run to see what would happen."
            raise UsageError(message)
        if not typer.confirm(_harmless(question), err=True):
            raise OperatorError("nothing was changed")

    @contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Show a bar on long work; the block calls what it gets with how much more is done."""
        with self._bar() as bar:
            task = bar.add_task(what, total=total)
            yield lambda steps: bar.advance(task, steps)

    @contextmanager
    def measured(self, what: str) -> Iterator[Callable[[int, int | None], None]]:
        """Show a bar on work of a length that shows only on the way.

        The block calls what it gets with how much is done, and of how much if that is known.
        """
        with self._bar() as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)

    def _bar(self) -> Progress:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        return Progress(
            *columns,
            TimeElapsedColumn(),
            console=self.aside,
            transient=True,
            disable=self.as_json or not self.aside.is_terminal,
        )


def table(*columns: str, title: str | None = None) -> Table:
    """Return a plain table; a column whose name begins with `#` holds numbers."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        justify: JustifyMethod = "right" if column[:1] == "#" else "left"
        # Ids are longer than narrow terminals: a folded one can be copied, one cut off cannot.
        made.add_column(column.removeprefix("#"), justify=justify, overflow="fold")
    return made


def row(made: Table, values: Iterable[object]) -> None:
    """Add a row of any values, None as a dash."""
    made.add_row(*(escape(_text(value)) for value in values))


def facts(console: Console, pairs: Mapping[str, object] | Sequence[tuple[str, Any]]) -> None:
    """Print names and values one below the other."""
    made = table("", "")
    made.show_header = False
    for name, value in pairs.items() if isinstance(pairs, Mapping) else pairs:
        row(made, (name, value))
    console.print(made)


def everything(console: Console, document: object) -> None:
    """Print all of a document, for people."""
    text = json.dumps(document, ensure_ascii=False)
    console.print_json(_harmless(text))


def moment(milliseconds: int | None) -> str | None:
    """Write ms as ISO 8601 in UTC."""
    return None if milliseconds is None else times.iso(milliseconds)


def _text(value: object) -> str:
    if value is None or value == "":
        return "-"
    return _harmless(str(value))


def _harmless(text: str) -> str:
    return STEERING.sub("�", text)
