"""The stand-in's application: Jira behind log, faults and authentication, and the admin side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.responses import JSONResponse

from tools.stand_in.request_log import RECORD
from tools.stand_in_jira.admin import ADMIN, Admin
from tools.stand_in_jira.issues import UnknownError
from tools.stand_in_jira.rest import Rest, not_found
from tools.stand_in_jira.world import World

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

SITE = "https://stand-in.atlassian.example"
"""What the stand-in calls itself to people: CMP takes links with https alone."""


def create(base: str, email: str, api_token: str) -> ASGIApp:
    """Build a Jira at an address that takes these credentials."""
    world = World(base, email, api_token)
    rest = Rest(world.issues, world.webhooks, base, SITE)
    public = Starlette(routes=rest.routes(), exception_handlers={UnknownError: _unknown})
    watched = world.requests.around(world.faults.around(_guarded(public)))
    admin = Starlette(
        routes=Admin(world).routes(),
        exception_handlers={UnknownError: _unknown, ValidationError: _mistake},
    )

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        is_admin = scope["type"] != "http" or scope["path"].startswith(f"{ADMIN}/")
        await (admin if is_admin else watched)(scope, receive, send)

    return choose


def _guarded(app: ASGIApp) -> ASGIApp:
    async def gate(scope: Scope, receive: Receive, send: Send) -> None:
        if scope[RECORD]["bearer"] == "valid":
            await app(scope, receive, send)
            return
        words = {"message": "Client must be authenticated to access this resource."}
        await JSONResponse({**words, "status-code": 401}, 401)(scope, receive, send)

    return gate


async def _unknown(_: Request, __: Exception) -> Response:
    return not_found("Issue does not exist or you do not have permission to see it.")


async def _mistake(_: Request, error: Exception) -> Response:
    return JSONResponse({"message": str(error)}, 400)
