"""The assets of CMP's library, for people and programs (facts.md 7)."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cmp_relay import library
from cmp_relay.endpoint import Endpoint
from cmp_relay.fields import without_none
from cmp_relay.file_uploads import FileUploads, Progress, unheard
from cmp_relay.listing import PAGE_SIZE
from cmp_relay.pages import Row

CHANGEABLE = ("image", "video", "raw_file")
"""Kinds that CMP lets a program make, change and add versions to; articles can only be read."""
LONGEST_TITLE = 100

Wanted = Mapping[str, Sequence[str]]
"""Ids of values by the id of their label group, or of their field."""


@dataclass(frozen=True, slots=True)
class Assets:
    """Lists, reads, makes and changes assets; their kinds are those of `library.SEGMENTS`."""

    endpoint: Endpoint
    uploads: FileUploads

    def list(
        self,
        *,
        kinds: Sequence[str] = (),
        labels: Wanted | None = None,
        fields: Wanted | None = None,
        created_from: datetime | None = None,
        created_to: datetime | None = None,
        modified_from: datetime | None = None,
        modified_to: datetime | None = None,
        folder_id: str | None = None,
        subfolders: bool = True,
        text: str | None = None,
        campaign_id: str | None = None,
    ) -> Iterator[Row]:
        """Yield the assets that fit, the latest change first: CMP has no other order.

        Moments need a zone. Labels and fields that CMP does not know are ignored by it.
        """
        link = self.endpoint.link(
            "assets",
            type=[*kinds] or None,
            label=_as_labels(labels) if labels else None,
            fields=_as_fields(fields) if fields else None,
            created_at__from=created_from,
            created_at__to=created_to,
            modified_at__from=modified_from,
            modified_at__to=modified_to,
            folder_id=folder_id,
            include_subfolder_assets=None if subfolders else False,
            search_text=text,
            campaign_id=campaign_id,
            page_size=PAGE_SIZE,
        )
        return self.endpoint.rows(link)

    def get(self, kind: str, asset_id: str) -> Mapping[str, Any]:
        """Return an asset of a known kind; raises ValueError for a kind that CMP does not have."""
        return self.endpoint.get(self._link(kind, asset_id))

    def find(self, asset_id: str) -> Mapping[str, Any]:
        """Return an asset of an unknown kind, from the library or the task that it lives in."""
        location = self.endpoint.ask(lambda api: api.locate(asset_id))
        return self.endpoint.get(location.href)

    def upload(
        self,
        path: Path,
        title: str | None = None,
        *,
        folder_id: str | None = None,
        sent: Progress = unheard,
    ) -> Mapping[str, Any]:
        """Make an asset of a file: image, video or raw file, as CMP takes its content to be.

        After UnavailableError look first whether it is there: CMP makes another one each time.
        """
        key = self.uploads.send(path, sent)
        body = without_none(key=key, title=title or _title(path), folder_id=folder_id)
        return self.endpoint.tell("POST", self.endpoint.link("assets"), body)

    def add_version(
        self, asset_id: str, path: Path, title: str | None = None, *, sent: Progress = unheard
    ) -> Mapping[str, Any]:
        """Make a file the newest version of an asset of its kind; see `upload` for errors."""
        body = {"key": self.uploads.send(path, sent), "title": title or _title(path)}
        link = self.endpoint.link("assets", asset_id, "versions")
        return self.endpoint.tell("POST", link, body)

    def update(self, kind: str, asset_id: str, changes: Mapping[str, object]) -> Mapping[str, Any]:
        """Change what CMP tells of an image, video or raw file; raises ValueError for others."""
        if kind not in CHANGEABLE:
            raise ValueError(f"only {', '.join(CHANGEABLE)} can be changed, no {kind}")
        return self.endpoint.tell("PATCH", self._link(kind, asset_id), changes)

    def fields(self, asset_id: str) -> Iterator[Row]:
        """Yield the fields that the organization adds to an asset (Experimental)."""
        return self.endpoint.rows(
            self.endpoint.link("assets", asset_id, "fields", page_size=PAGE_SIZE)
        )

    def set_field(
        self, asset_id: str, field_id: str, field_type: str, values: Sequence[str | float]
    ) -> Mapping[str, Any]:
        """Set one field, labels among them, and leave the others (Experimental)."""
        link = self.endpoint.link("assets", asset_id, "fields", field_id)
        return self.endpoint.tell("PUT", link, {"type": field_type, "values": [*values]})

    def _link(self, kind: str, asset_id: str) -> str:
        if kind not in library.SEGMENTS:
            raise ValueError(f"no kind of asset: {kind}")
        return self.endpoint.link(library.SEGMENTS[kind], asset_id)


def _title(path: Path) -> str:
    return path.name[:LONGEST_TITLE]


def _as_labels(wanted: Wanted) -> Sequence[str]:
    """Write label groups as CMP reads them: each a parameter that holds JSON."""
    return [json.dumps({"group": group, "values": [*ids]}) for group, ids in wanted.items()]


def _as_fields(wanted: Wanted) -> str:
    """Write fields as CMP reads them: one parameter with all of them, JSON in base64."""
    fields = [{"id": field_id, "values": [*ids]} for field_id, ids in wanted.items()]
    return b64encode(json.dumps(fields).encode()).decode()
