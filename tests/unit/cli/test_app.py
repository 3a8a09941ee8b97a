"""The command line's own rules: what its help shows, where options stand, what errors say."""

from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError, TokenRetrievalError
from typer.testing import CliRunner

from cmp_relay_cli import moments
from cmp_relay_cli.app import app, common_first
from cmp_relay_cli.errors import LOGINS, MissingError, UsageError, explain
from tests.support import cli_commands

NOON = 1_763_726_400_000  # 2025-11-21T12:00Z


def shown(*words: str) -> list[str]:
    ended = CliRunner().invoke(app, words, env={"COLUMNS": "80"})
    assert ended.exit_code == 0, ended.output
    return [line.rstrip() for line in ended.output.splitlines()]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["status", "--json"], ["--json", "status"]),
        (["show", "a", "--region", "x", "-h"], ["--region", "x", "show", "a", "-h"]),
        (["list", "--stack-name=own", "--each"], ["--stack-name=own", "list", "--each"]),
        (["get", "--", "--json"], ["get", "--", "--json"]),
        (["status", "--region"], ["status", "--region"]),
        ([], []),
    ],
)
def test_common_options_may_stand_anywhere(given: list[str], expected: list[str]) -> None:
    assert common_first(given) == expected


def test_the_overview_names_every_command_on_a_screen_of_80_columns_and_24_lines() -> None:
    lines = shown("--help")

    assert len(lines) < 24  # the prompt takes one
    assert max(map(len, lines)) <= 80
    listed = {line.split()[0]: line for line in lines[lines.index("Commands:") + 1 :]}
    assert set(listed) == {words[0] for words in cli_commands.every()}
    assert not [line for line in listed.values() if not line.endswith(".") or "..." in line]


@pytest.mark.parametrize("words", [*cli_commands.every()], ids=" ".join)
def test_a_command_explains_itself_on_a_screen_and_says_in_a_line_what_it_does(
    words: tuple[str, ...],
) -> None:
    lines = shown(*words, "--help")
    (named,) = [each for each in shown(*words[:-1], "--help") if each.split()[:1] == [words[-1]]]

    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    assert "--help" in lines[-1]
    assert named.endswith(".")
    assert "..." not in named


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("2025-11-21T12:00", NOON),
        ("2025-11-21T13:00+01:00", NOON),
        ("2025-11-21", NOON - 12 * 3_600_000),
        ("30m", NOON - 1_800_000),
        ("2h", NOON - 7_200_000),
        ("3d", NOON - 3 * 24 * 3_600_000),
    ],
)
def test_reads_moments_as_people_write_them(text: str | None, expected: int | None) -> None:
    assert moments.read(text, NOON) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "2 h", "-1d", "3w", "2025-13-01"])
def test_refuses_what_is_no_moment(text: str) -> None:
    with pytest.raises(UsageError, match="is no moment"):
        moments.read(text)


@pytest.mark.parametrize("text", ["999999d", "1969-12-31", "0001-01-01T00:00+14:00"])
def test_refuses_moments_that_no_calendar_of_ours_has(text: str) -> None:
    for reading in (moments.read, moments.utc):
        with pytest.raises(UsageError, match=r"before 1970: name a later moment|is no moment"):
            reading(text)


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "arn:aws:iam::1:user/x"}}, "Scan")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (refusal("ExpiredTokenException"), "have expired"),
        (refusal("UnrecognizedClientException"), "does not know these credentials"),
        (refusal("AccessDeniedException"), "may not do Scan"),
        (refusal("Throttling"), "AWS refuses Scan: Throttling"),
        (NoRegionError(), "which region"),
        (TokenRetrievalError(provider="sso", error_msg="x"), "have expired"),
        *((each(error_msg="x"), "have expired: log in again (`aws login`)") for each in LOGINS),
        (BotoCoreError(), "AWS cannot be asked: BotoCoreError"),
    ],
)
def test_says_what_aws_objects_to_without_its_own_text(
    error: BotoCoreError | ClientError, expected: str
) -> None:
    told = explain(error)

    assert expected in told
    assert "arn:aws" not in told


@pytest.mark.parametrize("words", [["--stack-name", "prod"], ["--region=eu-west-1"]])
def test_what_names_another_stack_is_not_ignored_beside_local(words: list[str]) -> None:
    ended = CliRunner().invoke(app, ["status", "--local", *words])

    assert isinstance(ended.exception, UsageError)


def test_the_environment_may_name_a_stack_beside_local(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # where no stack is up
    ended = CliRunner().invoke(app, ["status", "--local"], env={"CMP_RELAY_STACK": "prod"})

    assert isinstance(ended.exception, MissingError)
