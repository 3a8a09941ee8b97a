"""Points in time: ms since the epoch inside, ISO 8601 in UTC outside."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime.fromtimestamp(0, UTC)


def read(text: object) -> int | None:
    """Read CMP's timestamp as ms, None if it is none; without a zone it is UTC (facts.md C-05)."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    try:
        found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except OverflowError:
        return None
    return (found - EPOCH) // timedelta(milliseconds=1)


def iso(milliseconds: int) -> str:
    """Write ms as `2026-11-21T18:20:00.123Z`, which sorts as text."""
    return moment(milliseconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(milliseconds: int) -> datetime:
    """Return ms as a moment in UTC."""
    return EPOCH + timedelta(milliseconds=milliseconds)


def day(milliseconds: int) -> str:
    """Name the UTC day, `2026-11-21`."""
    return iso(milliseconds)[:10]
