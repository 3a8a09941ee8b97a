"""Stands between the functions and the local AWS, and lets calls go wrong on the way.

One request a connection, passed on byte for byte: the signature covers path, host and body.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tools.chaos.aws_faults import FILES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.chaos.aws_faults import AwsFaults

LOOPBACK = "127.0.0.1"
END_OF_HEAD = b"\r\n\r\n"
HOP_BY_HOP = re.compile(rb"\r\n(?:connection|expect):[^\r]*", re.IGNORECASE)
DOCUMENT = re.compile(rb"[A-Z]+ [^? ]*\.json[? ]")
SCOPE = re.compile(rb"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request")


@dataclass
class AwsProxy:
    """A proxy in a thread of its own, from `start` to `stop`."""

    faults: AwsFaults
    _target: tuple[str, int] = (LOOPBACK, 0)
    _url: str = ""
    _end: Callable[[], object] | None = None
    _thread: threading.Thread | None = None
    _ready: threading.Event = field(default_factory=threading.Event)
    _serving: set[object] = field(default_factory=set)

    def start(self, endpoint: str) -> str:
        """Begin to pass calls on to the AWS at `endpoint`; return the endpoint to call instead."""
        address = urlsplit(endpoint)
        self._target = (str(address.hostname), int(address.port or 80))
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run()), name="aws-proxy", daemon=True
        )
        self._thread.start()
        self._ready.wait(10)
        return self._url

    def stop(self) -> None:
        """End the proxy; does nothing before its start."""
        if self._thread is not None and self._end is not None:
            self._end()
            self._thread.join()

    async def _run(self) -> None:
        server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        self._url = f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}"
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        self._end = lambda: loop.call_soon_threadsafe(ended.set)
        self._ready.set()
        await ended.wait()
        server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # asyncio forgets the task of a caller that has gone, even while it waits for AWS.
        task = asyncio.current_task()
        self._serving.add(task)
        try:
            await self._serve_one(reader, writer)
        finally:
            self._serving.discard(task)

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A caller that gives up is no fault of ours; and in the end all are given up.
        with contextlib.suppress(
            ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError
        ):
            answer = await self._answer(reader, writer)
            if answer is None:
                writer.transport.abort()
                return
            writer.write(answer)
            await writer.drain()
        writer.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes | None:
        head = await reader.readuntil(END_OF_HEAD)
        if b"100-continue" in head.lower():
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await _body(head, reader)
        fault = self.faults.meet(service_of(head))
        if fault is not None and fault.moment == "before":
            return fault.answer()
        answer = await self._forward(head, body)
        return answer if fault is None else fault.answer()

    async def _forward(self, head: bytes, body: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(*self._target)
        try:
            kept = HOP_BY_HOP.sub(b"", head.removesuffix(END_OF_HEAD))
            writer.write(kept + b"\r\nConnection: close" + END_OF_HEAD + body)
            await writer.drain()
            return await reader.read()
        finally:
            writer.close()


def service_of(head: bytes) -> str:
    """Return the AWS service that a signed request is for, and whether S3's is about a file."""
    found = SCOPE.search(head)
    service = found[1].decode() if found else "unsigned"
    return FILES if service == "s3" and not DOCUMENT.match(head) else service


async def _body(head: bytes, reader: asyncio.StreamReader) -> bytes:
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    return await reader.readexactly(int(length[1])) if length else b""
