"""The Open API's publishing channels, and tasks that a program has published on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.answers import not_found
from tools.stand_in.queries import Page
from tools.stand_in.tasks import new_id

if TYPE_CHECKING:
    from starlette.requests import Request

    from tools.stand_in.tasks import Tasks

WEBSITE = "6410b1a2c3d4e5f607182930"
CHANNELS = [
    {"id": WEBSITE, "name": "Website", "disabled": False},
    {"id": "6410b1a2c3d4e5f607182931", "name": "Old website", "disabled": True},
]


class ChannelPage(Page):
    """Which channels to list: their pages may be longer than others."""

    page_size: int = Field(default=10, ge=1, le=1000)


class NewIntent(BaseModel):
    """The body of a publishing intent."""

    model_config = ConfigDict(extra="forbid")

    channel_id: str


@dataclass
class Channels:
    """Shows the channels and takes intents, which lead to no delivery here."""

    tasks: Tasks
    intents: list[dict[str, Any]] = field(default_factory=list)

    def clear(self) -> None:
        """Forget every intent."""
        self.intents.clear()

    def routes(self) -> list[Route]:
        """List the routes of the public side."""
        return [
            Route("/v3/publishing-channels", self.list),
            Route("/v3/tasks/{task}/publishing-intents", self.publish, methods=["POST"]),
        ]

    async def list(self, request: Request) -> Response:
        """Answer with a page of the channels."""
        return JSONResponse(ChannelPage.of(request).answer(request, CHANNELS, dict))

    async def publish(self, request: Request) -> Response:
        """Take an intent."""
        order = NewIntent.model_validate_json(await request.body())
        task_id = request.path_params["task"]
        known = {channel["id"] for channel in CHANNELS}
        if task_id not in self.tasks.by_id or order.channel_id not in known:
            return not_found()
        intent = {"id": new_id(), "task_id": task_id, "channel_id": order.channel_id}
        self.intents.append(intent)
        return JSONResponse({"id": intent["id"]}, 201)
