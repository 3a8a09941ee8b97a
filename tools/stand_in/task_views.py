"""How tasks, sub-steps, external work and comments are shown (official specification)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.stand_in.samples import LABELS
from tools.stand_in.tasks import CAMPAIGN, DUE_AT

if TYPE_CHECKING:
    from tools.stand_in.tasks import Comment, Step, SubStep, Task


def task_url(task_id: str, base: str) -> str:
    """Tell where a task is shown."""
    return f"{base}/v3/tasks/{task_id}"


def sub_step_url(sub_step: SubStep, base: str) -> str:
    """Tell where a sub-step is shown; its external work and its comments are below that."""
    own = f"/steps/{sub_step.step_id}/sub-steps/{sub_step.id}"
    return task_url(sub_step.task_id, base) + own


def comment_url(sub_step: SubStep, comment: Comment, base: str) -> str:
    """Tell where a comment is shown."""
    return f"{sub_step_url(sub_step, base)}/comments/{comment.id}"


def shown_task(task: Task, base: str) -> dict[str, Any]:
    """Show a task with its whole workflow."""
    url = task_url(task.id, base)
    is_completed = all(step.is_completed for step in task.steps)
    shown = {
        "id": task.id,
        "title": task.title,
        "reference_id": f"T-{task.id[:6]}",
        "campaign_id": CAMPAIGN,
        "milestone_id": None,
        "workflow_id": "5e3c6c5d8f1c1c0009571001",
        "status": "Completed" if is_completed else "In Progress",
        "is_completed": is_completed,
        "is_archived": False,
        "start_at": "2026-11-01T09:00:00Z",
        "due_at": DUE_AT,
        "modified_at": task.modified_at,
        "labels": LABELS,
        "steps": [_step(step, base) for step in task.steps],
        "links": {
            "self": url,
            "assets": f"{url}/assets",
            "attachments": f"{url}/attachments",
            "brief": f"{url}/brief",
            "campaign": f"{base}/v3/campaigns/{CAMPAIGN}",
            "custom_fields": f"{url}/custom-fields",
            "milestone": None,
            "web_urls": {"self": f"{base}/cloud/tasks/{task.id}", "brief": f"{base}/cloud/brief"},
        },
    }
    return {**shown, **task.fields}


def shown_in_list(task: Task, base: str) -> dict[str, Any]:
    """Show a task in short, as the list of tasks does."""
    shown = shown_task(task, base)
    links = {name: shown["links"][name] for name in ("self", "campaign", "milestone")}
    workflow = f"{base}/v3/workflows/{shown['workflow_id']}"
    web_urls = {"self": shown["links"]["web_urls"]["self"]}
    listed = {name: value for name, value in shown.items() if name not in ("labels", "steps")}
    return {**listed, "links": {**links, "workflow": workflow, "web_urls": web_urls}}


def shown_sub_step(sub_step: SubStep, base: str) -> dict[str, Any]:
    """Show a sub-step."""
    url, assignee = sub_step_url(sub_step, base), sub_step.assignee_id
    return {
        "id": sub_step.id,
        "title": sub_step.title,
        "assignee_id": assignee,
        "assignee_type": sub_step.assignee_type,
        "is_completed": sub_step.state == "completed",
        "is_in_progress": sub_step.state == "in_progress",
        "is_skipped": sub_step.state == "skipped",
        "is_external": sub_step.external is not None,
        "links": {
            "self": url,
            "task": task_url(sub_step.task_id, base),
            "external_work": f"{url}/external-work" if sub_step.external else None,
            "assignee": f"{base}/v3/{sub_step.assignee_type}s/{assignee}" if assignee else None,
        },
    }


def shown_external_work(sub_step: SubStep, base: str) -> dict[str, Any]:
    """Show the external work of a sub-step that has one."""
    work = sub_step.external
    told = {"external_system": work.system, **work.told} if work else {}
    return {**told, "links": {"self": f"{sub_step_url(sub_step, base)}/external-work"}}


def shown_comment(sub_step: SubStep, comment: Comment, base: str) -> dict[str, Any]:
    """Show a comment; what it answers is not shown."""
    return {
        "id": comment.id,
        "value": comment.value,
        "is_resolved": False,
        "created_at": comment.created_at,
        "modified_at": comment.modified_at,
        "attachments": [
            {"id": name, "name": name, "url": f"{base}/attachments/{name}?token=of-{comment.id}"}
            for name in comment.attachments
        ],
        "links": {
            "self": comment_url(sub_step, comment, base),
            "comment_by": f"{base}/v3/users/{comment.user_id}",
            "task": task_url(sub_step.task_id, base),
            "sub_step": sub_step_url(sub_step, base),
        },
    }


def _step(step: Step, base: str) -> dict[str, Any]:
    return {
        "id": step.id,
        "title": step.title,
        "description": None,
        "due_at": step.due_at,
        "is_completed": step.is_completed,
        "sub_steps": [shown_sub_step(one, base) for one in step.sub_steps],
    }
