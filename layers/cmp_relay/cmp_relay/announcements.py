"""The events on the bus: what a consumer is told of an asset, ready to be put and put again.

`detail.id` is the same in every repetition of an event; `detail.sequence` grows with every change
of the asset, so that a consumer can drop what is older than what it has seen. Never `html_body`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cmp_relay import times
from cmp_relay.catalogue import Announcement, AssetState, PublicationState
from cmp_relay.jobs import Job, LibraryJob, PublishJob
from cmp_relay.library import REMOVED

LARGEST_DETAIL = 200 * 1024  # bytes; EventBridge takes 256 KiB for a whole request
DETAIL_TYPES = {
    "asset_published": "AssetPublished",
    "asset_synced": "AssetSynced",
    "asset_unpublished": "AssetUnpublished",
}
LIBRARY_CHANGED = "LibraryAssetChanged"
LIBRARY_REMOVED = "LibraryAssetRemoved"


def compose(
    job: PublishJob,
    asset: AssetState,
    publication: PublicationState,
    *,
    bucket: str,
    labels: object,
    ended: Sequence[str],
    event_name: str,
) -> Announcement:
    """Compose the event of one change; `ended` are the publishing events that it closed."""
    detail: dict[str, Any] = {
        "schema": 1,
        "id": job.job_id,
        "sequence": publication.sequence,
        "channel": job.channel,
        "received_at": times.iso(job.received_at),
        "asset": {
            "id": asset.asset_id,
            "type": asset.type,
            "title": asset.title,
            "modified_at": None if asset.modified_at is None else times.iso(asset.modified_at),
            "published": asset.published,
            "labels": labels,
            "link": job.asset.href,
        },
        "publishing_event": {
            "id": job.publishing_event.id,
            "link": job.publishing_event.href,
            "publishing_metadata_link": job.publishing_event.metadata_href,
        },
        "ended": list(ended),
        "organization": {"id": job.organization_id},
        "triggered_from": _source(job),
        "details_source": asset.details_source,
        "details": _place(bucket, asset.details_key),
        "entry": _place(bucket, publication.entry_key),
        "delivery": {"id": job.delivery_id, "archive_key": job.archive_key},
    }
    text = json.dumps(detail)
    if len(text) > LARGEST_DETAIL:
        text = json.dumps(_truncated(detail, job))
    return Announcement(job.job_id, DETAIL_TYPES[event_name], text)


def compose_library(
    job: LibraryJob, asset: AssetState, *, bucket: str, labels: object
) -> Announcement:
    """Compose the event of a change in CMP's library."""
    detail: dict[str, Any] = {
        "schema": 1,
        "id": job.job_id,
        "sequence": asset.library_sequence,
        "channel": job.channel,
        "received_at": times.iso(job.received_at),
        "asset": {
            "id": asset.asset_id,
            "type": asset.type,
            "title": asset.title,
            "modified_at": None if asset.modified_at is None else times.iso(asset.modified_at),
            "version": asset.version,
            "library": asset.library,
            "published": asset.published,
            "expires_at": None if asset.expires_at is None else times.iso(asset.expires_at),
            "expired": asset.expired,
            "labels": labels,
            "link": job.asset.href or asset.href,
        },
        "organization": {"id": job.organization_id},
        "details_source": asset.details_source,
        "details": _place(bucket, asset.details_key),
        "delivery": _delivery(job),
    }
    text = json.dumps(detail)
    if len(text) > LARGEST_DETAIL:
        bare = {**detail["asset"], "title": None, "labels": None, "link": None}
        text = json.dumps({**detail, "asset": bare, "truncated": _archived(job)})
    detail_type = LIBRARY_REMOVED if asset.library == REMOVED else LIBRARY_CHANGED
    return Announcement(job.job_id, detail_type, text)


def as_text(detail: object) -> str | None:
    """Write a detail, or a part of one, as JSON; None if the bus would not take it."""
    try:
        text = json.dumps(detail)
    except RecursionError:  # nested so deep that it could be read, but cannot be written
        return None
    return text if len(text) <= LARGEST_DETAIL else None


def _truncated(detail: dict[str, Any], job: PublishJob) -> dict[str, Any]:
    """Leave out whatever has no limit of its own, and say where it is archived.

    An event that the bus never takes would hold up everything that comes after it.
    """
    return {
        **detail,
        "asset": {**detail["asset"], "title": None, "labels": None, "link": None},
        "publishing_event": {
            "id": job.publishing_event.id,
            "link": None,
            "publishing_metadata_link": None,
        },
        "ended": [],
        "triggered_from": None,
        "truncated": _archived(job),
    }


def _delivery(job: Job) -> dict[str, str | None] | None:
    """Name the delivery that told of it, None if the relay found out by itself."""
    if not job.is_delivered:
        return None
    return {"id": job.delivery_id, "archive_key": job.archive_key}


def _archived(job: Job) -> dict[str, str | None]:
    return {"archive_key": job.archive_key, "pointer": job.entry}


def _source(job: PublishJob) -> dict[str, str | None] | None:
    source = job.triggered_from
    if source is None:
        return None
    return {"id": source.id, "source_type": source.source_type, "link": source.href}


def _place(bucket: str, key: str | None) -> Mapping[str, str] | None:
    return None if key is None else {"bucket": bucket, "key": key}
