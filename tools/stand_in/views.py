"""How an asset is shown: in the library, in its task, and as an entry of a delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.stand_in.kinds import STRUCTURED_CONTENT
from tools.stand_in.links import ORIGIN, absolute
from tools.stand_in.moments import zoneless

if TYPE_CHECKING:
    from tools.stand_in.world import Asset


LISTED = (
    "id",
    "title",
    "created_at",
    "modified_at",
    "folder_id",
    "file_location",
    "is_archived",
    "labels",
    "owner_organization_id",
)


def library_path(asset: Asset) -> str:
    """Tell where the library shows the asset."""
    return f"/v3/{asset.kind.segment}/{asset.id}"


def task_path(asset: Asset) -> str:
    """Tell where the asset's task shows it."""
    return f"/v3/tasks/{asset.task_id}/{asset.kind.segment}/{asset.id}"


def in_library(asset: Asset, base: str) -> dict[str, Any]:
    """Show every field; only structured contents have links there (official specification)."""
    if asset.kind is not STRUCTURED_CONTENT:
        return absolute(asset.fields, base)
    bodiless = {key: value for key, value in asset.fields.items() if key != "content_body"}
    return absolute(bodiless | _content(asset) | _links(asset), base)


def in_list(asset: Asset, base: str) -> dict[str, Any]:
    """Show the asset as a row of the list of assets."""
    shown = _chosen(asset, LISTED) | _links(asset)
    shown |= {"type": asset.kind.name, "content": _listed_content(asset)}
    for name in ("file_extension", "thumbnail_url"):
        shown[name] = asset.fields.get(name)
    shown["mime_type"] = asset.fields.get("mime_type") or asset.kind.mime_type
    return absolute(shown, base)


def in_task(asset: Asset, base: str) -> dict[str, Any]:
    """Show the asset as its task does: fewer fields, more links; a structured content bare."""
    if asset.kind is STRUCTURED_CONTENT:
        return absolute(_content(asset).get("content_body", {}), base)
    origin_path = f"{ORIGIN}{task_path(asset)}"
    links = {"self": origin_path, "task": _task_url(asset), "drafts": f"{origin_path}/drafts"}
    shown = _chosen(asset, asset.kind.task_fields)
    shown |= {"library_asset_id": None, "links": {**links, "web_urls": links}}
    return absolute(shown, base)


def in_task_list(asset: Asset, base: str) -> dict[str, Any]:
    """Show the asset as a row of its task's assets."""
    own = f"{ORIGIN}{task_path(asset)}"
    links = {"self": own, "task": _task_url(asset), "drafts": None}
    shown = _chosen(asset, ("id", "title", "created_at", "modified_at", "labels"))
    shown |= {"type": asset.kind.name, "content": _listed_content(asset)}
    shown["mime_type"] = asset.fields.get("mime_type") or asset.kind.mime_type
    return absolute(
        {**shown, "library_asset_id": None, "links": {**links, "web_urls": links}}, base
    )


def entry(asset: Asset, base: str) -> dict[str, Any]:
    """Show the asset as a publish delivery carries it: fewer fields than the Open API's."""
    shown = _chosen(asset, asset.kind.entry_fields) | _links(asset)
    if asset.kind is STRUCTURED_CONTENT:
        # Documented so (StructuredContentModel): a space and no zone, unlike every other kind.
        shown |= {key: zoneless(shown[key]) for key in ("created_at", "modified_at")}
        shown |= _content(asset)
    return absolute(shown, base)


def withdrawn_entry(asset: Asset, base: str) -> dict[str, Any]:
    """Show the asset as an unpublish delivery carries it; structured contents stay whole there."""
    if asset.kind is STRUCTURED_CONTENT:
        return entry(asset, base)
    return absolute({"id": asset.id, **_links(asset)}, base)


def _chosen(asset: Asset, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: asset.fields[name] for name in names if name in asset.fields}


def _links(asset: Asset) -> dict[str, Any]:
    return {"links": {"self": f"{ORIGIN}{library_path(asset)}"}}


def _listed_content(asset: Asset) -> dict[str, str]:
    """Show what the official specification has for each kind."""
    match asset.kind.name:
        case "article":
            return {"type": "html_body", "value": asset.fields["html_body"]}
        case "structured_content":
            return {"type": "api_url", "value": f"{ORIGIN}{library_path(asset)}"}
        case _:
            return {"type": "url", "value": asset.fields["url"]}


def _task_url(asset: Asset) -> str:
    return f"{ORIGIN}/v3/tasks/{asset.task_id}"


def _content(asset: Asset) -> dict[str, Any]:
    body = asset.fields.get("content_body")
    if not body:
        return {}
    own = {"title": asset.fields["title"], "updated_at": asset.fields["modified_at"]}
    return {"content_body": {**body, **own}}
