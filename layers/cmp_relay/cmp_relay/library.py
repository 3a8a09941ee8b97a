"""What becomes of an asset in CMP's library, as far as that can be decided without asking CMP.

Pure: no I/O, no clock. Library deliveries carry ids alone and come in any order, so none of them
says what is true now: a look into the library does, and a look counts for every delivery that came
well before it (design.md rules 3 and 4).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal
from urllib.parse import quote

from cmp_relay.entries import KINDS

PRESENT = "present"
ARCHIVED = "archived"
REMOVED = "removed"
EXPIRED = "asset_expired"
MISSING = "asset_missing"
"""Events of the relay itself: an asset's time is over, or a listing does not show it any more."""
FRESHNESS_MARGIN = 2000
"""How far CMP's clock and its replicas may be behind ours, in ms."""
RETRY_MILLISECONDS = 3 * 24 * 3600 * 1000
"""How long CMP retries a delivery."""
SEGMENTS = {kind: name.replace("_", "-") for name, kind in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Settled:
    """How a job ended whose change was written; it repeats itself if it is interrupted later."""

    job_id: str
    outcome: Literal["applied", "superseded"]
    reason: str | None = None


def state(body: Mapping[str, Any]) -> str:
    """Return the state of an asset that the library shows."""
    return ARCHIVED if body.get("is_archived") is True else PRESENT


def covers(seen_at: int | None, received_at: int) -> bool:
    """Tell whether a look that began then must have seen what a delivery tells of (ms)."""
    return seen_at is not None and seen_at >= received_at + FRESHNESS_MARGIN


def knows_at(*moments: int | None) -> int:
    """Return from when on CMP shows everywhere what happened at these moments (ms)."""
    return max((moment + FRESHNESS_MARGIN for moment in moments if moment is not None), default=0)


def is_doubtful(heard_at: int | None, received_at: int) -> bool:
    """Tell whether a removal may be older than what another job of the asset told (ms).

    CMP retries for three days, so a removal may come that late, after the asset was added again.
    """
    return heard_at is not None and heard_at >= received_at - RETRY_MILLISECONDS


def fingerprint(*facts: object) -> str:
    """Return the SHA-256 (hex) of what an event tells, by which a repetition is known."""
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def path(asset_type: str, asset_id: str) -> str | None:
    """Return where the Open API shows an asset of a kind that it documents, None for others."""
    segment = SEGMENTS.get(asset_type)
    return segment and f"{segment}/{quoted(asset_id)}"


def quoted(asset_id: str) -> str:
    """Return an id as a part of a path: dots are quoted too, else httpx would resolve `..`."""
    return quote(asset_id, safe="").replace(".", "%2E")
