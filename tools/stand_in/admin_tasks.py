"""The part of the admin side where people work on tasks, and the webhook is told of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.announcements import ADMIN
from tools.stand_in.echoes import WorkflowRules
from tools.stand_in.external_deliveries import comment_body, step_body
from tools.stand_in.links import absolute, base_of
from tools.stand_in.orders import CommentOrder, NewResource, NewTask, StepOrder
from tools.stand_in.records import ExternalStep
from tools.stand_in.task_views import (
    shown_comment,
    shown_external_work,
    shown_sub_step,
    sub_step_url,
    task_url,
)

if TYPE_CHECKING:
    from starlette.requests import Request

    from tools.stand_in.cmp import Cmp
    from tools.stand_in.external_deliveries import CommentEvent, StepEvent
    from tools.stand_in.tasks import Comment, State, SubStep

DOINGS: dict[str, tuple[State | None, StepEvent]] = {
    "start": ("in_progress", "started"),
    "complete": ("completed", "completed"),
    "skip": ("skipped", "completed"),
    "modify": (None, "modified"),
}


@dataclass
class TaskAdmin:
    """Creates tasks with an external step and what is around them, and does what people do."""

    cmp: Cmp

    def routes(self) -> list[Route]:
        """List the routes of the admin side."""
        sub_step = f"{ADMIN}/sub-steps/{{id}}"
        comments, comment = f"{sub_step}/comments", f"{sub_step}/comments/{{comment}}"
        return [
            Route(f"{ADMIN}/tasks", self.add_task, methods=["POST"]),
            Route(f"{ADMIN}/resources", self.add_resource, methods=["POST"]),
            Route(f"{ADMIN}/workflow-rules", self.set_rules, methods=["PUT"]),
            Route(sub_step, self.show, methods=["GET"]),
            Route(sub_step, self.act, methods=["POST"]),
            Route(comments, self.add_comment, methods=["POST"]),
            Route(comment, self.change_comment, methods=["PATCH"]),
            Route(comment, self.remove_comment, methods=["DELETE"]),
        ]

    async def add_task(self, request: Request) -> Response:
        """Create a task, or put it in the place of the one with the same id."""
        order = NewTask.model_validate_json(await request.body())
        sub_step = self.cmp.tasks.add(
            order.title,
            order.external_system,
            task_id=order.id,
            step_id=order.step_id,
            sub_step_id=order.sub_step_id,
            **order.model_extra or {},
        )
        for asset_id in order.asset_ids:
            self.cmp.world.hand_over(asset_id, sub_step.task_id)
        return JSONResponse(_external_step(sub_step, base_of(request)), 201)

    async def add_resource(self, request: Request) -> Response:
        """Create a campaign, a work request, a comment on one, or an event of the calendar."""
        order = NewResource.model_validate_json(await request.body())
        resource = self.cmp.planning.add(order.kind, order.model_extra or {})
        return JSONResponse(absolute(resource, base_of(request)), 201)

    async def set_rules(self, request: Request) -> Response:
        """Say how CMP reacts to changes that come through the Open API."""
        self.cmp.echoes.rules = WorkflowRules.model_validate_json(await request.body())
        return Response(None, 204)

    async def show(self, request: Request) -> Response:
        """Show a sub-step, its external work and its comments."""
        sub_step, base = self._sub_step(request), base_of(request)
        comments = [shown_comment(sub_step, one, base) for one in sub_step.comments.values()]
        work = shown_external_work(sub_step, base)
        return JSONResponse(
            {**shown_sub_step(sub_step, base), "external_work": work, "comments": comments}
        )

    async def act(self, request: Request) -> Response:
        """Start, complete, skip or reassign a sub-step as a person."""
        order = StepOrder.model_validate_json(await request.body())
        sub_step, (state, event) = self._sub_step(request), DOINGS[order.what]
        if state is None:
            self.cmp.tasks.assign(sub_step, order.assignee_id)
        else:
            self.cmp.tasks.put(sub_step, state)
        body = step_body(event, sub_step, base=base_of(request), misspelt=order.misspelt)
        return JSONResponse(await self._told(body, order))

    async def add_comment(self, request: Request) -> Response:
        """Comment as a person."""
        order = CommentOrder.model_validate_json(await request.body())
        sub_step = self._sub_step(request)
        comment = self.cmp.tasks.comment(
            sub_step, order.value, order.user_id, comment_id=order.id, parent_id=order.parent_id
        )
        return await self._discussed("added", sub_step, comment, order, request)

    async def change_comment(self, request: Request) -> Response:
        """Change a comment as a person."""
        order = CommentOrder.model_validate_json(await request.body())
        sub_step, wanted = self._sub_step(request), request.path_params["comment"]
        comment = self.cmp.tasks.change_comment(sub_step, wanted, order.value)
        return await self._discussed("modified", sub_step, comment, order, request)

    async def remove_comment(self, request: Request) -> Response:
        """Remove a comment as a person."""
        order = CommentOrder.model_validate_json(await request.body())
        sub_step = self._sub_step(request)
        comment = self.cmp.tasks.remove_comment(sub_step, request.path_params["comment"])
        return await self._discussed("removed", sub_step, comment, order, request)

    def _sub_step(self, request: Request) -> SubStep:
        return self.cmp.tasks.sub_step(request.path_params["id"])

    async def _discussed(
        self,
        what: CommentEvent,
        sub_step: SubStep,
        comment: Comment,
        order: CommentOrder,
        request: Request,
    ) -> Response:
        base = base_of(request)
        told = await self._told(comment_body(what, sub_step, comment, base=base), order)
        return JSONResponse({"comment": shown_comment(sub_step, comment, base), **told})

    async def _told(self, body: dict[str, Any], order: StepOrder | CommentOrder) -> dict[str, Any]:
        if not order.send:
            return {"body": body}
        return {"deliveries": await self.cmp.sender.send([json.dumps(body)], order)}


def _external_step(sub_step: SubStep, base: str) -> ExternalStep:
    url = sub_step_url(sub_step, base)
    links = {
        "task": task_url(sub_step.task_id, base),
        "sub_step": url,
        "external_work": f"{url}/external-work",
        "comments": f"{url}/comments",
    }
    return ExternalStep(
        task_id=sub_step.task_id,
        step_id=sub_step.step_id,
        sub_step_id=sub_step.id,
        links=links,
    )
