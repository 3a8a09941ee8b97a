"""The files that an asset of CMP consists of: where they are, what they are called, which version.

Pure: no I/O, no clock. CMP's fields are read tolerantly (facts.md 2.7): numbers come as text, URLs
as lists, a single object where a list is documented. Whether a URL may be asked is not judged here.
"""

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import quote, unquote

from cmp_relay import file_names
from cmp_relay.fields import at, identifier, text
from cmp_relay.file_urls import bare

WITH_FILES = ("article", "image", "raw_file", "video")
"""The kinds of assets that have files; those of an article are its images."""
OWN = "file"

_ITSELF = {"image", "raw_file", "video"}
_OF_THE_FILE = {
    *("file_extension", "file_size", "focal_point", "image_resolution", "mime_type"),
    *("thumbnail_url", "version_id", "version_number"),
}
_GUID = re.compile(rb"g=([A-Za-z0-9-]+)")


@dataclass(frozen=True, slots=True)
class Source:
    """One file in CMP: `slot` tells the files of an asset apart, `size` is in bytes.

    `url` may hold a token. `name` and `version` are safe in a key; `version` says which content.
    """

    slot: str
    url: str
    name: str
    mime_type: str | None
    size: int | None
    version: str

    @property
    def extension(self) -> str:
        """Return what the name ends in, `.jpg`, or nothing."""
        return file_names.extension(self.name)


def of(asset_type: str, body: Mapping[str, Any]) -> tuple[Source, ...]:
    """Return the files of an asset that CMP describes so; a kind that we do not know has none."""
    if asset_type in _ITSELF:
        url = _url(body.get("url")) or _url(_listed_url(body))
        return () if url is None else (_source(OWN, url, body, title=body.get("title")),)
    if asset_type != "article":
        return ()  # an article's own URL is a web page, not a file
    found: dict[str, Source] = {}
    for image in objects(body.get("images")):
        url = _url(image.get("url"))
        if url is not None:
            slot = f"image-{_digest(bare(url))}"
            found.setdefault(slot, _source(slot, url, image, title=slot))
    return tuple(found.values())


def guids(asset_id: str | None, url: str) -> tuple[str, ...]:
    """Return the guids under which CMP may know a file; None for one that is no asset of its own.

    Which it wants is not documented: the asset's id, the end of the URL, or what that is the base64
    of, `g=<guid>`.
    """
    segment = _segment(url)
    return tuple(dict.fromkeys(guid for guid in (asset_id, segment, _hidden(segment)) if guid))


def laid_over(asset_type: str, known: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of an asset, with what was told of it later and less fully laid over.

    What is known of its file stays only as long as that is the same file, by the end of its URL
    (hosts vary, queries are tokens) and by its length.
    """
    if asset_type in _ITSELF and not _is_same(of(asset_type, known), of(asset_type, told)):
        known = {name: value for name, value in known.items() if name not in _OF_THE_FILE}
    return {**known, **told}


def objects(value: object) -> tuple[dict[str, Any], ...]:
    """Return the objects of a list; a single one is a list of one."""
    listed = value if isinstance(value, list) else [value]
    return tuple(each for each in listed if isinstance(each, dict))


def _source(slot: str, url: str, told: Mapping[str, Any], *, title: object) -> Source:
    mime_type = file_names.mime_type(told.get("mime_type"))
    return Source(
        slot=slot,
        url=url,
        name=file_names.safe(title, told.get("file_extension"), mime_type),
        mime_type=mime_type,
        size=_size(told.get("file_size")),
        version=_version(url, told),
    )


def _is_same(known: tuple[Source, ...], told: tuple[Source, ...]) -> bool:
    """Tell whether an asset's file is still the one that is known; to tell of none changes none."""
    if not known or not told:
        return True
    sizes = {known[0].size, told[0].size} - {None}
    segment = _segment(known[0].url)
    return segment != "" and segment == _segment(told[0].url) and len(sizes) < 2


def _segment(url: str) -> str:
    path = bare(url).partition("://")[2].partition("/")[2]
    return identifier(unquote(path.rstrip("/").rpartition("/")[2])) or ""


def _url(value: object) -> str | None:
    if isinstance(value, list):
        return next(filter(None, map(text, value)), None)
    return text(value)


def _listed_url(body: Mapping[str, Any]) -> object:
    content = body.get("content")
    return at(content, "value") if at(content, "type") == "url" else None


def _digest(value: str) -> str:
    return sha256(value.encode()).hexdigest()[:16]


def _version(url: str, told: Mapping[str, Any]) -> str:
    known = identifier(told.get("version_id")) or identifier(told.get("version_number"))
    if known is None:
        size, modified_at = _size(told.get("file_size")), text(told.get("modified_at"))
        return _digest(json.dumps([bare(url), size, modified_at]))
    return quote(known, safe="").replace(".", "%2E")  # a version is no path: ".." neither


def _size(value: object) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}", value):
        return int(value)
    return value if type(value) is int and value >= 0 else None


def _hidden(segment: str) -> str | None:
    digits = segment.rstrip("=")
    try:
        found = _GUID.fullmatch(b64decode(digits + "=" * (-len(digits) % 4), validate=True))
    except ValueError:
        return None
    return found[1].decode() if found else None
