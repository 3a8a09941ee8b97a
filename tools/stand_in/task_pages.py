"""The Open API's tasks and what belongs to each: its assets, brief and custom fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.answers import not_found
from tools.stand_in.asset_changes import Label
from tools.stand_in.links import base_of
from tools.stand_in.queries import Moment, Page, TaskQuery
from tools.stand_in.task_views import shown_in_list, shown_task, task_url
from tools.stand_in.views import in_task_list

if TYPE_CHECKING:
    from starlette.requests import Request

    from tools.stand_in.tasks import Task, Tasks
    from tools.stand_in.world import World

TASK = "/v3/tasks/{task}"
CUSTOM_FIELD = "45aafc5f9eec1cde2028d3245435c2"
BRIEF_FIELD = {
    "id": "9nu8ue9wf8u9nusd9f",
    "name": "Audience",
    "value": ["Everybody"],
    "settings_field_id": None,
    "is_id_settings_searchable": False,
}


class TaskChange(BaseModel):
    """The body of a change of a task."""

    model_config = ConfigDict(extra="forbid")

    title: str = ""
    campaign_id: str = ""
    workflow_id: str = ""
    owner_id: str = ""
    start_at: Moment | None = None
    due_at: Moment | None = None
    labels: list[Label] = Field(default_factory=list)


class FieldValues(BaseModel):
    """The body of a change of a custom field."""

    model_config = ConfigDict(extra="forbid")

    values: list[str] = Field(min_length=1)


@dataclass
class TaskPages:
    """Shows tasks; each has the same brief and the same custom field."""

    tasks: Tasks
    world: World

    def routes(self) -> list[Route]:
        """List the routes of the public side."""
        return [
            Route("/v3/tasks", self.list),
            Route(TASK, self.task, methods=["GET"]),
            Route(TASK, self.change, methods=["PATCH"]),
            Route(f"{TASK}/assets", self.assets),
            Route(f"{TASK}/brief", self.brief),
            Route(f"{TASK}/custom-fields", self.custom_fields),
            Route(f"{TASK}/custom-fields/{{field}}", self.custom_field, methods=["GET"]),
            Route(f"{TASK}/custom-fields/{{field}}", self.set_custom_field, methods=["PATCH"]),
        ]

    async def list(self, request: Request) -> Response:
        """Answer with a page of the tasks that fit."""
        query, base = TaskQuery.of(request), base_of(request)
        shown = [shown_in_list(task, base) for task in self.tasks.by_id.values()]
        return JSONResponse(query.answer(request, [*filter(query.fits, shown)], dict))

    async def change(self, request: Request) -> Response:
        """Change what is given; owners are not shown, and what labels are called is not known."""
        if (task := self._task(request)) is None:
            return not_found()
        change = TaskChange.model_validate_json(await request.body())
        fields = change.model_dump(mode="json", exclude_unset=True, exclude={"owner_id"})
        if "labels" in fields:
            fields["labels"] = [label.shown() for label in change.labels]
        self.tasks.change(task, fields)
        return JSONResponse(shown_task(task, base_of(request)))

    async def task(self, request: Request) -> Response:
        """Answer with the task."""
        task = self._task(request)
        return JSONResponse(shown_task(task, base_of(request))) if task else not_found()

    async def assets(self, request: Request) -> Response:
        """Answer with a page of the assets that live in the task."""
        if (task := self._task(request)) is None:
            return not_found()
        living = [one for one in self.world.assets.values() if one.place == "task"]
        own = [one for one in living if one.task_id == task.id]
        base = base_of(request)
        page = Page.of(request).answer(request, own, lambda asset: in_task_list(asset, base))
        return JSONResponse(page)

    async def brief(self, request: Request) -> Response:
        """Answer with the brief of the task."""
        if (task := self._task(request)) is None:
            return not_found()
        url = task_url(task.id, base_of(request))
        brief = {
            "type": "template",
            "title": f"Brief of {task.title}",
            "template": {"id": "60d2f4b7c1a8e3001f5b6a22", "name": "Short brief"},
            "fields": [BRIEF_FIELD],
            "links": {"self": f"{url}/brief", "task": url},
        }
        return JSONResponse(brief)

    async def custom_fields(self, request: Request) -> Response:
        """Answer with a page of the task's custom fields."""
        if (task := self._task(request)) is None:
            return not_found()
        fields, page = [_custom_field(task, base_of(request))], Page.of(request)
        return JSONResponse(page.answer(request, fields, dict))

    async def custom_field(self, request: Request) -> Response:
        """Answer with one custom field of the task."""
        task = self._task(request)
        if task is None or request.path_params["field"] != CUSTOM_FIELD:
            return not_found()
        return JSONResponse(_custom_field(task, base_of(request)))

    async def set_custom_field(self, request: Request) -> Response:
        """Set the values of the custom field."""
        task = self._task(request)
        if task is None or request.path_params["field"] != CUSTOM_FIELD:
            return not_found()
        task.campaign_code = FieldValues.model_validate_json(await request.body()).values
        return JSONResponse(_custom_field(task, base_of(request)))

    def _task(self, request: Request) -> Task | None:
        return self.tasks.by_id.get(request.path_params["task"])


def _custom_field(task: Task, base: str) -> dict[str, Any]:
    return {
        "id": CUSTOM_FIELD,
        "name": "Campaign code",
        "type": "text_field",
        "values": [{"id": None, "name": value} for value in task.campaign_code],
        "links": {
            "self": f"{task_url(task.id, base)}/custom-fields/{CUSTOM_FIELD}",
            "choices": None,
        },
    }
