"""What must be true of an asset's files: which bytes they hold, and where their copies are. Pure.

Written without a look at how the relay does it: by what CMP shows and by what the rules say.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from tools.stand_in.files import own_content, picture

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER_RULES = (
    'kind=image label="Content Format/content format 1" when=published -> website/images/;'
    "kind=video folder=/Marketing -> videos/;"
    "type=image/* -> pictures/"
)


def digests(kind: str, view: Mapping[str, Any]) -> set[str]:
    """Return the SHA-256 of each file that an asset has when CMP shows it so."""
    if kind == "article":
        return {picture(image["url"]).sha256() for image in view["images"]}
    content = own_content(dict(view)) if view.get("file_size") is not None else None
    return {content.sha256()} if content else set()


def copy(asset: Mapping[str, Any], labels: list[Any] | None, slot: str, key: str) -> str | None:
    """Return where FOLDER_RULES want the copy of an asset's file whose object is at `key`."""
    present = asset.get("library") == "present"
    folder = None
    match asset["type"]:
        case "image" if labels and asset["published"]:
            folder = "website/images/"
        case "video" if present:
            folder = "videos/"
        case "image" | "article" if present:
            folder = "pictures/"
    if folder is None:
        return None
    name = asset["asset_id"] if slot == "file" else f"{asset['asset_id']}/{slot}"
    return f"{folder}{name}{PurePosixPath(key).suffix}"
