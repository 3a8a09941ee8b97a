"""Serves the stand-in on loopback ports and says when it answers."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

LOOPBACK = "127.0.0.1"


class AnnouncingServer(uvicorn.Server):
    """A uvicorn server that calls `ready` once it accepts connections."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        """Keep what to call."""
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        if self.started:
            self._ready()


def listener(port: int) -> socket.socket:
    """Take a port of the loopback address; 0 is a free one."""
    return socket.create_server((LOOPBACK, port))


def origin(of: socket.socket) -> str:
    """Tell the origin by which a listener is reached."""
    return f"http://{LOOPBACK}:{of.getsockname()[1]}"


def serve(app: ASGIApp, listeners: list[socket.socket], ready: Callable[[], None]) -> None:
    """Serve all listeners until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        app,
        log_level="critical",  # some faults break answers off on purpose, each an error to uvicorn
        timeout_keep_alive=75,  # longer than clients keep theirs: no race for a closing connection
        timeout_graceful_shutdown=1,
    )
    AnnouncingServer(config, ready).run(sockets=listeners)
