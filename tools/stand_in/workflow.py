"""The Open API's sub-steps of tasks, and the external work of those that are external.

What cannot be read is answered 400, what can be read but not done 422; the official specification
has both and says no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.answers import not_found, unprocessable
from tools.stand_in.external_deliveries import step_body
from tools.stand_in.links import base_of
from tools.stand_in.task_views import shown_external_work, shown_sub_step
from tools.stand_in.tasks import ENDED

if TYPE_CHECKING:
    from starlette.requests import Request

    from tools.stand_in.echoes import Echoes
    from tools.stand_in.external_deliveries import StepEvent
    from tools.stand_in.tasks import State, SubStep, Tasks

SUB_STEP = "/v3/tasks/{task}/steps/{step}/sub-steps/{sub_step}"
STATES: dict[str, State] = {
    "is_in_progress": "in_progress",
    "is_completed": "completed",
    "is_skipped": "skipped",
}
EVENTS: dict[State, StepEvent] = {
    "in_progress": "started",
    "completed": "completed",
    "skipped": "completed",
}
"""What is told of a state; that a skipped sub-step is told as completed is a guess."""


class SubStepChange(BaseModel):
    """The body of a change: one thing at a time, and no way back."""

    model_config = ConfigDict(extra="forbid")

    is_completed: Literal[True] = True
    is_in_progress: Literal[True] = True
    is_skipped: Literal[True] = True
    assignee_id: str | None = None
    assignee_type: Literal["user", "team"] = "user"

    def state(self) -> State | None:
        """Tell the state that is asked for, if that is all that is asked for."""
        given = [*self.model_fields_set]
        return STATES.get(given[0]) if len(given) == 1 else None

    def assigns(self) -> bool:
        """Tell whether an assignee is given and nothing else."""
        return "assignee_id" in self.model_fields_set and not self.model_fields_set & STATES.keys()


class ExternalWorkChange(BaseModel):
    """The body of a change of external work; null takes a value away."""

    model_config = ConfigDict(extra="forbid")

    identifier: Annotated[str, Field(min_length=1, max_length=50)] | None = None
    title: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    status: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    url: Annotated[str, Field(max_length=500)] | None = None


@dataclass
class Workflow:
    """Shows sub-steps and lets them be changed, and tells the webhook of the external ones."""

    tasks: Tasks
    echoes: Echoes

    def routes(self) -> list[Route]:
        """List the routes of the public side."""
        work = f"{SUB_STEP}/external-work"
        return [
            Route(SUB_STEP, self.sub_step, methods=["GET"]),
            Route(SUB_STEP, self.change, methods=["PATCH"]),
            Route(work, self.external_work, methods=["GET"]),
            Route(work, self.link, methods=["PATCH"]),
        ]

    async def sub_step(self, request: Request) -> Response:
        """Answer with the sub-step."""
        if (sub_step := found(self.tasks, request)) is None:
            return not_found()
        return JSONResponse(shown_sub_step(sub_step, base_of(request)))

    async def change(self, request: Request) -> Response:
        """Start, complete, skip or assign the sub-step."""
        if (sub_step := found(self.tasks, request)) is None:
            return not_found()
        change = SubStepChange.model_validate_json(await request.body())
        if change.assigns():
            self.tasks.assign(sub_step, change.assignee_id, change.assignee_type)
            await self._tell("modified", sub_step, request)
        elif (state := change.state()) is None or self._is_refused(sub_step, state):
            return unprocessable()
        elif sub_step.state not in (state, *ENDED):
            self.tasks.put(sub_step, state)
            await self._tell(EVENTS[state], sub_step, request)
        return JSONResponse(shown_sub_step(sub_step, base_of(request)))

    async def external_work(self, request: Request) -> Response:
        """Answer with the external work of the sub-step."""
        sub_step = found(self.tasks, request)
        if sub_step is None or sub_step.external is None:
            return not_found()
        return JSONResponse(shown_external_work(sub_step, base_of(request)))

    async def link(self, request: Request) -> Response:
        """Take over what the other system calls the work and how it stands there."""
        sub_step = found(self.tasks, request)
        if sub_step is None or sub_step.external is None:
            return not_found()
        change = ExternalWorkChange.model_validate_json(await request.body())
        if change.url is not None and not change.url.startswith("https://"):
            return unprocessable()
        sub_step.external.told |= change.model_dump(exclude_unset=True)
        return JSONResponse(shown_external_work(sub_step, base_of(request)))

    def _is_refused(self, sub_step: SubStep, state: State) -> bool:
        repeated = sub_step.state in (state, *ENDED)
        return repeated and self.echoes.rules.repeats == "refused"

    async def _tell(self, what: StepEvent, sub_step: SubStep, request: Request) -> None:
        if sub_step.external is not None:
            body = step_body(what, sub_step, base=base_of(request), misspelt=False)
            await self.echoes.tell(body)


def found(tasks: Tasks, request: Request) -> SubStep | None:
    """Find the sub-step that a request's path names."""
    path = request.path_params
    return tasks.find(path["task"], path["step"], path["sub_step"])
