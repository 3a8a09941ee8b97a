"""Rows of CMP's listing, kept for all jobs that they tell enough: at `LibraryDetail=list`.

One page shows a hundred assets, so the jobs of a burst share a few requests. A row counts for a job
like a look of its own: if its page was asked for well after the job came (design.md rule 3). An
addition needs no more than a row that shows the asset: later changes have jobs of their own. What a
listing read since does not show was not changed lately, or is gone: that needs a look of its own.
"""

import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cmp_relay import clients, library, listing, lookup, settings
from cmp_relay.errors import NotFoundError, PostponedError, UnavailableError
from cmp_relay.fields import at, text
from cmp_relay.findings import Found
from cmp_relay.jobs import LibraryJob
from cmp_relay.leases import Lease, Leases
from cmp_relay.open_api import OpenApi
from cmp_relay.permits import Permits
from cmp_relay.row_table import RowTable

LEASE = "listing"
LEASE_SECONDS = 60
INTERVAL = 20_000
"""How far apart (ms) listings begin: each costs a page at least, and serves all who waited."""
OVERLAP = 10_000
"""How far (ms) a listing reaches back behind the beginning of the one before."""
ADDED_BEFORE = 120_000
"""How old (ms) a row may be that shows what a delivery says to be added."""
FIRST_REACH = 600_000
"""How far (ms) before a job the first listing reaches back; what was delivered later than that is
looked for by itself."""
MOST_PAGES = 20


@dataclass(frozen=True, slots=True)
class LibraryRows:
    """The rows, between CMP's listing and the table; `base` is the Open API's address."""

    api: OpenApi
    permits: Permits
    base: str
    table: RowTable
    leases: Leases
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def find(self, job: LibraryJob) -> Found | None:
        """Return the row of a job's asset, None if the listing does not show it.

        Raises PostponedError until a listing can have been read that must show what the job tells.
        """
        needed = library.knows_at(job.received_at)
        found = self._row(job.asset.id, _enough(job, needed))
        if found:
            return found
        if not self._is_read(needed):
            self._read(job, needed)
            found = self._row(job.asset.id, needed)
        return found

    def _row(self, asset_id: str, needed: int) -> Found | None:
        kept = self.table.row(asset_id)
        if kept is None or kept[0] < needed:
            return None
        began_at, body = kept
        href = text(at(body, "links", "self"))
        return Found(body, "library", began_at, href, level="list")

    def _is_read(self, needed: int) -> bool:
        return (self.table.listed_at() or 0) >= needed

    def _read(self, job: LibraryJob, needed: int) -> None:
        """Read the listing, if nobody else has by then, no earlier than it is due."""
        listed_at = self.table.listed_at()
        wait = max(needed, (listed_at or 0) + INTERVAL) - self.now()
        if wait > 0:
            later = random.uniform(0, 2)  # noqa: S311 - not a secret
            raise PostponedError("the next listing serves all", delay=wait / 1000 + later)
        with self.leases.held(LEASE, str(uuid.uuid4()), LEASE_SECONDS) as lease:
            if not self._is_read(needed):
                reach = job.received_at - FIRST_REACH
                self._list(max(reach, (listed_at or 0) - OVERLAP), lease)

    def _list(self, since: int, lease: Lease) -> None:
        api = self.api.behind(self.permits.of(lease, 1))
        began_at = self.now()
        link: str | None = listing.first(self.base, since)
        for _ in range(MOST_PAGES):
            asked_at = self.now()
            page = listing.read(_listed(api, str(link)))
            self.table.put(page, asked_at)
            link = page.next
            if page.is_last():
                break
        self.table.note(began_at)


def build(environment: Mapping[str, str]) -> LibraryRows | None:
    """Build what a function's environment names, None if rows are not enough for it."""
    if settings.read(settings.LibrarySettings, environment).library_detail != "list":
        return None
    own = settings.read(settings.WorkerSettings, environment)
    access = lookup.build_access(environment, own.catalogue_table, "bulk")
    table = clients.dynamodb()
    return LibraryRows(
        api=access.api,
        permits=access.permits,
        base=access.base,
        table=RowTable(table, own.catalogue_table),
        leases=Leases(table, own.catalogue_table),
    )


def _listed(api: OpenApi, link: str) -> Mapping[str, Any]:
    """Ask for a page; raises UnavailableError for none: no asset is gone for want of a list."""
    try:
        return api.get(link)
    except NotFoundError as error:
        raise UnavailableError(str(error), status=error.status) from None


def _enough(job: LibraryJob, needed: int) -> int:
    """Return when a row must have been asked for to count for a job (ms)."""
    if job.cause == "reconcile":
        return job.received_at  # a page has shown it: that very one counts
    return job.received_at - ADDED_BEFORE if job.event_name == "asset_added" else needed
