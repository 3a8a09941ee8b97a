"""The resources behind events: what CMP shows at a link, or why it shows nothing.

An event is true whatever becomes of its resource. So nothing that is wrong with the link or with
CMP makes a dead letter of it: at the last attempt at the latest it is told without. What may be a
token in the URL of a file is neither told nor kept.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from cmp_relay import file_urls, library, resource_table
from cmp_relay.announcements import as_text
from cmp_relay.desk import Desk
from cmp_relay.errors import ApiError, QuotaError
from cmp_relay.outcomes import MOST_ATTEMPTS, Attempt
from cmp_relay.resource_table import TOO_LARGE, Resource, ResourceTable
from cmp_relay.slots import Lane
from cmp_relay.telemetry import logger


@dataclass(frozen=True, slots=True)
class Resources:
    """Asks CMP's Open API, one request at a time for each link, and one for many events."""

    desk: Desk
    table: ResourceTable
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def get(
        self, href: str, received_at: int, attempt: Attempt, lane: Lane | None = None
    ) -> Resource:
        """Return what is at a link since a moment (ms); raises what the next attempt may mend.

        What was asked for well after that moment serves as well (docs/decisions/0004).
        """
        kept = self.table.read(href)
        if kept and library.covers(kept.began_at, received_at):
            return kept
        try:
            return self._ask(href, lane)
        except (ApiError, QuotaError) as error:
            may_pass = error.retryable and not isinstance(error, QuotaError)
            if may_pass and attempt.number < MOST_ATTEMPTS:
                raise
            logger.warning("event without its resource", reason=error.reason, detail=str(error))
            return Resource(error=error.reason)

    def _ask(self, href: str, lane: Lane | None) -> Resource:
        with self.desk.at(f"fetch#{resource_table.name(href)}", errand=1, lane=lane) as api:
            began_at = self.now()
            text = as_text(api.get(href))
            if text is None:
                return Resource(began_at=began_at, error=TOO_LARGE)
            body = file_urls.cleared(text)
            self.table.keep(href, body, began_at)
            return Resource(body, began_at)
