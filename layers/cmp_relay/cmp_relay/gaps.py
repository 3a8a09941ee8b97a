"""Gaps between CMP's library and the catalogue: what no delivery has told us.

Pure: no I/O, no clock. A gap is never repaired from a page of the listing: it makes a library job,
which looks at the asset itself and decides by the rules of `library_sync`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cmp_relay import library
from cmp_relay.fields import without_none
from cmp_relay.listing import Row

Verdict = Literal["matched", "missing", "outdated"]

EVENTS: Mapping[Verdict, str] = {"missing": "asset_added", "outdated": "asset_modified"}
GONE = "gone"
"""The reason with which `library_sync` ends a job whose asset is nowhere in CMP."""
LOOK = 1
LAST_LOOK = 3
"""Requests of a job that finds its asset, and of one that does not: link, link again, location."""
LONG_AGO = 60_000
"""A look that began so much later (ms) than a change has seen it, whatever `modified_at` it told:
else an asset whose listing tells a later time than its own link would be outdated forever."""
FEW = 10
"""So many removals are never too many: in a small library they are a large share of it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the catalogue knows of an asset in CMP's library; times are ms as in `AssetState`."""

    asset_id: str
    type: str
    library: str | None = None
    modified_at: int | None = None
    seen_at: int | None = None
    removed_at: int | None = None
    href: str | None = None
    organization_id: str | None = None

    def asset(self) -> dict[str, object]:
        """Return what a job carries of it."""
        return without_none(id=self.asset_id, type=self.type, href=self.href)


def judge(row: Row, known: Known | None, asked_at: int) -> Verdict:
    """Hold a row of a page that was asked for then (ms) against what the catalogue knows."""
    if known is None:
        return "missing"
    if library.covers(known.seen_at, asked_at):
        return "matched"  # a look of its own is newer than the page
    if known.library in {None, library.REMOVED}:
        removed_since = library.knows_at(known.removed_at) > asked_at
        return "matched" if removed_since else "missing"
    if known.library != row.library or _is_newer(row, known):
        return "outdated"
    return "matched"


def is_candidate(known: Known, began_at: int) -> bool:
    """Tell whether an asset that a run did not see, which began then (ms), may be gone."""
    in_library = known.library not in {None, library.REMOVED}
    return in_library and (known.seen_at or 0) < began_at


def too_many(candidates: int, listed: int, share: int) -> bool:
    """Tell whether so many assets at once are more likely an error than gone; share in percent."""
    return candidates > FEW and candidates * 100 > share * listed


def job_id(run_id: str, asset_id: object) -> str:
    """Name the job of one gap: the same however often the run comes by it."""
    return f"{run_id}.{asset_id}"


def job(
    run_id: str,
    event_name: str,
    asset: Mapping[str, object],
    received_at: int,
    organization_id: str | None = None,
) -> dict[str, Any]:
    """Return the job of one gap; a look that begins 2 s after `received_at` (ms) covers it."""
    name = job_id(run_id, asset["id"])
    return _job(name, run_id, event_name, asset, received_at, organization_id)


def expiry_job(known: Known, expired_at: int, received_at: int) -> dict[str, Any]:
    """Return the job of an asset that has expired, one for each moment of expiry."""
    name = f"expiry.{known.asset_id}.{expired_at}"
    return _job(name, name, library.EXPIRED, known.asset(), received_at, known.organization_id)


def _job(
    name: str,
    source: str,
    event_name: str,
    asset: Mapping[str, object],
    received_at: int,
    organization_id: str | None,
) -> dict[str, Any]:
    return without_none(
        schema=1,
        job_id=name,
        delivery_id=source,
        received_at=received_at,
        event_name=event_name,
        channel="default",
        cause="reconcile",
        organization_id=organization_id,
        asset=asset,
    )


def _is_newer(row: Row, known: Known) -> bool:
    if row.modified_at is None:
        return False
    if known.modified_at is not None and row.modified_at <= known.modified_at:
        return False
    return (known.seen_at or 0) < row.modified_at + LONG_AGO
