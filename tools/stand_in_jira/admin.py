"""The admin side: people who work in Jira, the registered webhook, faults, and logs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.faults import Fault
from tools.stand_in_jira import views
from tools.stand_in_jira.documents import document, said
from tools.stand_in_jira.issues import Person, transition_to
from tools.stand_in_jira.webhooks import Registration

if TYPE_CHECKING:
    from starlette.requests import Request

    from tools.stand_in_jira.world import World

ADMIN = "/_admin"
PERSON = Person("70121:c0ffee", "Ada Reviewer")


class Words(BaseModel):
    """A person's comment; `visibility` names a group that alone may see it."""

    model_config = ConfigDict(extra="forbid")

    text: str
    author: str = PERSON.name
    visibility: str | None = None


class Move(BaseModel):
    """A person moves an issue to a status."""

    model_config = ConfigDict(extra="forbid")

    status: str


class Rules(BaseModel):
    """What may be set: how late a search sees what was opened."""

    model_config = ConfigDict(extra="forbid")

    index_seconds: float = Field(default=1.0, ge=0)


class Admin:
    """What tests and tools order."""

    def __init__(self, world: World) -> None:
        """Keep what they order of."""
        self._world = world

    def routes(self) -> list[Route]:
        """Return the routes."""
        one = f"{ADMIN}/issues/{{issue}}"
        return [
            Route(f"{ADMIN}/reset", self.reset, methods=["POST"]),
            Route(f"{ADMIN}/webhook", self.register, methods=["PUT"]),
            Route(f"{ADMIN}/webhooks", self.webhooks),
            Route(f"{ADMIN}/rules", self.rule, methods=["PUT"]),
            Route(f"{ADMIN}/faults", self.fault, methods=["POST"]),
            Route(f"{ADMIN}/requests", self.requests),
            Route(f"{ADMIN}/issues", self.issues),
            Route(one, self.delete, methods=["DELETE"]),
            Route(f"{one}/comments", self.comment, methods=["POST"]),
            Route(f"{one}/status", self.move, methods=["PUT"]),
        ]

    async def reset(self, _: Request) -> Response:
        """Forget everything."""
        await self._world.webhooks.settle()
        self._world.clear()
        return Response(status_code=204)

    async def register(self, request: Request) -> Response:
        """Register the webhook."""
        self._world.webhooks.registration = Registration.model_validate(await request.json())
        return Response(status_code=204)

    async def webhooks(self, _: Request) -> Response:
        """Tell what was sent, once all of it was."""
        await self._world.webhooks.settle()
        return JSONResponse(list(self._world.webhooks.sent))

    async def rule(self, request: Request) -> Response:
        """Set the rules."""
        rules = Rules.model_validate(await request.json())
        self._world.issues.index_seconds = rules.index_seconds
        return Response(status_code=204)

    async def fault(self, request: Request) -> Response:
        """Let a fault befall the next requests."""
        self._world.faults.pending.append(Fault.model_validate(await request.json()))
        return Response(status_code=204)

    async def requests(self, _: Request) -> Response:
        """Tell what was asked of the API."""
        return JSONResponse(list(self._world.requests.records))

    async def issues(self, _: Request) -> Response:
        """Tell every issue with its comments, the oldest first."""
        return JSONResponse(
            [
                {
                    "id": issue.id,
                    "key": issue.key,
                    "summary": issue.fields.get("summary"),
                    "description": said(issue.fields.get("description")).strip(),
                    "labels": issue.fields.get("labels", []),
                    "status": issue.status.name,
                    "comments": [
                        {**asdict(one), "author": one.author.name, "body": said(one.body).strip()}
                        for one in issue.comments.values()
                    ],
                }
                for issue in self._world.issues.issues.values()
            ]
        )

    async def delete(self, request: Request) -> Response:
        """Let a person delete an issue."""
        issues = self._world.issues
        del issues.issues[issues.find(request.path_params["issue"]).id]
        return Response(status_code=204)

    async def comment(self, request: Request) -> Response:
        """Let a person comment on an issue."""
        words = Words.model_validate(await request.json())
        issue = self._world.issues.find(request.path_params["issue"])
        author = Person(PERSON.account_id, words.author)
        group = {"type": "role", "value": words.visibility} if words.visibility else None
        comment = self._world.issues.comment(issue, document(words.text), author, group)
        self._world.webhooks.commented(issue, comment)
        return JSONResponse(views.comment(self._world.base, issue.id, comment), 201)

    async def move(self, request: Request) -> Response:
        """Let a person move an issue to another status."""
        wanted = Move.model_validate(await request.json())
        issue = self._world.issues.find(request.path_params["issue"])
        change = self._world.issues.move(issue, transition_to(wanted.status))
        self._world.webhooks.changed(issue, change, PERSON)
        return JSONResponse({"change": change.id})
