"""The bodies of publish and library events, as the documentation gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tools.stand_in.kinds import KINDS, STRUCTURED_CONTENT
from tools.stand_in.samples import ORGANIZATION
from tools.stand_in.views import entry, library_path, withdrawn_entry

if TYPE_CHECKING:
    from tools.stand_in.world import Asset, PublishingEvent

EventName = Literal["asset_published", "asset_synced", "asset_unpublished"]
LibraryEventName = Literal[
    "asset_added", "asset_modified", "asset_removed", "asset_renditions_created"
]
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


def library_body(
    event_name: LibraryEventName, asset: Asset, *, base: str, generation: Generation
) -> dict[str, Any]:
    """Build a library delivery; a removal has no links, the old generation tells no source.

    What CMP sends of renditions is not documented: here it is what it sends of a modification.
    """
    told: dict[str, Any] = {
        "id": asset.id,
        "owner_organization_id": asset.fields["owner_organization_id"],
        "type": asset.kind.name,
    }
    if event_name == "asset_added" and generation == "current":
        links = {"self": f"{base}/v3/tasks/{asset.task_id}"}
        told["source"] = {"id": asset.task_id, "type": "task", "links": links}
    if event_name != "asset_removed":
        told["links"] = {"self": base + library_path(asset)}
    return {"event_name": event_name, "data": {"asset": told}}


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
