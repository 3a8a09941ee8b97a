"""CMP's listing of its library, page by page (GET /assets), newest change first (facts.md 7).

Pure: no I/O, no clock. The pages are cut by offset out of a list that moves: what is changed moves
to the front, and what is deleted draws everything behind it forward, past the next page's edge.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cmp_relay import entries, library, times
from cmp_relay.errors import UnavailableError
from cmp_relay.fields import at, identifier, text

PAGE_SIZE = 100
"""The most that CMP gives."""


@dataclass(frozen=True, slots=True)
class Row:
    """An asset as a page shows it (`body`); `asset` is what a job carries, `modified_at` is ms."""

    asset: Mapping[str, object]
    library: str
    modified_at: int | None = None
    organization_id: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def asset_id(self) -> str:
        """Return the asset's id."""
        return str(self.asset["id"])


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its rows by asset id, the link to the next one, and how long the whole list is."""

    rows: Mapping[str, Row]
    next: str | None = None
    total: int | None = None
    unreadable: int = 0

    def is_last(self) -> bool:
        """Tell whether the list ends here; one that goes on without rows never would."""
        return self.next is None or not (self.rows or self.unreadable)

    def may_skip(self, before: int | None) -> bool:
        """Tell whether assets may have slipped from this page to the one before it.

        Only what is deleted makes the list shorter, and only that draws the others forward;
        `before` is how long the list was when that page was read.
        """
        return self.total is not None and before is not None and self.total < before


def first(base: str, since: int | None) -> str:
    """Return the link to the first page of what was changed since (ms), of all for None."""
    link = f"{base.rstrip('/')}/assets?page_size={PAGE_SIZE}"
    if since is None:
        return link
    # CMP's documentation shows whole seconds.
    return f"{link}&modified_at__from={times.iso(since)[:19]}Z"


def read(answer: Mapping[str, Any]) -> Page:
    """Read CMP's answer; raises UnavailableError if it is no page."""
    data = answer.get("data")
    if not isinstance(data, list):
        raise UnavailableError("GET /assets: no list of assets")
    found = [_row(value) for value in data]
    rows = [row for row in found if row]
    total = answer.get("total_count")
    return Page(
        rows={row.asset_id: row for row in rows},
        next=text(at(answer, "pagination", "next")),
        total=int(total) if isinstance(total, int | float) else None,
        unreadable=len(found) - len(rows),
    )


def _row(value: Any) -> Row | None:  # noqa: ANN401 - whatever CMP's JSON holds
    asset = entries.library_asset(value)
    if isinstance(asset, str):
        return None
    return Row(
        asset=asset,
        library=library.state(value),
        modified_at=times.read(value.get("modified_at")),
        organization_id=identifier(value.get("owner_organization_id")),
        body=value,
    )
