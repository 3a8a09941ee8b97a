"""Points in time: ms since the epoch inside, ISO 8601 in UTC outside."""

from datetime import UTC, datetime


def read(text: object) -> int | None:
    """Read CMP's timestamp as ms, None if it is none; without a zone it is UTC (facts.md C-05)."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return round(moment.timestamp() * 1000)
    except (OverflowError, ValueError):
        return None


def iso(milliseconds: int) -> str:
    """Write ms as `2026-11-21T18:20:00.123Z`, which sorts as text."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def day(milliseconds: int) -> str:
    """Name the UTC day, `2026-11-21`."""
    return iso(milliseconds)[:10]
