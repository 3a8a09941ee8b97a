"""An external step of a task: what CMP delivers of it, and what its Open API shows."""

import json
from collections.abc import Mapping
from typing import Any

from cmp_relay.deliveries import Receipt
from cmp_relay.jobs import ExternalWorkJob, read_external_work_job
from tests.support import publish_jobs

TASK = f"{publish_jobs.API}/tasks/task-1"
ASSETS = f"{TASK}/assets"
SUB_STEP = f"{TASK}/steps/step-1/sub-steps/sub-1"
WORK = f"{SUB_STEP}/external-work"
COMMENTS = f"{SUB_STEP}/comments"
COMMENT = f"{COMMENTS}/comment-1"
RESOURCES: Mapping[str, Mapping[str, Any]] = {
    SUB_STEP: {
        "id": "sub-1",
        "title": "Legal review",
        "assignee_id": "user-1",
        "assignee_type": "user",
        "is_completed": False,
        "is_in_progress": True,
        "is_skipped": False,
        "is_external": True,
        "links": {"self": SUB_STEP, "task": TASK, "external_work": WORK, "assignee": None},
    },
    WORK: {
        "identifier": "LAW-7",
        "title": "Review the picture",
        "status": "Open",
        "url": "https://tickets.example.com/LAW-7",
        "external_system": "Jira",
        "links": {"self": WORK},
    },
    TASK: {
        "id": "task-1",
        "title": "Summer campaign",
        "reference_id": "TSK-1",
        "status": "In Progress",
        "start_at": "2026-11-20T00:00:00Z",
        "due_at": "2026-12-01T00:00:00Z",
        "campaign_id": "campaign-1",
        "labels": [{"group": {"id": "g", "name": "Market"}, "values": [{"id": "v", "name": "DE"}]}],
        "steps": [
            {"id": "step-0", "title": "Draft", "due_at": None, "sub_steps": []},
            {"id": "step-1", "title": "Approval", "due_at": "2026-11-25T00:00:00Z"},
        ],
        "links": {"self": TASK, "web_urls": {"self": "https://app.example.com/tasks/task-1"}},
    },
    ASSETS: {
        "data": [
            {
                "id": "image-1",
                "type": "image",
                "title": "Beach",
                "links": {
                    "self": f"{TASK}/images/image-1",
                    "web_urls": {"self": "https://app.example.com/images/image-1"},
                },
            }
        ],
        "pagination": {"next": None, "previous": None},
    },
    COMMENT: {
        "id": "comment-1",
        "value": "Is the model's consent there?",
        "is_resolved": False,
        "created_at": "2026-11-21T11:59:00Z",
        "modified_at": "2026-11-21T11:59:00Z",
        "attachments": [],
        "links": {"self": COMMENT, "comment_by": f"{publish_jobs.API}/users/user-2"},
    },
}


def body(event_name: str, comment_id: str = "comment-1") -> bytes:
    """Return what CMP sends of an event of the step, or of a comment on it (facts.md 2.5)."""
    data: dict[str, Any] = {
        "task": {"id": "task-1", "links": {"self": TASK, "assets": ASSETS}},
        "step": {"id": "step-1", "links": {"task": TASK}},
        "sub_step": {"id": "sub-1", "links": {"self": SUB_STEP, "external_work": WORK}},
    }
    if "_comment_" in event_name:
        data["sub_step"]["links"]["comments"] = COMMENTS
        links = {} if event_name.endswith("_removed") else {"self": f"{COMMENTS}/{comment_id}"}
        data["comment"] = {"id": comment_id, "links": links}
    else:
        data["external_work"] = {"external_system": "Jira", "links": {"self": WORK}}
    return json.dumps({"event_name": event_name, "data": data}).encode()


def job(event_name: str, of: Receipt | None = None) -> ExternalWorkJob:
    """Return the job of an event."""
    (message,) = publish_jobs.jobs(body(event_name), of or publish_jobs.receipt())
    return read_external_work_job(message)
