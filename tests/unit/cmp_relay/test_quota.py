import pytest

from cmp_relay import quota, times


def at(text: str) -> int:
    return times.read(text) or 0


def test_tells_how_much_is_used() -> None:
    assert quota.percent(0, 200_000) == 0
    assert quota.percent(160_000, 200_000) == 80
    assert quota.percent(200_001, 200_000) > 100


@pytest.mark.parametrize(
    ("now", "used", "runs_out"),
    [
        # A third of the month has used half of it
        ("2026-11-11", 500, "2026-11-21"),
        ("2026-11-11", 400, "2026-11-26"),
        # Half of it in half of the month lasts
        ("2026-11-16", 500, None),
        ("2026-11-16", 0, None),
        ("2026-11-16", 1000, "2026-11-16"),
        ("2026-11-16", 2000, "2026-11-16"),
        # 28 days lead to the end of a February, or to the last day of a leap year's
        ("2028-02-15", 500, "2028-02-29"),
        ("2027-02-15", 500, None),
        ("2026-12-31T23:59", 998, None),
    ],
)
def test_foretells_when_the_quota_runs_out(now: str, used: int, runs_out: str | None) -> None:
    expected = None if runs_out is None else at(runs_out)

    assert quota.runs_out_at(used, 1000, at(now)) == expected


@pytest.mark.parametrize(
    ("now", "used", "days"),
    [
        ("2026-11-11", 500, 10),
        ("2026-11-11", 0, 20),
        ("2026-11-11", 1000, 0),
        ("2026-12-31T12:00", 0, 0.5),
        ("2026-12-01", 0, 31),
        ("2028-02-28", 0, 2),
        ("2027-02-28", 0, 1),
        # What is used in the first hours counts as if a day had passed
        ("2026-12-01", 100, 9),
    ],
)
def test_days_left_are_those_until_then_or_of_the_month(now: str, used: int, days: float) -> None:
    assert quota.days_left(used, 1000, at(now)) == days
