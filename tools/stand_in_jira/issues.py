"""What the stand-in's Jira holds: one project's issues with their comments and history.

Statuses and resolutions are those of a small workflow; ids are numbers, as Jira's are.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROJECT = "CMP"
ISSUE_TYPES = ("Task", "Bug")
FIRST = 10_000


class UnknownError(Exception):
    """There is no such issue, comment or transition."""


class Status(NamedTuple):
    """A status, its category, and the resolution that an issue gets there."""

    id: str
    name: str
    category: str
    resolution: str | None = None


WORKFLOW = {
    "11": Status("10000", "To Do", "new"),
    "21": Status("10001", "In Progress", "indeterminate"),
    "31": Status("10002", "Done", "done", "Done"),
    "41": Status("10003", "Rejected", "done", "Won't Do"),
}
"""Statuses by the id of the transition that leads there, from every other."""


class Person(NamedTuple):
    """Somebody with an account."""

    account_id: str
    name: str


RELAY = Person("5b10a2844c20165700ede21g", "CMP Relay")


@dataclass
class Comment:
    """A comment; `body` is a document, `visibility` the group that it is for."""

    id: str
    body: Any
    author: Person
    created: float
    visibility: dict[str, str] | None = None


class Change(NamedTuple):
    """One entry of an issue's history."""

    id: str
    items: list[dict[str, Any]]


@dataclass
class Issue:
    """An issue; `fields` are those that were given when it was opened."""

    id: str
    key: str
    fields: dict[str, Any]
    created: float
    status: Status = WORKFLOW["11"]
    comments: dict[str, Comment] = field(default_factory=dict)


@dataclass
class Issues:
    """All issues; `index_seconds` is how late a search sees what was opened."""

    now: Callable[[], float] = time.time
    index_seconds: float = 1.0
    issues: dict[str, Issue] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(FIRST))

    def clear(self) -> None:
        """Forget every issue."""
        self.issues.clear()
        self.index_seconds = 1.0
        self._numbers = itertools.count(FIRST)

    def open(self, fields: dict[str, Any]) -> Issue:
        """Open an issue."""
        number = next(self._numbers)
        issue = Issue(str(number), f"{PROJECT}-{number - FIRST + 1}", fields, self.now())
        self.issues[issue.id] = issue
        return issue

    def find(self, id_or_key: str) -> Issue:
        """Find an issue by id or key, or raise UnknownError."""
        for issue in self.issues.values():
            if id_or_key in {issue.id, issue.key}:
                return issue
        raise UnknownError(id_or_key)

    def labelled(self, label: str) -> list[Issue]:
        """Search for issues by a label: those that the index knows, the oldest first."""
        seen = self.now() - self.index_seconds
        return [
            issue
            for issue in self.issues.values()
            if issue.created <= seen and label in issue.fields.get("labels", ())
        ]

    def comment(
        self, issue: Issue, body: object, author: Person, visibility: dict[str, str] | None = None
    ) -> Comment:
        """Comment on an issue."""
        comment = Comment(str(next(self._numbers)), body, author, self.now(), visibility)
        issue.comments[comment.id] = comment
        return comment

    def move(self, issue: Issue, transition: str) -> Change:
        """Move an issue to another status, or raise UnknownError."""
        if transition not in WORKFLOW:
            raise UnknownError(transition)
        before, issue.status = issue.status, WORKFLOW[transition]
        items = [_item("status", before.name, issue.status.name)]
        if before.resolution != issue.status.resolution:
            items.append(_item("resolution", before.resolution, issue.status.resolution))
        return Change(str(next(self._numbers)), items)


def transition_to(status: str) -> str:
    """Return the id of the transition to a status, or raise UnknownError."""
    for transition, target in WORKFLOW.items():
        if target.name == status:
            return transition
    raise UnknownError(status)


def moment(seconds: float) -> str:
    """Write a time as Jira does, `2026-11-22T10:00:00.000+0000`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def _item(name: str, before: str | None, after: str | None) -> dict[str, Any]:
    return {
        "field": name,
        "fieldId": name,
        "fieldtype": "jira",
        "fromString": before,
        "toString": after,
    }
