"""What a look into CMP found of an asset, kept in S3 and on the item of the asset.

Only a fetch that began later replaces what an earlier one found (design.md rule 4). Of the library
an asset's link alone can tell: what is found in a task or in a delivery leaves that state as it is.
What may be a token in the URL of a file is not stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cmp_relay import documents, file_sources, file_urls, library, times
from cmp_relay.catalogue import AssetState
from cmp_relay.documents import Documents
from cmp_relay.errors import ConflictError

EXTRAS = ("renditions", "custom_fields")
"""What details can hold beside the asset, each for a request of its own."""
LONGEST_TEXT = 1000
LONGEST_LINK = 2000
"""No link of CMP comes near: a longer one is used, but not remembered."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, where (`library`, `task`, `delivery`), and when the look began (ms).

    `href` is the link under which the library showed it, `level` how much that was: `full`, or the
    row of a `list`. `extras` are what further requests brought (`EXTRAS`).
    """

    body: Mapping[str, Any]
    source: str
    began_at: int
    href: str | None = None
    level: str = "full"
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Findings:
    """The details of assets in the asset bucket."""

    stored: Documents

    def completed(self, found: Found, asset: AssetState) -> Found:
        """Return what was found laid over what is known: a task or a delivery tells less.

        It tells no folder and no version of a file (facts.md 2.7): alone it would bring files again
        and move them.
        """
        if asset.details_key is None:
            return found
        known = self.stored.get(asset.details_key)
        return replace(
            found,
            body=file_sources.laid_over(asset.type, known["asset"], found.body),
            level=known.get("level", found.level),  # version 0.1.0 wrote none
            extras={name: known[name] for name in EXTRAS if name in known},
        )

    def keep(self, found: Found, asset: AssetState, *, title: str | None = None) -> AssetState:
        """Store what was found and return the asset's state with it; `title` is for want of one.

        Raises ConflictError if a fetch that began later has stored its details first.
        """
        key = documents.details_key(asset.type, asset.asset_id)
        stored = self.stored.put(
            key, document(found, asset), order=found.began_at, etag=asset.details_etag
        )
        if stored.newer:
            raise ConflictError("a fetch that began later has stored its details first")
        modified_at = times.read(found.body.get("modified_at"))
        expires_at = _expires_at(found, asset)
        kept = replace(
            asset,
            title=text(found.body.get("title")) or title or asset.title,
            modified_at=modified_at if modified_at is not None else asset.modified_at,
            version=text(found.body.get("version_number")) or asset.version,
            fetch_began_at=found.began_at,
            details_source=found.source,
            details_key=key,
            details_etag=stored.etag,
            expires_at=expires_at,
            expired=expires_at is not None and expires_at <= found.began_at,
            files=_files(asset.type, found.body),
        )
        return _seen_in_library(found, kept) if found.source == "library" else kept


def document(found: Found, asset: AssetState) -> dict[str, Any]:
    """Return the details of an asset as they are stored, without what may be a token."""
    extras = dict(found.extras)
    if isinstance(extras.get("renditions"), list):
        # Each is a picture with a URL of its own.
        extras["renditions"] = [file_urls.without_tokens("image", r) for r in extras["renditions"]]
    return {
        "schema": 1,
        "asset_id": asset.asset_id,
        "type": asset.type,
        "details_source": found.source,
        "level": found.level,
        "fetch_began_at": times.iso(found.began_at),
        "asset": file_urls.without_tokens(asset.type, found.body),
        **extras,
    }


def _seen_in_library(found: Found, asset: AssetState) -> AssetState:
    if found.began_at < library.knows_at(asset.removed_at):
        return asset  # what a replica that is behind shows may have been removed since
    return replace(
        asset,
        library=library.state(found.body),
        seen_at=found.began_at,
        href=found.href if found.href and len(found.href) <= LONGEST_LINK else asset.href,
    )


def _expires_at(found: Found, asset: AssetState) -> int | None:
    """Return when an asset expires (ms); rows, tasks and deliveries tell nothing, nor its end."""
    is_whole = found.source == "library" and found.level == "full"
    if is_whole or "expires_at" in found.body:
        return times.read(found.body.get("expires_at"))
    return asset.expires_at


def _files(asset_type: str, body: Mapping[str, Any]) -> str | None:
    """Return what changes whenever the files, or the folders they belong in, may have changed."""
    sources = file_sources.of(asset_type, body)
    if not sources:
        return None
    contents = [(one.slot, one.version, one.mime_type, one.size) for one in sources]
    return library.fingerprint(contents, body.get("labels"), body.get("file_location"))


def text(value: object) -> str | None:
    """Return what an item can hold: no half of a surrogate pair, and no more than a line or two."""
    if value is None or isinstance(value, dict | list):
        return None
    return str(value).encode("utf-8", "replace").decode()[:LONGEST_TEXT]
