"""The Open API's comments on sub-steps; those of external ones are told to the webhook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.answers import not_found, unprocessable
from tools.stand_in.external_deliveries import comment_body
from tools.stand_in.links import base_of
from tools.stand_in.queries import Page
from tools.stand_in.task_views import shown_comment
from tools.stand_in.tasks import API_USER
from tools.stand_in.workflow import SUB_STEP, found

if TYPE_CHECKING:
    from starlette.requests import Request

    from tools.stand_in.echoes import Echoes
    from tools.stand_in.external_deliveries import CommentEvent
    from tools.stand_in.tasks import Comment, SubStep, Tasks

Text = Annotated[str, Field(min_length=1)]


class NewAttachment(BaseModel):
    """A file that was uploaded before."""

    model_config = ConfigDict(extra="forbid")

    key: Annotated[str, Field(min_length=1, max_length=100)]
    name: Text


class CommentText(BaseModel):
    """The body of a change of a comment."""

    model_config = ConfigDict(extra="forbid")

    value: Text


class NewComment(CommentText):
    """The body of a new comment, or of a reply to one."""

    attachments: list[NewAttachment] = Field(default_factory=list)
    parent_comment_id: str | None = None


@dataclass
class Discussion:
    """Shows comments and takes those of the app whose token it is."""

    tasks: Tasks
    echoes: Echoes

    def routes(self) -> list[Route]:
        """List the routes of the public side."""
        every, one = f"{SUB_STEP}/comments", f"{SUB_STEP}/comments/{{comment}}"
        return [
            Route(every, self.comments, methods=["GET"]),
            Route(every, self.add, methods=["POST"]),
            Route(one, self.comment, methods=["GET"]),
            Route(one, self.change, methods=["PATCH"]),
            Route(one, self.remove, methods=["DELETE"]),
        ]

    async def comments(self, request: Request) -> Response:
        """Answer with a page of the comments, oldest first (the order is not documented)."""
        if (sub_step := found(self.tasks, request)) is None:
            return not_found()
        base, every = base_of(request), [*sub_step.comments.values()]
        page = Page.of(request).answer(request, every, lambda c: shown_comment(sub_step, c, base))
        return JSONResponse(page)

    async def add(self, request: Request) -> Response:
        """Add a comment; a reply has to name one that is there."""
        if (sub_step := found(self.tasks, request)) is None:
            return not_found()
        new = NewComment.model_validate_json(await request.body())
        parent = new.parent_comment_id
        if parent is not None and parent not in sub_step.comments:
            return unprocessable()
        names = [attachment.name for attachment in new.attachments]
        comment = self.tasks.comment(
            sub_step, new.value, API_USER, parent_id=parent, attachments=names
        )
        await self._tell("added", sub_step, comment, request)
        return JSONResponse(shown_comment(sub_step, comment, base_of(request)), 201)

    async def comment(self, request: Request) -> Response:
        """Answer with one comment."""
        sub_step, comment = self._found(request)
        if sub_step is None or comment is None:
            return not_found()
        return JSONResponse(shown_comment(sub_step, comment, base_of(request)))

    async def change(self, request: Request) -> Response:
        """Change what a comment says."""
        sub_step, comment = self._found(request)
        if sub_step is None or comment is None:
            return not_found()
        value = CommentText.model_validate_json(await request.body()).value
        self.tasks.change_comment(sub_step, comment.id, value)
        await self._tell("modified", sub_step, comment, request)
        return JSONResponse(shown_comment(sub_step, comment, base_of(request)))

    async def remove(self, request: Request) -> Response:
        """Remove a comment."""
        sub_step, comment = self._found(request)
        if sub_step is None or comment is None:
            return not_found()
        self.tasks.remove_comment(sub_step, comment.id)
        await self._tell("removed", sub_step, comment, request)
        return Response(None, 204)

    def _found(self, request: Request) -> tuple[SubStep | None, Comment | None]:
        sub_step = found(self.tasks, request)
        wanted = request.path_params["comment"]
        return sub_step, sub_step.comments.get(wanted) if sub_step else None

    async def _tell(
        self, what: CommentEvent, sub_step: SubStep, comment: Comment, request: Request
    ) -> None:
        """Tell of a comment that is no reply: the documentation speaks of top level comments."""
        if sub_step.external is not None and comment.parent_id is None:
            body = comment_body(what, sub_step, comment, base=base_of(request))
            await self.echoes.tell(body)
