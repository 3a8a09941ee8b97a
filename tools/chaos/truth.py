"""What must be true of an asset in the end, told from the acts of its life in CMP's own order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.chaos.plan import Act, Asset, Life

LIBRARY_CHANGES = ("asset_added", "asset_modified")
PUBLICATIONS = ("asset_published", "asset_synced")


@dataclass(frozen=True)
class Expected:
    """The end of one asset.

    `open_events` are the publishing events by which it is published. `is_current` means that
    somebody was told of CMP's last change for good, so that the details have to be CMP's;
    `was_deleted` that CMP had no file of it for a while at least.
    """

    asset: Asset
    story: str
    open_events: frozenset[str]
    in_library: bool
    is_current: bool
    poison: str | None = None
    was_deleted: bool = False

    @property
    def published(self) -> bool:
        """Tell whether it is published."""
        return bool(self.open_events)


def of(life: Life, done: Sequence[Act]) -> list[Expected]:
    """Tell what must be true of the assets of a life after the acts that were done."""
    open_events = frozenset(event for _, event in _open(done))
    places = [act.place for act in done if act.place]
    return [
        Expected(
            asset=asset,
            story=life.story,
            open_events=open_events,
            in_library=not places or places[-1] == "library",
            is_current=life.poison is None and _is_current(done, open_events),
            poison=life.poison,
            was_deleted="deleted" in places,
        )
        for asset in life.assets
    ]


def _open(done: Sequence[Act]) -> set[tuple[str | None, str]]:
    opened: set[tuple[str | None, str]] = set()
    for act in done:
        event = (act.channel, str(act.publishing_event))
        if act.event_name == "asset_published":
            opened.add(event)
        elif act.event_name == "asset_unpublished":
            # One with an id of its own ends whatever its channel has published.
            opened -= {event} if event in opened else {one for one in opened if one[0] == event[0]}
    return opened


def _is_current(done: Sequence[Act], open_events: frozenset[str]) -> bool:
    """Tell whether the last change was announced by something that makes the relay look."""
    last = max((number for number, act in enumerate(done) if act.changes or act.place), default=0)
    return any(
        act.event_name in LIBRARY_CHANGES
        or (act.event_name in PUBLICATIONS and act.publishing_event in open_events)
        for act in done[last:]
    )
