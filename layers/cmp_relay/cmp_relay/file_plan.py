"""Where an asset's files have to be: its objects, and their copies by folder rule.

Pure: no I/O, no clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cmp_relay import file_sources, folder_rules, library
from cmp_relay.catalogue import AssetState
from cmp_relay.file_sources import Source
from cmp_relay.file_store import Unfinished
from cmp_relay.files import FilesState, Place
from cmp_relay.folder_rules import Rule


@dataclass(frozen=True, slots=True)
class FilePlan:
    """What an asset's files have to be, by slot.

    `waiting` are the places that hold an older version, or an older copy, until the new one is
    there.
    """

    sources: Mapping[str, Source]
    objects: Mapping[str, Place]
    copies: Mapping[str, Place]
    waiting: frozenset[Place]

    @property
    def places(self) -> frozenset[Place]:
        """Return every place that has to hold an object."""
        return frozenset((*self.objects.values(), *self.copies.values()))

    def wants(self, unfinished: Unfinished) -> bool:
        """Tell whether an upload that was begun is still of use."""
        return any(
            place.key == unfinished.key and self.sources[slot].version == unfinished.version
            for slot, place in self.objects.items()
        )

    def order(self, state: FilesState) -> list[str]:
        """List the slots, the one whose upload was begun first: there is one at a time."""
        begun = state.unfinished.key if state.unfinished else None
        return sorted(self.sources, key=lambda slot: self.objects[slot].key != begun)


@dataclass(frozen=True, slots=True)
class Folders:
    """The buckets and rules of one stack; without `keep_withdrawn`, what no rule wants goes."""

    bucket: str
    repository: str
    rules: tuple[Rule, ...]
    keep_withdrawn: bool = False

    def plan(
        self, asset: AssetState, body: Mapping[str, Any], state: FilesState, now: int
    ) -> FilePlan:
        """Decide where the files that `body` tells of belong now (ms)."""
        facts = folder_rules.facts(
            asset.type,
            body,
            in_library=asset.library == library.PRESENT,
            published=asset.published,
            expired=asset.expires_at is not None and asset.expires_at <= now,
        )
        sources = {source.slot: source for source in file_sources.of(asset.type, body)}
        objects = {slot: self._object(asset, source, state) for slot, source in sources.items()}
        keys = {
            slot: folder_rules.place(self.rules, facts, asset.asset_id, source)
            for slot, source in sources.items()
        }
        copies = {slot: Place(self.repository, key) for slot, key in keys.items() if key}
        held = {slot: file for slot, file in state.files.items() if slot in sources}
        older = {Place(self.bucket, file.stored.key) for file in held.values()}
        copied = {file.copy for slot, file in held.items() if file.copy and slot in copies}
        return FilePlan(sources, objects, copies, frozenset(older | copied))

    def owns(self, place: Place) -> bool:
        """Tell whether a place is in a bucket that is still the relay's to delete from."""
        return place.bucket in {self.bucket, self.repository}

    def _object(self, asset: AssetState, source: Source, state: FilesState) -> Place:
        held = state.files.get(source.slot)
        if held and held.version == source.version:
            return Place(self.bucket, held.stored.key)  # whatever its title has become since
        return Place(self.bucket, _key(asset, source))


def _key(asset: AssetState, source: Source) -> str:
    folder = f"assets/{quote(asset.type, safe='')}/{quote(asset.asset_id, safe='')}"
    return f"{folder}/{source.version}/{source.name}"
