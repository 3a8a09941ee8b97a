"""Moments as people write them: `2026-11-22`, `2026-11-22T06:00Z`, or `3d`, `2h`, `30m` ago."""

import re
import time
from datetime import UTC, datetime

from cmp_relay import times
from cmp_relay_cli.errors import UsageError

UNITS = {"m": 60_000, "h": 3_600_000, "d": 24 * 3_600_000}
AGO = re.compile(r"(\d{1,6})([mhd])")


def now() -> int:
    """Return the present moment in ms UTC."""
    return time.time_ns() // 1_000_000


def read(text: str | None, at: int | None = None) -> int | None:
    """Return ms UTC, None for None, a span as so long before `at` (by default now).

    Raises UsageError.
    """
    if text is None:
        return None
    ago = AGO.fullmatch(text)
    if ago:
        moment: int | None = (now() if at is None else at) - int(ago[1]) * UNITS[ago[2]]
    else:
        moment = times.read(text)
    if moment is None:
        message = f"{text} is no moment: write 2026-11-22, 2026-11-22T06:00Z, or 3d, 2h, 30m ago"
        raise UsageError(message)
    if moment < 0:
        raise UsageError(f"{text} lies before 1970: name a later moment, as 2026-11-22 or 30d")
    return moment


def ahead(text: str | None) -> datetime | None:
    """Return a moment to come, with its zone, in UTC; None for None. Raises UsageError.

    Without a zone nobody knows which one was meant, so that is refused here.
    """
    if text is None:
        return None
    try:
        given = datetime.fromisoformat(text)
        found = given.astimezone(UTC) if given.tzinfo else None
    except (ValueError, OverflowError):
        found = None
    if found is None:
        example = "2026-12-01T09:00Z or 2026-12-01T09:00+01:00"
        raise UsageError(f"{text} is no moment with a zone: write {example}")
    if found.timestamp() * 1000 <= now():
        raise UsageError(f"{text} has passed")
    return found


def utc(text: str | None) -> datetime | None:
    """Return what `read` does as a moment with its zone."""
    found = read(text)
    return None if found is None else times.moment(found)
