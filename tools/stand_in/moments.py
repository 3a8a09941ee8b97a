"""Points in time as CMP writes them: whole seconds, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


def iso(moment: float) -> str:
    """Write a Unix time in seconds as the Open API does."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def later(before: str, moment: float) -> str:
    """Write the Unix time `moment`, or a second after `before` if that is not yet past."""
    return iso(max(_unix(before) + 1, moment))


def zoneless(written: str) -> str:
    """Write a time as deliveries do for structured contents: a space and no zone."""
    return datetime.fromtimestamp(_unix(written), UTC).strftime("%Y-%m-%d %H:%M:%S")


@lru_cache(maxsize=65536)  # a list of assets reads those of all of them
def parsed(written: str) -> datetime:
    """Read a moment; without a zone it is in UTC."""
    return aware(datetime.fromisoformat(written))


def aware(moment: datetime) -> datetime:
    """Take a moment without a zone to be in UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _unix(written: str) -> float:
    return parsed(written).timestamp()
