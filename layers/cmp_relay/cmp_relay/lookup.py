"""The look for an asset in CMP: by its link, a minute later again, then wherever CMP says it lives.

Links are used as CMP gave them. Only where a delivery brings none, as a removal does, is one built
from the asset's kind.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from cmp_relay import clients, library, settings
from cmp_relay.breaker import Breaker
from cmp_relay.budget import Budget
from cmp_relay.budget_table import BudgetTable
from cmp_relay.errors import (
    ForbiddenError,
    NotFoundError,
    PostponedError,
    RequestRefusedError,
)
from cmp_relay.exchanges import build_client
from cmp_relay.fields import at, text
from cmp_relay.findings import Found
from cmp_relay.jobs import AssetJob
from cmp_relay.open_api import OpenApi
from cmp_relay.origins import Origins
from cmp_relay.outcomes import Attempt, Outcomes
from cmp_relay.permits import Keeper, Permits
from cmp_relay.slots import Lane, Limits
from cmp_relay.tokens import TokenSource

REQUEST_SECONDS = 12
"""Three requests in a row (link, location, what that leads to) fit into a worker's reserve."""


EXTRAS = {"renditions": "renditions", "custom_fields": "fields"}
"""Parts of an asset that details can hold: what CMP calls them."""
MOST_PAGES = 10
LOST_ERRAND = 3
"""Requests in a row for an asset that was not found before: link, location, what that leads to."""


class Access(NamedTuple):
    """The way to CMP's Open API: the API behind its address, and the permits to ask it."""

    api: OpenApi
    permits: Permits
    base: str
    per_minute: int


@dataclass(frozen=True, slots=True)
class Lookup:
    """Looks into CMP's Open API, whose address is `base`; every look raises its ApiErrors.

    Each is made under a lease, which keeps the slot of the API budget if its moment is not near.
    `extras` (of `findings.EXTRAS`) are asked for what the library shows, by a request each.
    """

    api: OpenApi
    permits: Permits
    base: str
    outcomes: Outcomes
    gone_recheck_seconds: int
    extras: tuple[str, ...] = ()
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def anywhere(self, job: AssetJob, attempt: Attempt, lease: Keeper) -> Found:
        """Find the job's asset wherever it lives; raises NotFoundError if it lives nowhere.

        Raises PostponedError when its link leads to nothing for the first time.
        """
        api = self._api(lease, attempt, job.asset.href, job.lane)
        found = self._by_link(api, job, attempt, job.asset.href)
        if found:
            return found
        began_at = self.now()
        location = api.locate(job.asset.id)
        return Found(api.get(location.href), location.place, began_at)

    def in_library(self, job: AssetJob, attempt: Attempt, href: str | None, lease: Keeper) -> Found:
        """Find the job's asset in the library; raises NotFoundError if that does not have it.

        Raises PostponedError when the link leads to nothing for the first time.
        """
        api = self._api(lease, attempt, href)
        return self._by_link(api, job, attempt, href) or self._located(api, job.asset.id)

    def once(self, asset_type: str, asset_id: str, href: str | None, lease: Keeper) -> Found:
        """Look into the library once, by the link or by the kind; raises NotFoundError."""
        path = library.path(asset_type, asset_id)
        if href is None and path is not None:
            href = f"{self.base.rstrip('/')}/{path}"
        api = self._api(lease, Attempt(number=1), href)
        return self._at(api, href, asset_id) if href else self._located(api, asset_id)

    def _api(
        self, lease: Keeper, attempt: Attempt, href: str | None, lane: Lane | None = None
    ) -> OpenApi:
        straight = href is not None and attempt.not_found_at is None
        errand = (1 if straight else LOST_ERRAND) + len(self.extras)
        return self.api.behind(self.permits.of(lease, errand, lane))

    def _by_link(
        self, api: OpenApi, job: AssetJob, attempt: Attempt, href: str | None
    ) -> Found | None:
        if href is None:
            return None
        try:
            return self._at(api, href, job.asset.id)
        except NotFoundError:
            if attempt.not_found_at is None:
                self.outcomes.note_not_found(job.job_id)
                delay = self.gone_recheck_seconds
                raise PostponedError("not found; asked once more", delay=delay) from None
        return None

    def _at(self, api: OpenApi, href: str, asset_id: str) -> Found:
        began_at = self.now()
        body = api.get(href)
        parts = {name: self._extra(api, asset_id, EXTRAS[name]) for name in self.extras}
        return Found(body, "library", began_at, href, extras=parts)

    def _extra(self, api: OpenApi, asset_id: str, part: str) -> list[object] | None:
        """List a part of an asset, None if CMP has none: both are experimental and may vanish."""
        link: str | None = f"{self.base.rstrip('/')}/assets/{library.quoted(asset_id)}/{part}"
        rows: list[object] = []
        try:
            for _ in range(MOST_PAGES):
                if link is None:
                    break
                answer = api.get(link)
                data = answer.get("data")
                rows += data if isinstance(data, list) else []
                link = text(at(answer, "pagination", "next"))
        except (ForbiddenError, NotFoundError, RequestRefusedError):
            return None
        return rows

    def _located(self, api: OpenApi, asset_id: str) -> Found:
        location = api.locate(asset_id)
        if location.place != "library":
            raise NotFoundError("the asset lives elsewhere than in the library")
        return self._at(api, location.href, asset_id)


def build(environment: Mapping[str, str], lane: Lane) -> Lookup:
    """Build what a function's environment names, for one lane of the API budget.

    Raises SettingsError.
    """
    own = settings.read(settings.WorkerSettings, environment)
    about = settings.read(settings.LookupSettings, environment)
    access = build_access(environment, own.catalogue_table, lane)
    return Lookup(
        api=access.api,
        permits=access.permits,
        base=access.base,
        outcomes=Outcomes(clients.dynamodb(), own.catalogue_table),
        gone_recheck_seconds=about.gone_recheck_seconds,
        extras=extras(environment),
    )


def extras(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the parts of details for which a look sends a request more; raises SettingsError."""
    wanted = settings.read(settings.DetailSettings, environment)
    switches = {
        "renditions": wanted.detail_renditions,
        "custom_fields": wanted.detail_custom_fields,
    }
    return tuple(name for name, is_on in switches.items() if is_on)


def build_access(environment: Mapping[str, str], table_name: str, lane: Lane) -> Access:
    """Build what a function's environment names, for one lane of the budget in a table.

    Raises SettingsError.
    """
    about = settings.read(settings.ApiSettings, environment)
    tokens = TokenSource(
        clients.secrets(), clients.invoking, about.token_secret_arn, about.refresh_token_function
    )
    origins = Origins.parse(about.cmp_api_origins)
    limits = Limits(
        per_second=about.api_requests_per_second,
        per_minute=about.api_requests_per_minute,
        per_month=about.api_requests_per_month,
        bulk_share=about.bulk_share / 100,
    )
    table = BudgetTable(clients.dynamodb(), table_name)
    return Access(
        api=OpenApi(build_client(), tokens, origins, about.cmp_api_base, REQUEST_SECONDS),
        permits=Permits(Budget(table, limits), Breaker(table, limits), lane),
        base=about.cmp_api_base,
        per_minute=about.api_requests_per_minute,
    )
