"""New versions of assets that another system has made: an object of ours, added to CMP's asset."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cmp_relay import library
from cmp_relay.commands import AddVersion, CommandJob
from cmp_relay.desk import Desk
from cmp_relay.fields import identifier
from cmp_relay.open_api import OpenApi
from cmp_relay.outcomes import Attempt, Ending
from cmp_relay.upload_notes import UploadNotes
from cmp_relay.uploads import Uploads

ERRAND = 3


@dataclass(frozen=True, slots=True)
class AssetVersions:
    """Runs `add_version`."""

    desk: Desk
    uploads: Uploads
    notes: UploadNotes

    def run(self, job: CommandJob, _attempt: Attempt) -> Ending:
        """Upload the object and add it as a version, unless CMP has it by now (facts.md 7)."""
        asked = job.ready(AddVersion)
        size = self.uploads.size(asked.key)
        with self.desk.at(f"change#{asked.asset_id}", ERRAND) as api:
            before = self.notes.before(job.command_id)
            asset = api.get(self._asset(asked))
            if before is not None and _is_added(asset, before, size):
                return Ending("applied", result={"version": _version(asset)})
            self.notes.note(job.command_id, _version(asset))
            return Ending("applied", result=self._add(api, asked))

    def _add(self, api: OpenApi, asked: AddVersion) -> Mapping[str, Any]:
        key = self.uploads.send(api, asked.key)
        link = f"{self._base()}/assets/{library.quoted(asked.asset_id)}/versions"
        answer = api.tell("POST", link, {"key": key, "title": asked.title})
        return {"version": _version(answer)}

    def _asset(self, asked: AddVersion) -> str:
        segment = library.SEGMENTS[asked.asset_type]
        return f"{self._base()}/{segment}/{library.quoted(asked.asset_id)}"

    def _base(self) -> str:
        return self.desk.access.base.rstrip("/")


def _is_added(asset: Mapping[str, Any], before: str, size: int) -> bool:
    """Tell whether the asset's newest version is the one that was to be added.

    Its title says nothing: whether that becomes the asset's is not documented.
    """
    return _version(asset) != before and asset.get("file_size") == size


def _version(asset: Mapping[str, Any]) -> str:
    return identifier(asset.get("version_number")) or "-"
