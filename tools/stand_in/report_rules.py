"""Which reports of publications CMP refuses: those that it has, and those that a test names."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from tools.stand_in.publishing import Report
    from tools.stand_in.world import PublishingEvent

ErrorCode = Literal[
    "canonical-link-error",
    "unknown-asset",
    "metadata-exists",
    "duplicate-metadata",
    "invalid-status",
    "missing-public-url",
    "public-url-not-allowed",
    "domain-not-whitelisted",
    "missing-publishing-destination-updated-at",
    "publishing-destination-updated-at-not-allowed",
    "missing-locale",
    "locale-not-allowed",
]
NEEDED = {
    "missing-public-url": "public_url",
    "missing-publishing-destination-updated-at": "publishing_destination_updated_at",
    "missing-locale": "locale",
}
UNWANTED = {
    "public-url-not-allowed": "public_url",
    "publishing-destination-updated-at-not-allowed": "publishing_destination_updated_at",
    "locale-not-allowed": "locale",
}


class ReportRules(BaseModel):
    """How many reports a request may hold, what else is answered, and what is refused.

    `refusals` has an error code by asset id; one about a field holds until that field is there, or
    left out. `existing` says what a report must differ in from all that are there: in asset, locale
    and status, or `strict`, in asset and locale. The documentation allows for both readings.
    """

    model_config = ConfigDict(extra="forbid")

    most: int = Field(default=100, ge=1)
    too_many: Literal[400, 413] = 400
    refusals: dict[str, ErrorCode] = Field(default_factory=dict)
    existing: Literal["status", "strict"] = "status"


@dataclass
class ReportJudge:
    """The rules in force, applied to requests."""

    rules: ReportRules = field(default_factory=ReportRules)

    def clear(self) -> None:
        """Go back to the rules of the start."""
        self.rules = ReportRules()

    def refusals(self, event: PublishingEvent, reports: list[Report]) -> list[ErrorCode | None]:
        """Tell of each report of a request why it is refused, None if it is not."""
        keys = [self._key(one.asset_id, one.locale, one.status) for one in reports]
        times = Counter(keys)
        taken = {
            self._key(one["asset_id"], one["locale"] or "", one["status"]) for one in event.metadata
        }
        told: list[ErrorCode | None] = []
        for report, key in zip(reports, keys, strict=True):
            if report.asset_id not in event.asset_ids:
                told.append("unknown-asset")
            elif key in taken:
                told.append("metadata-exists")
            elif times[key] > 1:
                told.append("duplicate-metadata")
            else:
                told.append(self._ordered(report))
        return told

    def _key(self, asset_id: str, locale: str, status: str) -> tuple[str, ...]:
        strict = self.rules.existing == "strict"
        return (asset_id, locale) if strict else (asset_id, locale, status)

    def _ordered(self, report: Report) -> ErrorCode | None:
        code, told = self.rules.refusals.get(report.asset_id), report.model_dump()
        if code in NEEDED and told[NEEDED[code]]:
            return None
        if code in UNWANTED and not told[UNWANTED[code]]:
            return None
        return code
