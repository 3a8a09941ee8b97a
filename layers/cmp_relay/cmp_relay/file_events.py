"""The event of an asset's files: where they are, what they are, and where their copies are."""

import json
from typing import Any

from cmp_relay import times
from cmp_relay.catalogue import Announcement, AssetState
from cmp_relay.files import FilesState
from cmp_relay.jobs import FileJob

FILES_CHANGED = "AssetFilesChanged"
LARGEST_DETAIL = 100 * 1024
"""Bytes: until the bus has it, the event shares an item of 400 KB with the files themselves."""


def compose(job: FileJob, asset: AssetState, state: FilesState, *, bucket: str) -> Announcement:
    """Compose the event of a change of an asset's files."""
    detail: dict[str, Any] = {
        "schema": 1,
        "id": job.job_id,
        "sequence": state.sequence,
        "received_at": times.iso(job.received_at),
        "asset": {
            "id": asset.asset_id,
            "type": asset.type,
            "title": asset.title,
            "library": asset.library,
            "published": asset.published,
        },
        "organization": {"id": job.organization_id},
        "details": asset.details_key and {"bucket": bucket, "key": asset.details_key},
        "files": [
            {
                "slot": slot,
                "version": file.version,
                "mime_type": file.stored.mime_type,
                "size": file.stored.size,
                "checksum": file.stored.checksum,
                "object": {"bucket": bucket, "key": file.stored.key},
                "copy": file.copy and {"bucket": file.copy.bucket, "key": file.copy.key},
            }
            for slot, file in sorted(state.files.items())
        ],
    }
    text = json.dumps(detail)
    if len(text) > LARGEST_DETAIL:
        # An article of hundreds of images: the catalogue has them all.
        text = json.dumps({**detail, "files": None})
    return Announcement(job.job_id, FILES_CHANGED, text)
