"""The tasks of the stand-in's organization: their steps, external work and comments."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from tools.stand_in.moments import iso, later

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

API_USER = "64f0b1a2c3d4e5f607182930"
PERSON = "5d75447b7f1c1c000957d111"
USERS = {API_USER: ("Relay", "App"), PERSON: ("Ada", "Editor")}
"""First and last names of who acts in CMP: the app whose token it is, and a person."""
CAMPAIGN = "8q7f910551b00a722e0418830cee6612"
DUE_AT = "2026-12-24T17:00:00Z"

State = Literal["open", "in_progress", "completed", "skipped"]
ENDED = ("completed", "skipped")


class UnknownSubStepError(Exception):
    """No task has a sub-step, or no sub-step a comment, of this id."""


def new_id() -> str:
    """Make an id such as CMP gives tasks, steps and comments: 24 hexadecimal digits."""
    return uuid4().hex[:24]


@dataclass
class Comment:
    """A comment on a sub-step; a reply names the comment that it answers."""

    id: str
    value: str
    user_id: str
    created_at: str
    modified_at: str
    attachments: list[str] = field(default_factory=list)
    parent_id: str | None = None


@dataclass
class ExternalWork:
    """What the other system told of the work, and how that system is called in CMP."""

    system: str
    told: dict[str, str | None] = field(
        default_factory=lambda: dict.fromkeys(("identifier", "title", "status", "url"))
    )


@dataclass
class SubStep:
    """A part of a step; with external work it is an external one."""

    task_id: str
    step_id: str
    id: str
    title: str
    external: ExternalWork | None = None
    state: State = "open"
    assignee_id: str | None = None
    assignee_type: Literal["user", "team"] = "user"
    comments: dict[str, Comment] = field(default_factory=dict)


@dataclass
class Step:
    """A step of a task's workflow."""

    id: str
    title: str
    sub_steps: list[SubStep]
    due_at: str | None = None

    @property
    def is_completed(self) -> bool:
        """Tell whether nothing in it is left to do."""
        return all(one.state in ENDED for one in self.sub_steps)


@dataclass
class Task:
    """A task with its workflow, and what differs from a sample's fields."""

    id: str
    title: str
    steps: list[Step]
    modified_at: str
    fields: dict[str, Any] = field(default_factory=dict)
    campaign_code: list[str] = field(default_factory=lambda: ["SPRING-26"])
    """The values of its custom field."""


@dataclass
class Tasks:
    """Every task, and what becomes of their sub-steps and comments."""

    now: Callable[[], float] = time.time
    by_id: dict[str, Task] = field(default_factory=dict)

    def clear(self) -> None:
        """Forget every task."""
        self.by_id.clear()

    def add(
        self,
        title: str,
        external_system: str,
        *,
        task_id: str | None = None,
        step_id: str | None = None,
        sub_step_id: str | None = None,
        **fields: object,
    ) -> SubStep:
        """Create a task that has been drafted and waits for an external step; tell that one."""
        task_id, own, other = task_id or new_id(), step_id or new_id(), new_id()
        drafting = SubStep(task_id, other, new_id(), "Draft", state="completed")
        waiting = SubStep(
            task_id, own, sub_step_id or new_id(), "Review", ExternalWork(external_system)
        )
        steps = [
            Step(other, "Drafting", [drafting]),
            Step(own, "External review", [waiting], DUE_AT),
        ]
        self.by_id[task_id] = Task(task_id, title, steps, iso(self.now()), fields)
        return waiting

    def change(self, task: Task, fields: dict[str, Any]) -> None:
        """Change what a task tells of itself."""
        task.fields.update(fields)
        task.modified_at = later(task.modified_at, self.now())

    def find(self, task_id: str, step_id: str, sub_step_id: str) -> SubStep | None:
        """Find a sub-step where its URL says that it is."""
        where = (task_id, step_id, sub_step_id)
        found = (one for one in self._sub_steps() if (one.task_id, one.step_id, one.id) == where)
        return next(found, None)

    def sub_step(self, sub_step_id: str) -> SubStep:
        """Find a sub-step by its id alone, or raise UnknownSubStepError."""
        for one in self._sub_steps():
            if one.id == sub_step_id:
                return one
        raise UnknownSubStepError(sub_step_id)

    def put(self, sub_step: SubStep, state: State) -> None:
        """Put a sub-step into a state."""
        sub_step.state = state
        self._touch(sub_step)

    def assign(
        self,
        sub_step: SubStep,
        assignee_id: str | None,
        assignee_type: Literal["user", "team"] = "user",
    ) -> None:
        """Give a sub-step to somebody, or to nobody."""
        sub_step.assignee_id, sub_step.assignee_type = assignee_id, assignee_type
        self._touch(sub_step)

    def comment(
        self,
        sub_step: SubStep,
        value: str,
        user_id: str,
        *,
        comment_id: str | None = None,
        parent_id: str | None = None,
        attachments: list[str] | None = None,
    ) -> Comment:
        """Add a comment."""
        moment = iso(self.now())
        comment = Comment(
            comment_id or new_id(), value, user_id, moment, moment, attachments or [], parent_id
        )
        sub_step.comments[comment.id] = comment
        return comment

    def change_comment(self, sub_step: SubStep, comment_id: str, value: str) -> Comment:
        """Change what a comment says; raises UnknownSubStepError if there is none."""
        if (comment := sub_step.comments.get(comment_id)) is None:
            raise UnknownSubStepError(comment_id)
        comment.value = value
        comment.modified_at = later(comment.modified_at, self.now())
        return comment

    def remove_comment(self, sub_step: SubStep, comment_id: str) -> Comment:
        """Remove a comment; raises UnknownSubStepError if there is none."""
        if comment_id not in sub_step.comments:
            raise UnknownSubStepError(comment_id)
        return sub_step.comments.pop(comment_id)

    def _sub_steps(self) -> Iterator[SubStep]:
        for task in self.by_id.values():
            for step in task.steps:
                yield from step.sub_steps

    def _touch(self, sub_step: SubStep) -> None:
        task = self.by_id[sub_step.task_id]
        task.modified_at = later(task.modified_at, self.now())
