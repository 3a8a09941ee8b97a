"""The gate before the Open API: a valid bearer token first, then the limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.stand_in.answers import unauthorized
from tools.stand_in.content_items import CONTENT_API
from tools.stand_in.request_log import RECORD

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from tools.stand_in.limits import Limits

GUARDED = ("/v3/", CONTENT_API)


def guarded(app: ASGIApp, limits: Limits) -> ASGIApp:
    """Wrap an application so that its APIs answer only whom they may."""

    async def gate(scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].startswith(GUARDED):
            await app(scope, receive, send)
        elif scope[RECORD]["bearer"] != "valid":
            await unauthorized()(scope, receive, send)
        elif refusal := limits.refusal():
            await refusal(scope, receive, send)
        else:
            await app(scope, receive, send)

    return gate
