"""What the stand-in's organization holds: assets, where each lives, and publishing events."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from tools.stand_in.files import files_of, own_file
from tools.stand_in.folder_tree import FolderTree
from tools.stand_in.kinds import BY_NAME
from tools.stand_in.moments import iso, later
from tools.stand_in.samples import custom_fields, rendition, sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tools.stand_in.contents import Content
    from tools.stand_in.files import File
    from tools.stand_in.kinds import Kind

CONTENT_FIELDS = {"version_id", "version_number", "file_size"}
"""Who changes one of these has uploaded another file."""

Place = Literal["library", "task", "deleted", "forbidden"]


class UnknownAssetError(Exception):
    """The stand-in never had an asset of this id."""


@dataclass
class Asset:
    """An asset of one kind, its fields as the library shows them, and where it lives."""

    kind: Kind
    fields: dict[str, Any]
    uploaded_at: float
    task_id: str = field(default_factory=lambda: uuid4().hex[:24])
    place: Place = "library"
    renditions: list[dict[str, Any]] = field(default_factory=list)
    custom_fields: list[dict[str, Any]] = field(default_factory=custom_fields)
    uploaded: Content | None = None
    """The bytes that came through the Open API, if they did."""

    @property
    def id(self) -> str:
        """Tell the asset's id."""
        return str(self.fields["id"])


@dataclass
class PublishingEvent:
    """Assets that were published together, and what the destination reported about them."""

    id: str
    asset_ids: list[str] = field(default_factory=list)
    metadata: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class World:
    """Everything that the admin side sets up and the public side shows."""

    files_origin: str
    now: Callable[[], float] = time.time
    assets: dict[str, Asset] = field(default_factory=dict)
    events: dict[str, PublishingEvent] = field(default_factory=dict)
    folders: FolderTree = field(default_factory=FolderTree)
    _holders: dict[str, str] = field(default_factory=dict)  # of files: asset ids by file name

    def clear(self) -> None:
        """Forget every asset and every publishing event."""
        self.assets.clear()
        self.events.clear()
        self.folders.clear()
        self._holders.clear()

    def add(self, kind_name: str, overrides: dict[str, Any]) -> Asset:
        """Create a full asset of the kind, or put it in the place of the one with the same id."""
        kind = BY_NAME[kind_name]
        asset_id = str(overrides.get("id") or uuid4().hex)
        moment = iso(self.now())
        times = {"created_at": moment, "modified_at": moment}
        fields = {**sample(kind, asset_id, self.files_origin), **times, **self._located(overrides)}
        asset = Asset(kind, {**fields, "id": asset_id}, uploaded_at=self.now())
        self.assets[asset_id] = asset
        return self._indexed(asset)

    def change(self, asset_id: str, fields: dict[str, Any]) -> Asset:
        """Change fields of an asset; `modified_at` moves on unless it is among them."""
        asset = self.asset(asset_id)
        modified_at = later(asset.fields["modified_at"], self.now())
        asset.fields.update({"modified_at": modified_at, **self._located(fields), "id": asset_id})
        if CONTENT_FIELDS & fields.keys():
            asset.uploaded_at, asset.uploaded = self.now(), None
        return self._indexed(asset)

    def move(self, asset_id: str, place: Place) -> Asset:
        """Let an asset live elsewhere: in its task only, nowhere, or where nobody may read it."""
        asset = self.asset(asset_id)
        asset.place = place
        return asset

    def hand_over(self, asset_id: str, task_id: str) -> Asset:
        """Let an asset live in this task only."""
        asset = self.move(asset_id, "task")
        asset.task_id = task_id
        return asset

    def render(self, asset_id: str, wanted: list[dict[str, Any]]) -> Asset:
        """Let an asset have these renditions; `modified_at` stays."""
        asset, moment = self.asset(asset_id), iso(self.now())
        samples = (rendition(asset.fields, one["name"], self.files_origin) for one in wanted)
        times = {"created_at": moment, "modified_at": moment}
        own = {"original_asset_id": asset_id, "asset_type": asset.kind.name}
        asset.renditions = [
            {**sample, **times, **own, **one} for sample, one in zip(samples, wanted, strict=True)
        ]
        return self._indexed(asset)

    def asset(self, asset_id: str) -> Asset:
        """Find an asset wherever it lives, or raise UnknownAssetError."""
        if asset_id not in self.assets:
            raise UnknownAssetError(asset_id)
        return self.assets[asset_id]

    def own_file(self, asset_id: str) -> File | None:
        """Find the file that an asset is, unless the asset is deleted."""
        asset = self.assets.get(asset_id)
        if asset is None or asset.place == "deleted":
            return None
        return own_file(asset, self.files_origin)

    def file(self, name: str) -> File | None:
        """Find a file by the last part of its URL, unless its asset is deleted."""
        asset = self.assets.get(self._holders.get(name, ""))
        if asset is None or asset.place == "deleted":
            return None
        return next((one for one in self._files(asset) if one.name == name), None)

    def event(
        self, event_id: str | None, asset_ids: list[str], *, opening: bool
    ) -> PublishingEvent:
        """Find or open the publishing event of these assets.

        Without an id, an `opening` one (publish) is new; any other is the latest that holds all the
        assets, as in the documentation's examples.
        """
        found = None if opening or event_id else self._latest_event_of(asset_ids)
        event = found or self.events.setdefault(
            key := event_id or uuid4().hex, PublishingEvent(key)
        )
        event.asset_ids += [one for one in asset_ids if one not in event.asset_ids]
        return event

    def _located(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Say where an asset is of which only the folder is given."""
        if "folder_id" not in fields:
            return fields
        return {"file_location": self.folders.path(fields["folder_id"]), **fields}

    def _indexed(self, asset: Asset) -> Asset:
        self._holders |= {file.name: asset.id for file in self._files(asset)}
        return asset

    def _files(self, asset: Asset) -> Iterator[File]:
        return files_of(asset, self.files_origin)

    def _latest_event_of(self, asset_ids: list[str]) -> PublishingEvent | None:
        holding = (e for e in self.events.values() if set(asset_ids) <= set(e.asset_ids))
        return next(reversed(list(holding)), None)
