"""The report: what CMP is to be told of one asset of a publishing event (facts.md 5)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cmp_relay import times
from cmp_relay.commands import CommandJob, ReportPublication
from cmp_relay.outcomes import Outcome

UPDATED_AT = "publishing_destination_updated_at"
NAMES = {
    "asset_id": "asset_id",
    "status": "status",
    "locale": "locale",
    "public_url": "public_url",
    "destination_updated_at": UPDATED_AT,
    "message": "status_message",
}
"""What CMP calls the arguments of the command."""
NOT_ALLOWED = {
    "public-url-not-allowed": "public_url",
    "publishing-destination-updated-at-not-allowed": UPDATED_AT,
    "locale-not-allowed": "locale",
}
"""Error codes that a report can do without a field about."""
MISSING = {"missing-publishing-destination-updated-at": UPDATED_AT}
"""Error codes that a report can do with a field more about; others nobody knows but the sender."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a report; `reason` is a dead letter's, `result` what CMP shows of it."""

    outcome: Outcome
    detail: str | None = None
    reason: str | None = None
    result: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """One report as one job brings it; times are ms, `entry` is what CMP's POST takes.

    `changed` are the fields that CMP wanted removed or added, each once; `verdict` is None while
    the report waits.
    """

    job_id: str
    event_id: str
    link: str
    entry: Mapping[str, str]
    issued_at: int
    registered_at: int
    keep_existing: bool = False
    changed: frozenset[str] = field(default_factory=frozenset)
    verdict: Verdict | None = None

    @property
    def place(self) -> tuple[str, str, str | None]:
        """Return what CMP takes one report for: the event's link, an asset and a locale."""
        return self.link, self.entry["asset_id"], self.entry.get("locale")

    @property
    def age(self) -> tuple[int, int, str]:
        """Return what orders reports of one place: the newest one holds."""
        return self.issued_at, self.registered_at, self.job_id

    def says(self, other: "Report") -> bool:
        """Tell whether CMP would be told the same by another report."""
        return (self.link, self.entry) == (other.link, other.entry)

    def amended(self, codes: Collection[str]) -> "Report | None":
        """Return the report as CMP wants it by these error codes, None if that is not known."""
        entry, changed = dict(self.entry), set(self.changed)
        for code in codes:
            name = NOT_ALLOWED.get(code) or MISSING.get(code)
            if name is None or name in changed or (name in entry) is (code in MISSING):
                return None
            changed.add(name)
            if code in MISSING:
                entry[name] = times.iso(self.issued_at)
            else:
                del entry[name]
        return replace(self, entry=entry, changed=frozenset(changed))

    def ended(self, verdict: Verdict) -> "Report":
        """Return the report with what became of it."""
        return replace(self, verdict=verdict)


def of(job: CommandJob, now: int) -> Report:
    """Read the report that a job brings (ms); raises InvalidCommandError."""
    asked = job.ready(ReportPublication)
    told = asked.model_dump(mode="json", exclude_none=True)
    return Report(
        job_id=job.job_id,
        event_id=asked.publishing_event_id,
        link=asked.publishing_metadata_link,
        # What is not known is left out: CMP refuses null (facts.md 5).
        entry={name: told[ours] for ours, name in NAMES.items() if ours in told},
        issued_at=job.received_at,
        registered_at=now,
        keep_existing=asked.keep_existing,
    )
