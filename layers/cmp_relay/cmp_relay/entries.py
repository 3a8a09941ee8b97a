"""The entries of a delivery: one for each asset, under `data.assets` by kind, or `data.asset`.

Kinds that no documentation names yet are entries too.
"""

from collections.abc import Iterator
from typing import NamedTuple

from cmp_relay import pointers
from cmp_relay.fields import at, identifier, text, without_none
from cmp_relay.identity import entry_hash

KINDS = {
    "articles": "article",
    "images": "image",
    "raw_files": "raw_file",
    "structured_contents": "structured_content",
    "videos": "video",
}


class Entry(NamedTuple):
    """What stands at a place where an asset is expected."""

    kind: str
    pointer: str
    value: object


def entries(assets: dict[str, object], pointer: str) -> Iterator[Entry]:
    """Yield every entry of every list in the order of the body; an object is a list of one."""
    for name, value in assets.items():
        # Anything that could hold assets is looked at: what has no id is told, not dropped.
        if value is None or not (name in KINDS or (value and isinstance(value, list | dict))):
            continue
        kind = KINDS.get(name) or name.removesuffix("s") or name
        place = pointers.join(pointer, name)
        if isinstance(value, list):
            for index, entry in enumerate(value):
                yield Entry(kind, pointers.join(place, index), entry)
        else:
            yield Entry(kind, place, value)


def asset(entry: Entry) -> dict[str, object] | str:
    """Return the asset of an entry as a job carries it, or why there is none."""
    if not isinstance(entry.value, dict):
        return "not an object"
    asset_id, kind = identifier(entry.value.get("id")), identifier(entry.kind)
    if asset_id is None:
        return "no usable id"
    if kind is None:
        return "no usable kind"
    try:
        fingerprint = entry_hash(entry.value)
    except RecursionError:
        return "nested too deeply"
    href = text(at(entry.value, "links", "self"))
    return without_none(id=asset_id, type=kind, href=href, entry_hash=fingerprint)


def library_asset(value: object) -> dict[str, object] | str:
    """Return the asset of a library delivery as a job carries it, or why there is none.

    Such a delivery holds nothing but ids, so equal ones are not the same: there is no hash.
    """
    asset_id, kind = identifier(at(value, "id")), identifier(at(value, "type"))
    if asset_id is None:
        return "no usable id"
    if kind is None:
        return "no usable type"
    return without_none(id=asset_id, type=kind, href=text(at(value, "links", "self")))
