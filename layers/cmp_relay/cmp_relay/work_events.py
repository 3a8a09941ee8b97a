"""The events of external steps: all that a ticket in another system needs, and how to answer CMP.

The links are those that commands take (`commands`): complete a sub-step by its own, link a ticket
by the external work's, comment by that of the comments.
"""

import json
from collections.abc import Mapping
from typing import Any

from cmp_relay import file_urls, library, times
from cmp_relay.announcements import LARGEST_DETAIL
from cmp_relay.catalogue import Announcement
from cmp_relay.fields import at, identifier, text
from cmp_relay.jobs import ExternalWorkJob
from cmp_relay.work_views import Body, WorkView

DETAIL_TYPES = {
    "external_sub_step_started": "ExternalWorkStarted",
    "external_sub_step_modified": "ExternalWorkModified",
    "external_sub_step_completed": "ExternalWorkCompleted",
    "external_sub_step_comment_added": "ExternalWorkCommentAdded",
    "external_sub_step_comment_modified": "ExternalWorkCommentModified",
    "external_sub_step_comment_removed": "ExternalWorkCommentRemoved",
}
FLAGS = ("is_completed", "is_in_progress", "is_skipped", "is_external")
OF_WORK = ("identifier", "title", "status", "url")
FREE = {
    "task": ("title", "status", "labels", "web_url"),
    "step": ("title",),
    "sub_step": ("title",),
    "external_work": OF_WORK,
    "comment": ("value",),
}
"""What people or CMP write, which has no limit that we know."""

Facts = dict[str, Any]


def facts(job: ExternalWorkJob, view: WorkView) -> Facts:
    """Return what is told of an event but its circumstances."""
    told: Facts = {
        "task": _task(job, view.task),
        "step": _step(job, view.task),
        "sub_step": _sub_step(job, view.sub_step),
        "external_work": _external_work(job, view.external_work),
        "assets": None if view.assets is None else [_asset(row) for row in view.assets],
    }
    if job.comment:
        told["comment"] = {"id": job.comment.id, **(view.comment or comment({}))}
    return told


def comment(body: Body) -> dict[str, Any]:
    """Return what is told of a comment that CMP shows but its id; links to files lose tokens."""
    value: str | None = file_urls.cleared(json.dumps(text(body.get("value"))))
    return {
        "value": value,
        "author_link": text(at(body, "links", "comment_by")),
        "created_at": _moment(body.get("created_at")),
        "modified_at": _moment(body.get("modified_at")),
        "link": text(at(body, "links", "self")),
    }


def fingerprint(told: Facts) -> str:
    """Return what changes whenever there is something new to hear of a sub-step, or a comment."""
    return library.fingerprint(told.get("comment", told))


def beside_assignee(told: Facts) -> str:
    """Return what changes with all that a modification may be about but the assignee.

    That is the due date (facts.md 2.5); of the titles it is not known.
    """
    return library.fingerprint(told["step"], told["sub_step"]["title"])


def compose(job: ExternalWorkJob, told: Facts, *, sequence: int, found: bool) -> Announcement:
    """Compose the event of a job; what is too large for the bus stays in CMP."""
    detail: dict[str, Any] = {
        "schema": 1,
        "id": job.job_id,
        "sequence": sequence,
        "channel": job.channel,
        "received_at": times.iso(job.received_at),
        "organization": {"id": job.organization_id},
        "found": found,
        **told,
        "delivery": {"id": job.delivery_id, "archive_key": job.archive_key},
    }
    place = {"archive_key": job.archive_key, "pointer": job.entry}
    if not _fits(detail):
        detail |= {"assets": None, "truncated": place}
    if not _fits(detail):
        detail |= {part: _bare(detail[part], free) for part, free in FREE.items() if part in told}
    return Announcement(job.job_id, DETAIL_TYPES[job.event_name], json.dumps(detail))


def _fits(detail: Mapping[str, Any]) -> bool:
    return len(json.dumps(detail)) <= LARGEST_DETAIL


def _bare(part: Mapping[str, Any], free: tuple[str, ...]) -> dict[str, Any]:
    return {**part, **dict.fromkeys(free)}


def _task(job: ExternalWorkJob, body: Body | None) -> Facts:
    return {
        "id": job.task.id,
        "title": text(at(body, "title")),
        "reference_id": identifier(at(body, "reference_id")),
        "status": text(at(body, "status")),
        "start_at": _moment(at(body, "start_at")),
        "due_at": _moment(at(body, "due_at")),
        "campaign_id": identifier(at(body, "campaign_id")),
        "labels": at(body, "labels"),
        "link": job.task.href,
        "web_url": text(at(body, "links", "web_urls", "self")),
    }


def _step(job: ExternalWorkJob, task: Body | None) -> Facts:
    """Return the step, which CMP shows as a part of its task alone (facts.md 2.5)."""
    step_id = job.step.id if job.step else None
    steps = at(task, "steps")
    rows = steps if isinstance(steps, list) else []
    body = next((row for row in rows if step_id and at(row, "id") == step_id), None)
    return {
        "id": step_id,
        "title": text(at(body, "title")),
        "due_at": _moment(at(body, "due_at")),
    }


def _sub_step(job: ExternalWorkJob, body: Body | None) -> Facts:
    link = job.sub_step.href
    return {
        "id": job.sub_step.id,
        "title": text(at(body, "title")),
        "assignee_id": identifier(at(body, "assignee_id")),
        "assignee_type": text(at(body, "assignee_type")),
        **{flag: _flag(at(body, flag)) for flag in FLAGS},
        "link": link,
        "comments_link": comments_link(job),
    }


def comments_link(job: ExternalWorkJob) -> str | None:
    """Return where the comments are; CMP leaves that out of some events, but documents it."""
    link = job.sub_step.href
    return job.sub_step.comments_href or (f"{link}/comments" if link else None)


def _external_work(job: ExternalWorkJob, body: Body | None) -> Facts:
    delivered = job.external_work.external_system if job.external_work else None
    return {
        "external_system": text(at(body, "external_system")) or delivered,
        **{name: text(at(body, name)) for name in OF_WORK},
        "link": job.sub_step.external_work_href,
    }


def _asset(row: Body) -> Facts:
    return {
        "id": identifier(row.get("id")),
        "type": text(row.get("type")),
        "title": text(row.get("title")),
        "link": text(at(row, "links", "self")),
        "web_url": text(at(row, "links", "web_urls", "self")),
    }


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _moment(value: object) -> str | None:
    moment = times.read(value)
    return None if moment is None else times.iso(moment)
