"""The archive: which days are looked at for deliveries."""

import pytest
from typer.testing import CliRunner

from cmp_relay_cli import archived
from cmp_relay_cli.app import app
from cmp_relay_cli.archived import DAY
from cmp_relay_cli.stack import Choice, Stack

NOON = 1_763_726_400_000
OLDEST = NOON - 31 * DAY  # of an archive that keeps 30 days, as the stack's


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (None, None, (OLDEST, NOON)),
        (NOON - DAY, NOON - 1, (NOON - DAY, NOON - 1)),
        (0, 4_100_000_000_000, (OLDEST, NOON)),  # 1970 to 2099
    ],
)
def test_a_span_is_no_longer_than_the_archive(
    stack: Stack, since: int | None, until: int | None, expected: tuple[int, int]
) -> None:
    assert archived.span(stack, since, until, NOON) == expected


def test_no_day_is_listed_that_the_archive_cannot_hold(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Choice, "find", lambda _: stack)
    listed: list[str] = []
    stack.s3.meta.events.register(
        "before-parameter-build.s3.ListObjectsV2",
        lambda params, **_: listed.append(params["Prefix"]),
    )

    ended = CliRunner().invoke(app, ["replay", "--since", "1970-01-01", "--until", "2099-01-01"])

    assert ended.exit_code == 0, ended.output
    assert len(listed) == 32  # of 31 days, from one hour of the day to the same one
