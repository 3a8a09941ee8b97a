"""Changes of what CMP tells of an asset: metadata that another system is the source of.

Labels are fields: CMP's older way to set them, as a change of the asset, is deprecated. Fields are
set one by one, since CMP's PUT of all fields takes away those that it does not name. Each request
sets what it names, so a repeated command does no harm.
"""

from dataclasses import dataclass

from cmp_relay import library
from cmp_relay.commands import CommandJob, UpdateAsset
from cmp_relay.desk import Desk
from cmp_relay.outcomes import Attempt, Ending


@dataclass(frozen=True, slots=True)
class AssetChanges:
    """Runs `update_asset`."""

    desk: Desk

    def run(self, job: CommandJob, _attempt: Attempt) -> Ending:
        """Change the asset (PATCH), then its fields (PUT /assets/{id}/fields/{field})."""
        asked = job.ready(UpdateAsset)
        base, quoted = self.desk.access.base.rstrip("/"), library.quoted(asked.asset_id)
        asset = f"{base}/{library.SEGMENTS[asked.asset_type]}/{quoted}"
        errand = bool(asked.changes) + len(asked.fields)
        with self.desk.at(f"change#{asked.asset_id}", errand) as api:
            if asked.changes:
                api.tell("PATCH", asset, asked.changes)
            for field in asked.fields:
                place = f"{base}/assets/{quoted}/fields/{library.quoted(field.id)}"
                api.tell("PUT", place, {"type": field.type, "values": field.values})
        return Ending("applied")
