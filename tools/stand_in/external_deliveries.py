"""The bodies of the six external events, as the documentation's tables give them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tools.stand_in.task_views import comment_url, sub_step_url, task_url

if TYPE_CHECKING:
    from tools.stand_in.tasks import Comment, SubStep

StepEvent = Literal["started", "completed", "modified"]
CommentEvent = Literal["added", "modified", "removed"]


def step_body(what: StepEvent, sub_step: SubStep, *, base: str, misspelt: bool) -> dict[str, Any]:
    """Build a delivery that tells of an external sub-step.

    `misspelt` sends the name of a modification as the older documentation's table spells it.
    """
    task, url = task_url(sub_step.task_id, base), sub_step_url(sub_step, base)
    system = sub_step.external.system if sub_step.external else None
    own = {"self": f"{url}/external-work", "task": task, "sub_step": url}
    data = {**_place(sub_step, base), "external_work": {"external_system": system, "links": own}}
    spelt = "modfied" if misspelt and what == "modified" else what
    return {"event_name": f"external_sub_step_{spelt}", "data": data}


def comment_body(
    what: CommentEvent, sub_step: SubStep, comment: Comment, *, base: str
) -> dict[str, Any]:
    """Build a delivery that tells of a comment on one; a removed one has no link of its own."""
    task, url = task_url(sub_step.task_id, base), sub_step_url(sub_step, base)
    data = _place(sub_step, base)
    data["sub_step"]["links"]["comments"] = f"{url}/comments"
    own = {} if what == "removed" else {"self": comment_url(sub_step, comment, base)}
    data["comment"] = {"id": comment.id, "links": {**own, "task": task, "sub_step": url}}
    return {"event_name": f"external_sub_step_comment_{what}", "data": data}


def _place(sub_step: SubStep, base: str) -> dict[str, Any]:
    task, url = task_url(sub_step.task_id, base), sub_step_url(sub_step, base)
    links = {"self": url, "task": task, "external_work": f"{url}/external-work"}
    return {
        "task": {"id": sub_step.task_id, "links": {"self": task, "assets": f"{task}/assets"}},
        "step": {"id": sub_step.step_id, "links": {"task": task}},
        "sub_step": {"id": sub_step.id, "links": links},
    }
