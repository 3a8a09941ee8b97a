"""Answers whose body is made while it is sent, as long as somebody is there to take it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.types import Receive, Scope, Send


@dataclass(frozen=True)
class Stream:
    """An answer in pieces."""

    status: int
    headers: Mapping[str, str]
    pieces: Iterable[bytes]

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Send it, and stop where the client hangs up."""
        gone = asyncio.ensure_future(until_gone(receive))
        try:
            await self._send(gone, send)
        finally:
            gone.cancel()

    async def _send(self, gone: asyncio.Future[None], send: Send) -> None:
        headers = [(name.lower().encode(), text.encode()) for name, text in self.headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        for piece in self.pieces:
            # uvicorn takes what nobody reads without waiting: let the end of the connection show.
            await asyncio.sleep(0)
            if gone.done():
                return
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def until_gone(receive: Receive) -> None:
    """Wait until the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
