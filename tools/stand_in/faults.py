"""Faults that befall the next requests to the public side, first ordered first met."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator
from starlette.responses import JSONResponse, Response

from tools.stand_in.answers import unauthorized
from tools.stand_in.request_log import RECORD
from tools.stand_in.streams import until_gone

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PIECES = 20  # of a slow body: often enough to keep a client's read time-out from ending it


class Fault(BaseModel):
    """What goes wrong, how often still, and for which paths; `seconds` is how long it takes.

    `lost` does what was asked and breaks the answer off; `disconnect` does nothing. `method` limits
    a fault to requests of that method.
    With `within`, no later than so many seconds after the first request that it befalls.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal[
        "status",
        "timeout",
        "slow",
        "unauthorized",
        "malformed",
        "redirect",
        "disconnect",
        "lost",
    ]
    count: int = Field(default=1, ge=1)
    path: str = "/"
    method: str | None = None
    status: int | None = None
    retry_after: str | int | None = None
    seconds: float = 60.0
    location: str | None = None
    within: float | None = None
    _first_met_at: float | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _a_redirect_leads_somewhere(self) -> Fault:
        if self.kind == "redirect" and not self.location:
            msg = "a redirect needs a location"
            raise ValueError(msg)
        return self

    def befalls(self, method: str, path: str) -> bool:
        """Tell whether such a request is one that it is for."""
        return self.method in (None, method) and path.startswith(self.path)

    def meet(self, now: float) -> None:
        """Count a request that it befalls at `now` (s)."""
        self.count -= 1
        if self._first_met_at is None:
            self._first_met_at = now

    def is_over(self, now: float) -> bool:
        """Tell whether it befalls nobody any more."""
        if self.within is None or self._first_met_at is None:
            return self.count <= 0
        return self.count <= 0 or now > self._first_met_at + self.within


@dataclass
class Faults:
    """The faults still to come."""

    pending: list[Fault] = field(default_factory=list)

    def around(self, app: ASGIApp) -> ASGIApp:
        """Wrap an application so that its requests meet the faults."""

        async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
            fault = self._next(scope["method"], scope["path"])
            if fault is None:
                await app(scope, receive, send)
            else:
                scope[RECORD]["fault"] = fault.kind
                await _commit(fault, app, scope, receive, send)

        return faulty

    def _next(self, method: str, path: str) -> Fault | None:
        now = time.monotonic()
        self.pending = [one for one in self.pending if not one.is_over(now)]
        fault = next((one for one in self.pending if one.befalls(method, path)), None)
        if fault is not None:
            fault.meet(now)
            self.pending = [one for one in self.pending if not one.is_over(now)]
        return fault


async def _commit(fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    match fault.kind:
        case "slow":
            await app(scope, receive, _dripping(send, fault.seconds))
        case "disconnect":
            await _break_off(send)
        case "lost":
            await app(scope, receive, _unheard)
            await _break_off(send)
        case "timeout":
            if await _still_waiting(receive, fault.seconds):
                await JSONResponse({"message": "Gateway Timeout"}, 504)(scope, receive, send)
        case _:
            await _answer(fault)(scope, receive, send)


def _answer(fault: Fault) -> Response:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    match fault.kind:
        case "unauthorized":
            return unauthorized()
        case "malformed":
            return Response('{"id": "5d7f91', fault.status or 200, headers, "application/json")
        case "redirect":
            headers["Location"] = str(fault.location)
            return Response(None, fault.status or 302, headers)
        case _:
            return JSONResponse({"message": "Injected fault"}, fault.status or 503, headers)


def _dripping(send: Send, seconds: float) -> Send:
    """Send the head at once and the body in pieces, spread evenly over `seconds`."""

    async def drip(message: Message) -> None:
        body = message.get("body", b"")
        size = max(1, -(-len(body) // PIECES))
        pieces = [body[start : start + size] for start in range(0, len(body), size)]
        for piece in pieces:
            await asyncio.sleep(seconds / len(pieces))
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({**message, "body": b""} if body else message)

    return drip


async def _unheard(_: Message) -> None:
    """Send nothing."""


async def _break_off(send: Send) -> None:
    """Promise a body, send a part of it and end: uvicorn then closes the connection."""
    length = (b"content-length", b"1000")
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": b'{"id": ', "more_body": True})


async def _still_waiting(receive: Receive, seconds: float) -> bool:
    """Wait at most that long, and tell whether the client has not given up meanwhile."""

    try:
        await asyncio.wait_for(until_gone(receive), seconds)
    except TimeoutError:
        return True
    return False
