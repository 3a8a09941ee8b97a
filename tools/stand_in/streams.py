"""Answers whose body is made while it is sent, as long as somebody is there to take it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from starlette.types import Receive, Scope, Send

TICKS = 10  # pieces of a slow body per second


@dataclass(frozen=True)
class Stream:
    """An answer in pieces; it can be slow, and break off where it has not kept its promise."""

    status: int
    headers: Mapping[str, str]
    pieces: Iterable[bytes]
    bytes_per_second: int | None = None
    ends_after: int | None = None

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
        for piece in self._paced():
            # uvicorn takes what nobody reads without waiting: let the end of the connection show.
            await asyncio.sleep(1 / TICKS if self.bytes_per_second else 0)
            if gone.done():
                return
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if self.ends_after is None:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        # Else uvicorn closes the connection, since the body has not come to its end.

    def _paced(self) -> Iterator[bytes]:
        pieces = self.pieces
        if self.ends_after is not None:
            pieces = _first(self.ends_after, pieces)
        if self.bytes_per_second is not None:
            pieces = _in_portions(self.bytes_per_second // TICKS, pieces)
        yield from pieces


def _first(size: int, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield piece[:size]
        size -= len(piece)
        if size <= 0:
            return


def _in_portions(size: int, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from (piece[start : start + size] for start in range(0, len(piece), size))


async def until_gone(receive: Receive) -> None:
    """Wait until the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
