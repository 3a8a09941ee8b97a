"""The resources behind events: what CMP shows at a link, or why it shows nothing.

An event is true whatever becomes of its resource. So nothing that is wrong with the link or with
CMP makes a dead letter of it: at the last attempt at the latest it is told without.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from cmp_relay.desk import Desk
from cmp_relay.errors import ApiError, QuotaError
from cmp_relay.outcomes import MOST_ATTEMPTS, Attempt
from cmp_relay.telemetry import logger


@dataclass(frozen=True, slots=True)
class Resource:
    """What a link led to: a body that was asked for at `began_at` (ms), or the reason for none."""

    body: Mapping[str, object] | None = None
    began_at: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Resources:
    """Asks CMP's Open API, one request at a time for each link."""

    desk: Desk
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def get(self, href: str, attempt: Attempt) -> Resource:
        """Return what is at a link; raises what may be better at the next attempt."""
        try:
            with self.desk.at(_name(href), errand=1) as api:
                began_at = self.now()
                return Resource(api.get(href), began_at)
        except (ApiError, QuotaError) as error:
            may_pass = error.retryable and not isinstance(error, QuotaError)
            if may_pass and attempt.number < MOST_ATTEMPTS:
                raise
            logger.warning("event without its resource", reason=error.reason, detail=str(error))
            return Resource(error=error.reason)


def _name(href: str) -> str:
    # A link has no limit, and its query may hold what nobody is to read.
    return f"fetch#{sha256(href.encode()).hexdigest()}"
