from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay import times

MILLISECONDS = st.integers(0, 253_402_300_799_000)  # to the end of the year 9999


@pytest.mark.parametrize(
    "text",
    [
        "2022-09-28T12:49:00Z",
        "2022-09-28T12:49:00+00:00",
        "2022-09-28T14:49:00+02:00",
        "2022-09-28T12:49:00",
        "2022-09-28 12:49:00",
        " 2022-09-28 12:49:00.000 ",
    ],
)
def test_reads_every_spelling_of_a_moment(text: str) -> None:
    assert times.read(text) == 1_664_369_340_000


@pytest.mark.parametrize(
    "value",
    [None, 1_664_369_340, True, "", "yesterday", "2022-13-01", "0001-01-01T00:00:00+23:59"],
)
def test_what_is_no_moment_reads_as_none(value: object) -> None:
    assert times.read(value) is None


def test_what_was_read_can_be_written() -> None:
    last = times.read("9999-12-31T23:59:59.999999Z")

    assert last is not None
    assert times.iso(last) == "9999-12-31T23:59:59.999Z"


@given(MILLISECONDS)
def test_writes_what_it_can_read_again(milliseconds: int) -> None:
    assert times.read(times.iso(milliseconds)) == milliseconds


@given(MILLISECONDS, MILLISECONDS)
def test_written_moments_sort_as_text(one: int, other: int) -> None:
    assert (times.iso(one) < times.iso(other)) == (one < other)


@given(MILLISECONDS)
def test_the_day_is_that_of_utc(milliseconds: int) -> None:
    assert (
        times.day(milliseconds) == f"{datetime.fromtimestamp(milliseconds // 1000, UTC):%Y-%m-%d}"
    )
