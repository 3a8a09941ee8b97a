#!/var/lang/bin/python3
"""Services on the host's loopback, reached from a container under the very same addresses.

Plain http is trusted on loopback alone, in the functions as in the template, and the services of
the local stack listen nowhere else. So one end carries connections from the bridge to the host's
loopback, and the other end, this file run in the container as AWS_LAMBDA_EXEC_WRAPPER, from the
container's loopback to the bridge. Python's standard library is all that there is in a container.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

LOOPBACK = "127.0.0.1"
HOST = "host.docker.internal"
SERVICE = re.compile(r"http://(?:127\.0\.0\.1|localhost):(\d+)")
CHUNK_BYTES = 65536


def ports(values: Iterable[str]) -> set[int]:
    """Return the ports of the loopback services that environment variables name."""
    return {int(port) for value in values for port in SERVICE.findall(value)}


@contextlib.contextmanager
def carried(wanted: Iterable[int], *, listen: str, target: str) -> Iterator[None]:
    """Carry connections to these ports of one address to another for as long as the block runs.

    Raises:
        OSError: the address is not this machine's, or a port of it is taken.
    """
    loop = asyncio.new_event_loop()
    servers = [
        loop.run_until_complete(asyncio.start_server(partial(_carry, target, port), listen, port))
        for port in wanted
    ]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for server in servers:
            server.close()
        loop.run_until_complete(_cut_off())
        loop.close()


async def _cut_off() -> None:
    """End the connections that are still open."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


async def _carry(
    host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    async with _closing(writer):
        try:
            far_reader, far_writer = await asyncio.open_connection(host, port)
        except OSError:
            return
        async with _closing(far_writer):
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


@contextlib.asynccontextmanager
async def _closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def main() -> None:
    """Carry the container's loopback to the host in a process beside the function's."""
    ready, told = os.pipe()
    if os.fork() == 0:
        os.close(ready)
        with carried(ports(os.environ.values()), listen=LOOPBACK, target=HOST):
            os.close(told)
            threading.Event().wait()
    os.close(told)
    os.read(ready, 1)  # ends once the other process has closed its end
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606  # what Lambda's bootstrap hands to a wrapper


if __name__ == "__main__":
    main()
