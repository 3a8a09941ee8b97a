"""The files of assets: which there are, and what the file host has to know of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from tools.stand_in.contents import Content
from tools.stand_in.guids import guid_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.stand_in.world import Asset

PATH = "/files/"
UNTOLD = "application/octet-stream"
PICTURE_SIZE = 30_000
"""Bytes of an article's image and of a rendition, of which CMP does not tell the size."""


@dataclass(frozen=True)
class File:
    """One file: the last part of its URL, its asset, and what is served."""

    name: str
    asset_id: str
    content: Content
    mime_type: str
    public: bool
    uploaded_at: float

    @property
    def guid(self) -> str:
        """Tell the guid in its URL."""
        return guid_in(self.name)


def files_of(asset: Asset, origin: str) -> Iterator[File]:
    """Find the asset's files on the file host of this origin; what is elsewhere is not ours."""
    if own := own_file(asset, origin):
        yield own
    for url, mime_type in _pictures(asset):
        if name := _name(url, origin):
            yield _file(asset, name, _picture(name), mime_type)


def own_file(asset: Asset, origin: str) -> File | None:
    """Find the file that an image, video or raw file is."""
    content = asset.uploaded or own_content(asset.fields)
    name = _name(asset.fields.get("url"), origin)
    return _file(asset, name, content, asset.fields.get("mime_type")) if content and name else None


def own_content(fields: dict[str, Any]) -> Content | None:
    """Tell what the file of an image, video or raw file holds, by what the library shows of it."""
    if fields.get("file_size") is None:
        return None
    return Content(f"{fields['id']} {fields['version_id']}", int(fields["file_size"]))


def picture(url: str) -> Content:
    """Tell what an article's image or a rendition at this URL holds."""
    return _picture(_last_part(url))


def _pictures(asset: Asset) -> Iterator[tuple[str | None, str | None]]:
    """Tell URL and MIME type of what CMP made of the asset or shows within it."""
    for one in (*(asset.fields.get("images") or ()), *asset.renditions):
        yield one.get("url"), one.get("mime_type")


def _picture(name: str) -> Content:
    return Content(name, PICTURE_SIZE)


def _file(asset: Asset, name: str, content: Content, mime_type: str | None) -> File:
    public = bool(asset.fields.get("is_public", True))
    return File(name, asset.id, content, mime_type or UNTOLD, public, asset.uploaded_at)


def _name(url: object, origin: str) -> str | None:
    if not isinstance(url, str) or not url.startswith(origin + PATH):
        return None
    return _last_part(url)


def _last_part(url: str) -> str:
    return httpx.URL(url).path.rpartition("/")[2]
