"""Publish deliveries as CMP sends them, and the jobs that the receiver makes of them."""

import json
from typing import Any

from cmp_relay import archive, deliveries
from cmp_relay.deliveries import Receipt
from cmp_relay.jobs import PublishJob, read_publish_job
from tests.support.clock import NOON

API = "https://api.cmp.optimizely.com/v3"


def link(asset_id: str) -> str:
    """Return the link that CMP gives an image."""
    return f"{API}/images/{asset_id}"


def entry(asset_id: str = "image-1", **fields: object) -> dict[str, Any]:
    """Return an image as a publish delivery names it."""
    return {
        "id": asset_id,
        "title": f"Delivered {asset_id}",
        "modified_at": "2026-11-21T11:00:00Z",
        "labels": [{"group": {"id": "1", "name": "Season"}, "values": [{"id": "2", "name": "x"}]}],
        "links": {"self": link(asset_id)},
        **fields,
    }


def body(event_name: str, entries: list[dict[str, Any]], event_id: str = "event-1") -> bytes:
    """Return the body of a delivery of images."""
    data = {
        "assets": {"images": entries},
        "publishing_event": {
            "id": event_id,
            "links": {
                "self": f"{API}/publishing-events/{event_id}",
                "publishing_metadata": f"{API}/publishing-events/{event_id}/publishing-metadata",
            },
        },
        "triggered_from": {
            "id": "task-1",
            "source_type": "task",
            "links": {"self": f"{API}/tasks/task-1"},
        },
        "organization": {"id": "organization-1"},
    }
    return json.dumps({"event_name": event_name, "data": data}).encode()


def receipt(
    delivery_id: str = "delivery-1", received_at: int = NOON, channel: str = "default"
) -> Receipt:
    """Return what the receiver notes of a delivery."""
    return Receipt(delivery_id, received_at, channel, archive.key(delivery_id, received_at))


def jobs(raw: bytes, of: Receipt) -> list[str]:
    """Return the queue messages that the receiver makes of a delivery."""
    split = deliveries.split(deliveries.read(raw), of)
    assert not split.problems
    return [json.dumps(job) for job in split.jobs]


def job(
    event_name: str = "asset_published", of: Receipt | None = None, **fields: object
) -> PublishJob:
    """Return the job of one image; `fields` are those of its entry."""
    (message,) = jobs(body(event_name, [entry(**fields)]), of or receipt())  # type: ignore[arg-type]
    return read_publish_job(message)
