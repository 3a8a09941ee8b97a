"""The event of whatever CMP told that has no worker of its own: its data as they were received."""

import json
from typing import Any

from cmp_relay import times
from cmp_relay.announcements import as_text
from cmp_relay.catalogue import Announcement
from cmp_relay.jobs import OtherEventJob
from cmp_relay.resource_table import TOO_LARGE, Resource

CMP_EVENT = "CmpEvent"


def compose(job: OtherEventJob, data: object, resource: Resource) -> Announcement:
    """Compose the event of a job; data that are too large stay where they are archived."""
    began_at = resource.began_at
    detail: dict[str, Any] = {
        "schema": 1,
        "id": job.job_id,
        "event_name": job.event_name,
        "organization": {"id": job.organization_id},
        "channel": job.channel,
        "received_at": times.iso(job.received_at),
        "data": data,
        "resource": None,
        "resource_asked_at": None if began_at is None else times.iso(began_at),
        "resource_error": resource.error,
        "delivery": {"id": job.delivery_id, "archive_key": job.archive_key},
    }
    if as_text(detail) is None:
        place = {"archive_key": job.archive_key, "pointer": job.entry}
        detail |= {"data": None, "truncated": place}
    text = as_text(detail | {"resource": resource.body})
    return Announcement(
        job.job_id, CMP_EVENT, text or json.dumps(detail | {"resource_error": TOO_LARGE})
    )
