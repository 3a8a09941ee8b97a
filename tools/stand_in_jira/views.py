"""What Jira shows: issues and comments, in its REST API and, a little otherwise, in webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.stand_in_jira.documents import said
from tools.stand_in_jira.issues import WORKFLOW, Comment, Issue, Person, Status, moment

if TYPE_CHECKING:
    from collections.abc import Collection

API = "/rest/api/3"
COMMENT_FIELDS = ("summary", "issuetype", "project", "assignee", "priority", "status")
"""What a webhook of a comment shows of its issue: no labels among it."""


def issue(base: str, one: Issue, names: Collection[str] | None = None) -> dict[str, Any]:
    """Show an issue with these fields, with all for None."""
    shown = fields(one)
    if names is not None:
        shown = {name: value for name, value in shown.items() if name in names}
    return {"id": one.id, "key": one.key, "self": f"{base}{API}/issue/{one.id}", "fields": shown}


def fields(one: Issue) -> dict[str, Any]:
    """Show all fields of an issue."""
    resolution = one.status.resolution
    return {
        **one.fields,
        "status": status(one.status),
        "resolution": {"name": resolution} if resolution else None,
        "created": moment(one.created),
        "assignee": None,
        "priority": {"name": "Medium"},
    }


def status(one: Status) -> dict[str, Any]:
    """Show a status with its category."""
    return {"id": one.id, "name": one.name, "statusCategory": {"key": one.category}}


def person(one: Person) -> dict[str, Any]:
    """Show a person."""
    return {"accountId": one.account_id, "displayName": one.name, "active": True}


def comment(base: str, issue_id: str, one: Comment) -> dict[str, Any]:
    """Show a comment as the REST API does."""
    shown = {
        "self": f"{base}{API}/issue/{issue_id}/comment/{one.id}",
        "id": one.id,
        "author": person(one.author),
        "body": one.body,
        "updateAuthor": person(one.author),
        "created": moment(one.created),
        "updated": moment(one.created),
        "jsdPublic": True,
    }
    return {**shown, "visibility": one.visibility} if one.visibility else shown


def told_comment(base: str, issue_id: str, one: Comment) -> dict[str, Any]:
    """Show a comment as webhooks do: its body is a text there."""
    return {**comment(base, issue_id, one), "body": said(one.body).strip()}


def transitions() -> list[dict[str, Any]]:
    """Show every transition."""
    return [
        {"id": key, "name": one.name, "to": status(one), "isAvailable": True}
        for key, one in WORKFLOW.items()
    ]
