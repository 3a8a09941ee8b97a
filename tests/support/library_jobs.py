"""Library deliveries as CMP sends them, and the jobs that the receiver makes of them."""

import json

from cmp_relay.deliveries import Receipt
from cmp_relay.jobs import LibraryJob, read_library_job
from tests.support import publish_jobs
from tests.support.publish_jobs import link, receipt

ORGANIZATION = "organization-1"


def body(event_name: str, asset_id: str = "image-1", **fields: object) -> bytes:
    """Return the body of a delivery of an image; a removal brings no link."""
    told: dict[str, object] = {
        "id": asset_id,
        "owner_organization_id": ORGANIZATION,
        "type": "image",
    }
    if event_name != "asset_removed":
        told["links"] = {"self": link(asset_id)}
    return json.dumps({"event_name": event_name, "data": {"asset": {**told, **fields}}}).encode()


def message(event_name: str, of: Receipt | None = None, **fields: object) -> str:
    """Return the queue message that the receiver makes of a delivery."""
    (found,) = publish_jobs.jobs(body(event_name, **fields), of or receipt())  # type: ignore[arg-type]
    return found


def job(event_name: str, of: Receipt | None = None, **fields: object) -> LibraryJob:
    """Return the job of a delivery."""
    return read_library_job(message(event_name, of, **fields))
