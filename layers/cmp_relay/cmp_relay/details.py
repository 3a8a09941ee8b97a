"""The details of a published asset: what CMP tells of it now, fetched once per state.

A job is covered by an earlier fetch, and asks CMP nothing, if that fetch must have seen what the
delivery announces (design.md rules 3 and 5). Of an asset that CMP does not show, what was delivered
is kept, over what is known of it besides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from cmp_relay import clients, lookup, settings, times
from cmp_relay.catalogue import AssetState
from cmp_relay.delivered import Delivered
from cmp_relay.documents import Documents
from cmp_relay.errors import ForbiddenError, NotFoundError, StaleReadError
from cmp_relay.findings import Findings, Found, text
from cmp_relay.jobs import PublishJob
from cmp_relay.leases import Lease
from cmp_relay.library import FRESHNESS_MARGIN
from cmp_relay.lookup import Lookup
from cmp_relay.outcomes import MOST_ATTEMPTS, Attempt
from cmp_relay.telemetry import logger, metrics


@dataclass(frozen=True, slots=True)
class Details:
    """What a publication needs of its asset, between CMP's Open API and the asset bucket."""

    lookup: Lookup
    delivered: Delivered
    findings: Findings

    def entry(self, job: PublishJob) -> Mapping[str, Any]:
        """Return the job's entry as CMP sent it; raises ArchiveError."""
        return self.delivered.entry(job)

    def bring(
        self,
        job: PublishJob,
        attempt: Attempt,
        entry: Mapping[str, Any],
        asset: AssetState,
        lease: Lease,
    ) -> AssetState:
        """Return the asset's state with details at least as new as the delivery's entry.

        Raises PostponedError when CMP does not find the asset for the first time, StaleReadError
        when it answers with an older state, and the ApiErrors of `open_api`.
        """
        announced = times.read(entry.get("modified_at"))
        if covers(asset, job.received_at, announced):
            return asset
        found = self._find(job, attempt, entry, lease)
        if found.source == "delivery" and _is_as_new(asset, announced):
            return asset
        if found.source != "library":
            found = self.findings.completed(found, asset)
        if _stale(found, announced):
            if attempt.number < MOST_ATTEMPTS:
                raise StaleReadError("CMP answered with an older state than it announced")
            logger.warning("keeping an older state than announced", asset_id=asset.asset_id)
        return self.findings.keep(found, asset, title=text(entry.get("title")))

    def _find(
        self, job: PublishJob, attempt: Attempt, entry: Mapping[str, Any], lease: Lease
    ) -> Found:
        began_at = self.lookup.now()
        try:
            return self.lookup.anywhere(job, attempt, lease)
        except NotFoundError:
            logger.info("asset not found in CMP", asset_id=job.asset.id)
        except ForbiddenError:
            logger.warning("asset may not be read", asset_id=job.asset.id)
            metrics.add_metric(name="AssetsForbidden", unit=MetricUnit.Count, value=1)
        return Found(entry, "delivery", began_at)


def build(environment: Mapping[str, str]) -> Details:
    """Build what a function's environment names; raises SettingsError."""
    own = settings.read(settings.StoreSettings, environment)
    archived = settings.read(settings.EntrySettings, environment)
    return Details(
        lookup=lookup.build(environment, "live"),
        delivered=Delivered(clients.s3(), archived.archive_bucket),
        findings=Findings(Documents(clients.s3(), own.asset_bucket)),
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


def _is_as_new(asset: AssetState, announced: int | None) -> bool:
    """Tell whether the details at hand are at least as new as what a delivery announces (ms)."""
    return asset.modified_at is not None and asset.modified_at >= (announced or 0)


def _stale(found: Found, announced: int | None) -> bool:
    modified_at = times.read(found.body.get("modified_at"))
    # A task's copy has times of its own.
    if found.source != "library" or modified_at is None or announced is None:
        return False
    return modified_at < announced
