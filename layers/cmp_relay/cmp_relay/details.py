"""An asset's details: what CMP tells of it now, fetched once per state and kept in S3.

A job is covered by an earlier fetch, and asks CMP nothing, if that fetch must have seen what the
delivery announces (design.md rules 3 and 5). An asset that CMP does not show is kept as delivered.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from cmp_relay import clients, documents, settings, times
from cmp_relay.catalogue import AssetState
from cmp_relay.delivered import Delivered
from cmp_relay.documents import Documents
from cmp_relay.errors import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    PostponedError,
    StaleReadError,
)
from cmp_relay.exchanges import build_client
from cmp_relay.jobs import PublishJob
from cmp_relay.open_api import OpenApi
from cmp_relay.origins import Origins
from cmp_relay.outcomes import MOST_ATTEMPTS, Attempt, Outcomes
from cmp_relay.telemetry import logger, metrics
from cmp_relay.tokens import TokenSource

REQUEST_SECONDS = 12
"""Three requests in a row (link, location, what that leads to) fit into a worker's reserve."""
FRESHNESS_MARGIN = 2000
"""How far CMP's clock and its replicas may be behind ours, in ms."""


LONGEST_TEXT = 1000


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, where (`library`, `task`, `delivery`), and when the look began (ms)."""

    body: Mapping[str, Any]
    source: str
    began_at: int


@dataclass(frozen=True, slots=True)
class Details:
    """The details of assets, between CMP's Open API and the asset bucket."""

    api: OpenApi
    delivered: Delivered
    stored: Documents
    outcomes: Outcomes
    gone_recheck_seconds: int
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def entry(self, job: PublishJob) -> Mapping[str, Any]:
        """Return the job's entry as CMP sent it; raises ArchiveError."""
        return self.delivered.entry(job)

    def bring(
        self, job: PublishJob, attempt: Attempt, entry: Mapping[str, Any], asset: AssetState
    ) -> AssetState:
        """Return the asset's state with details at least as new as the delivery's entry.

        Raises PostponedError when CMP does not find the asset for the first time, StaleReadError
        when it answers with an older state, and the ApiErrors of `open_api`.
        """
        announced = times.read(entry.get("modified_at"))
        if covers(asset, job.received_at, announced):
            return asset
        found = self._find(job, attempt, entry)
        if found.source == "delivery" and _knows_more(asset, announced):
            return asset
        modified_at = times.read(found.body.get("modified_at"))
        if _stale(found, modified_at, announced):
            if attempt.number < MOST_ATTEMPTS:
                raise StaleReadError("CMP answered with an older state than it announced")
            logger.warning("keeping an older state than announced", asset_id=asset.asset_id)
        return self._keep(found, modified_at, entry, asset)

    def _find(self, job: PublishJob, attempt: Attempt, entry: Mapping[str, Any]) -> Found:
        began_at = self.now()
        try:
            return self._find_in_cmp(job, attempt)
        except NotFoundError:
            logger.info("asset not found in CMP", asset_id=job.asset.id)
        except ForbiddenError:
            logger.warning("asset may not be read", asset_id=job.asset.id)
            metrics.add_metric(name="AssetsForbidden", unit=MetricUnit.Count, value=1)
        return Found(entry, "delivery", began_at)

    def _find_in_cmp(self, job: PublishJob, attempt: Attempt) -> Found:
        began_at = self.now()
        if job.asset.href:
            try:
                return Found(self.api.get(job.asset.href), "library", began_at)
            except NotFoundError:
                if attempt.not_found_at is None:
                    self.outcomes.note_not_found(job.job_id)
                    delay = self.gone_recheck_seconds
                    raise PostponedError("not found; asked once more", delay=delay) from None
        began_at = self.now()
        location = self.api.locate(job.asset.id)
        return Found(self.api.get(location.href), location.place, began_at)

    def _keep(
        self,
        found: Found,
        modified_at: int | None,
        entry: Mapping[str, Any],
        asset: AssetState,
    ) -> AssetState:
        key = documents.details_key(asset.type, asset.asset_id)
        document = {
            "schema": 1,
            "asset_id": asset.asset_id,
            "type": asset.type,
            "details_source": found.source,
            "fetch_began_at": times.iso(found.began_at),
            "asset": found.body,
        }
        stored = self.stored.put(key, document, order=found.began_at, etag=asset.details_etag)
        if stored.newer:
            raise ConflictError("a fetch that began later has stored its details first")
        return replace(
            asset,
            library=_library(found) or asset.library,
            title=_text(found.body.get("title")) or _text(entry.get("title")) or asset.title,
            modified_at=modified_at if modified_at is not None else asset.modified_at,
            version=_text(found.body.get("version_number")) or asset.version,
            fetch_began_at=found.began_at,
            details_source=found.source,
            details_key=key,
            details_etag=stored.etag,
        )


def build(environment: Mapping[str, str]) -> Details:
    """Build what a function's environment names; raises SettingsError."""
    own = settings.read(settings.WorkerSettings, environment)
    api = settings.read(settings.DetailSettings, environment)
    tokens = TokenSource(
        clients.secrets(), clients.invoking, api.token_secret_arn, api.refresh_token_function
    )
    return Details(
        api=OpenApi(
            build_client(),
            tokens,
            Origins.parse(api.cmp_api_origins),
            api.cmp_api_base,
            REQUEST_SECONDS,
        ),
        delivered=Delivered(clients.s3(), api.archive_bucket),
        stored=Documents(clients.s3(), own.asset_bucket),
        outcomes=Outcomes(clients.dynamodb(), own.catalogue_table),
        gone_recheck_seconds=api.gone_recheck_seconds,
    )


def covers(asset: AssetState, received_at: int, announced: int | None) -> bool:
    """Tell whether the details at hand must hold the state that a delivery announces (times in ms).

    They do if their fetch began after the delivery came, or, when the entry says when that state
    came into being (`announced`), after that moment and with a state that is no older: the margin
    makes up for clocks and for a `modified_at` of whole seconds.
    """
    began_at = asset.fetch_began_at
    if began_at is None or asset.details_source == "delivery":
        return False
    if announced is not None and asset.modified_at is not None and asset.modified_at < announced:
        return False
    if began_at >= received_at + FRESHNESS_MARGIN:
        return True
    if announced is None or asset.modified_at is None:
        return False
    return began_at >= announced + FRESHNESS_MARGIN


def _knows_more(asset: AssetState, announced: int | None) -> bool:
    if asset.details_source in {None, "delivery"}:
        return False
    return asset.modified_at is not None and asset.modified_at >= (announced or 0)


def _stale(found: Found, modified_at: int | None, announced: int | None) -> bool:
    # A task's copy has times of its own.
    if found.source != "library" or modified_at is None or announced is None:
        return False
    return modified_at < announced


def _library(found: Found) -> str | None:
    if found.source != "library":
        return None
    return "archived" if found.body.get("is_archived") is True else "present"


def _text(value: object) -> str | None:
    """Return what an item can hold: no half of a surrogate pair, and no more than a line or two."""
    if value is None or isinstance(value, dict | list):
        return None
    return str(value).encode("utf-8", "replace").decode()[:LONGEST_TEXT]
