"""The body of `content_preview_requested`, in the shape of deliveries that were captured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.stand_in.links import absolute
from tools.stand_in.moments import zoneless
from tools.stand_in.samples import ORGANIZATION

if TYPE_CHECKING:
    from tools.stand_in.previews import Preview
    from tools.stand_in.world import Asset

EMPTY = ("articles", "images", "videos", "raw_files")


def preview_body(preview: Preview, asset: Asset, base: str) -> dict[str, Any]:
    """Build a delivery that asks for a preview of a structured content."""
    content = dict(asset.fields.get("content_body", {}))
    # Here, and nowhere else, CMP calls it so.
    content["fields_version"] = content.pop("latest_fields_version", {})
    times = {key: _bare(asset.fields[key]) for key in ("created_at", "modified_at")}
    told = {
        "id": preview.content_id,
        "version_id": preview.version_id,
        "title": asset.fields["title"],
        "content_body": content,
        **times,
    }
    links = {what: f"{base}{preview.path}/{what}" for what in ("acknowledge", "complete")}
    task = {"id": asset.task_id, "links": {"self": f"{base}/v3/tasks/{asset.task_id}"}}
    data = {
        "assets": {**{kind: [] for kind in EMPTY}, "structured_contents": [told]},
        "organization": {"id": ORGANIZATION},
        "preview_id": preview.id,
        "task": task,
        "links": links,
    }
    return {"event_name": "content_preview_requested", "data": absolute(data, base)}


def _bare(written: str) -> str:
    return zoneless(written).replace(" ", "T")
