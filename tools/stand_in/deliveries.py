"""The bodies of publish events, as the documentation gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tools.stand_in.kinds import KINDS, STRUCTURED_CONTENT
from tools.stand_in.samples import ORGANIZATION
from tools.stand_in.views import entry, withdrawn_entry

if TYPE_CHECKING:
    from tools.stand_in.world import Asset, PublishingEvent

EventName = Literal["asset_published", "asset_synced", "asset_unpublished"]
Generation = Literal["current", "old"]


def body(
    event_name: EventName,
    event: PublishingEvent,
    assets: list[Asset],
    *,
    base: str,
    generation: Generation,
) -> dict[str, Any]:
    """Build a whole delivery; the old generation knows no structured contents."""
    data: dict[str, Any] = {
        "assets": _entries(event_name, assets, base, generation),
        "publishing_event": _publishing_event(event, base),
        "organization": {"id": ORGANIZATION},
    }
    if event_name == "asset_published" and assets:
        data["triggered_from"] = _task(assets[0], base)
    return {"event_name": event_name, "data": data}


def _entries(
    event_name: EventName, assets: list[Asset], base: str, generation: Generation
) -> dict[str, list[dict[str, Any]]]:
    show = withdrawn_entry if event_name == "asset_unpublished" else entry
    kinds = [k for k in KINDS if generation == "current" or k is not STRUCTURED_CONTENT]
    return {k.collection: [show(one, base) for one in assets if one.kind is k] for k in kinds}


def _publishing_event(event: PublishingEvent, base: str) -> dict[str, Any]:
    url = f"{base}/v3/publishing-events/{event.id}"
    links = {"self": url, "publishing_metadata": f"{url}/publishing-metadata"}
    return {"id": event.id, "links": links}


def _task(asset: Asset, base: str) -> dict[str, Any]:
    links = {"self": f"{base}/v3/tasks/{asset.task_id}"}
    return {"id": asset.task_id, "source_type": "task", "links": links}
