"""The details of the events of external steps and of their comments."""

from pydantic import Field

from tools.schemas.parts import (
    KINDS,
    AsReceived,
    Count,
    Delivered,
    Delivery,
    Moment,
    Name,
    Organization,
    Part,
    Truncated,
)

FOUND = "If not, all that the delivery did not hold is null."


class Task(Part):
    """The task, as CMP shows it; what it does not show is null."""

    id: Name = Field(description="CMP's id of the task.")
    title: str | None = Field(description="Its title.")
    reference_id: str | None = Field(description="The id by which people know it.")
    status: str | None = Field(
        description="Not Started, In Progress, On Hold, Overdue, Completed, Archived, or a status "
        "that CMP adds."
    )
    start_at: Moment | None = Field(description="When it begins.")
    due_at: Moment | None = Field(description="When it is due.")
    campaign_id: str | None = Field(description="CMP's id of its campaign.")
    labels: AsReceived = Field(description="The labels as CMP shows them, groups with values.")
    link: str | None = Field(description="The task in CMP's Open API.")
    web_url: str | None = Field(description="The task in CMP, for people.")


class Step(Part):
    """The step that the sub-step is a part of."""

    id: str | None = Field(description="CMP's id of the step of the workflow.")
    title: str | None = Field(description="Its title.")
    due_at: Moment | None = Field(description="When it is due.")


class SubStep(Part):
    """The external step, as CMP shows it by now."""

    id: Name = Field(description="CMP's id of the sub-step.")
    title: str | None = Field(description="Its title.")
    assignee_id: str | None = Field(
        description="CMP's id of the user or team that it is assigned to."
    )
    assignee_type: str | None = Field(description="user, team, or a kind that CMP adds.")
    is_completed: bool | None = Field(description="Whether it is completed.")
    is_in_progress: bool | None = Field(description="Whether it is being worked on.")
    is_skipped: bool | None = Field(description="Whether it was skipped.")
    is_external: bool | None = Field(description="Whether it is worked on in another system.")
    link: str | None = Field(
        description="The sub-step in CMP's Open API: the sub_step_link of the commands start, "
        "complete, skip and assign."
    )
    comments_link: str | None = Field(
        description="Its comments: the comments_link of the command comment."
    )


class ExternalWork(Part):
    """What CMP knows of the work in the other system."""

    external_system: str | None = Field(
        description="Which other system it is worked on in, as CMP's administrators named it."
    )
    identifier: str | None = Field(
        description="The ticket there, as the command link_ticket told CMP."
    )
    title: str | None = Field(description="The ticket's title, as told.")
    status: str | None = Field(description="The ticket's status, as told.")
    url: str | None = Field(description="The ticket's address, as told.")
    link: str | None = Field(
        description="The external work in CMP's Open API: the external_work_link of the command "
        "link_ticket."
    )


class AssetOfTask(Part):
    """An asset of the task."""

    id: str | None = Field(description="CMP's id of the asset.")
    type: str | None = Field(description=KINDS)
    title: str | None = Field(description="Its title.")
    link: str | None = Field(description="The asset in CMP's Open API.")
    web_url: str | None = Field(description="The asset in CMP, for people.")


class Comment(Part):
    """The comment, as CMP shows it by now."""

    id: Name = Field(description="CMP's id of the comment.")
    value: str | None = Field(description="Its text, in Markdown.")
    author_link: str | None = Field(description="Who wrote it: the user in CMP's Open API.")
    created_at: Moment | None = Field(description="When it was written.")
    modified_at: Moment | None = Field(description="When it was last changed.")
    link: str | None = Field(description="The comment in CMP's Open API.")


class _ExternalWork(Delivered):
    sequence: Count = Field(
        description="Grows with every event of this sub-step, those of its comments apart: drop "
        "what is not higher than what you have applied for sub_step.id."
    )
    organization: Organization
    found: bool = Field(description=f"Whether CMP shows the sub-step to the relay. {FOUND}")
    task: Task
    step: Step
    sub_step: SubStep
    external_work: ExternalWork
    assets: list[AssetOfTask] | None = Field(
        description="The task's assets, up to ten pages of CMP's list; null if CMP does not show "
        "them or if they are cut off (see truncated)."
    )
    delivery: Delivery
    truncated: Truncated = Field(
        None,
        description="Only there if the event would have been too large: then assets is null, and "
        "if that was not enough, so is all that people write. The links show it.",
    )


class ExternalWorkStarted(_ExternalWork):
    """An external step of a workflow was started: work for another system."""


class ExternalWorkModified(_ExternalWork):
    """The assignee or the due date of an external step was changed."""


class ExternalWorkCompleted(_ExternalWork):
    """An external step was completed or skipped, by somebody else than a command of the relay."""


class _ExternalWorkComment(_ExternalWork):
    sequence: Count = Field(
        description="Grows with every event of this comment: drop what is not higher than what you "
        "have applied for comment.id."
    )
    found: bool = Field(description=f"Whether CMP shows the comment to the relay. {FOUND}")
    comment: Comment


class ExternalWorkCommentAdded(_ExternalWorkComment):
    """Somebody commented on an external step; comments that a command wrote are not told."""


class ExternalWorkCommentModified(_ExternalWorkComment):
    """A comment on an external step was changed."""


class ExternalWorkCommentRemoved(_ExternalWorkComment):
    """A comment on an external step was removed."""

    found: bool = Field(
        description="Whether the comment was known: only what CMP showed of it before can be told."
    )
    comment: Comment = Field(description="The comment, as CMP showed it last.")
