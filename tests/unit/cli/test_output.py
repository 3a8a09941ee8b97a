"""What tables show of values that other people have written."""

import io
import json
import sys
from typing import Any, NoReturn

import pytest
from rich.console import Console

from cmp_relay_cli import app
from cmp_relay_cli.errors import OperatorError, UsageError
from cmp_relay_cli.output import Output, everything, facts, row, table


@pytest.mark.parametrize(
    "title", ["a\x1b[2Jb", "a\x1b]0;x\x07b", "a\x9b31mb", "a\u202eb", "a\rb", "a\ud83d"]
)
def test_a_title_does_not_steer_the_terminal(title: str) -> None:
    written = io.StringIO()
    console = Console(file=written, width=80)
    made = table("title")

    row(made, [title])
    console.print(made)
    facts(console, {"title": title})

    assert written.getvalue().count("a�") == 2
    assert not {*"\x1b\x07\x9b\u202e\r\ud83d"} & {*written.getvalue()}


def test_no_sentence_steers_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, output = "[bold]a\x1b]0;x\x07\x9b2J\u202e\ud83db", Output()

    def fail() -> NoReturn:
        raise OperatorError(name)

    monkeypatch.setattr(app, "app", fail)

    output.note(name)
    output.show({}, lambda console: console.print(f"- {name}", markup=False))
    with pytest.raises(SystemExit):
        app.main()

    told = capsys.readouterr()
    assert told.out == "- [bold]a�]0;x��2J��b\n"
    assert told.err == "[bold]a�]0;x��2J��b\n✗ [bold]a�]0;x��2J��b\n"


def test_a_title_is_shown_in_its_own_letters() -> None:
    written = io.StringIO()

    facts(Console(file=written, width=80), {"title": "Frühling [bold]日本\nzwei", "empty": ""})

    assert written.getvalue().split() == ["title", "Frühling", "[bold]日本", "zwei", "empty", "-"]


TITLE = "Frühling 😀 half \ud83d\x1b[2J"


def test_a_program_is_told_every_title_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(content, "utf-8", write_through=True))

    Output(as_json=True).show({"title": TITLE}, lambda _: None)

    assert json.loads(content.getvalue()) == {"title": TITLE}


def test_a_table_goes_through_a_pipe_of_a_small_alphabet(monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(content, "cp1252", write_through=True))

    Output().show({}, lambda console: facts(console, {"title": "Frühling 日本"}))

    assert content.getvalue().decode("cp1252").split() == ["title", "Frühling", "??"]


def test_a_person_is_shown_all_of_a_document_whatever_it_holds() -> None:
    content = io.BytesIO()
    utf8 = io.TextIOWrapper(content, "utf-8", write_through=True)
    document: dict[str, Any] = {"title": TITLE, "c1": "\x9b", "tags": ["日本", "a\nb"]}

    everything(Console(file=utf8, width=80), document)

    shown = json.loads(content.getvalue())
    assert shown == {**document, "title": "Frühling 😀 half �\x1b[2J", "c1": "�"}
    assert b"\x1b" not in content.getvalue()


def test_nobody_is_asked_who_cannot_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)  # as Python has it after `<&-`

    with pytest.raises(UsageError, match="--yes"):
        Output().confirm("Begin?", yes=False)


def test_a_log_holds_no_blanks_at_the_end_of_lines(capsys: pytest.CaptureFixture[str]) -> None:
    def render(console: Console) -> None:
        made = table("job", "reason")
        row(made, ("one", "a reason of some length"))
        row(made, ("two", "-"))
        console.print(made)

    Output().show({}, render)

    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == ["one  a reason of some length", "two  -"]
    assert lines[0] == lines[0].rstrip()


def test_an_id_is_never_cut_off() -> None:
    ids = [f"asset_file.{'5d7f910551b00a' * 9}.{number}" for number in range(2)]

    def printed(console: Console) -> list[str]:
        made = table("job", "reason")
        for each in ids:
            row(made, (each, "untrusted_link"))
        with console.capture() as capture:
            console.print(made)
        return [line.split()[0] for line in capture.get().splitlines()[1:]]

    assert printed(Output().result) == ids  # no terminal
    assert "".join(printed(Console(width=80))).startswith(ids[0])  # folded
