"""What tables show of values that other people have written."""

import io

import pytest
from rich.console import Console

from cmp_relay_cli.output import facts, row, table


@pytest.mark.parametrize("title", ["a\x1b[2Jb", "a\x1b]0;x\x07b", "a\x9b31mb", "a\u202eb", "a\rb"])
def test_a_title_does_not_steer_the_terminal(title: str) -> None:
    written = io.StringIO()
    console = Console(file=written, width=80)
    made = table("title")

    row(made, [title])
    console.print(made)
    facts(console, {"title": title})

    assert written.getvalue().count("a�") == 2
    assert not {*"\x1b\x07\x9b\u202e\r"} & {*written.getvalue()}


def test_a_title_is_shown_in_its_own_letters() -> None:
    written = io.StringIO()

    facts(Console(file=written, width=80), {"title": "Frühling [bold]日本\nzwei", "empty": ""})

    assert written.getvalue().split() == ["title", "Frühling", "[bold]日本", "zwei", "empty", "-"]
