#!/var/lang/bin/python3
"""Services on the host's loopback, reached from a container under the very same addresses.

Plain http is trusted on loopback alone, in the functions as in the template, and the services of
the local stack listen nowhere else. So one end carries connections from the bridge to the host's
loopback, and the other end, this file run in the container as AWS_LAMBDA_EXEC_WRAPPER, from the
container's loopback to the bridge. Python's standard library is all that there is in a container.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import socketserver
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
    with contextlib.ExitStack() as stack:
        for port in wanted:
            carrier = stack.enter_context(Carrier((listen, port), (target, port)))
            thread = threading.Thread(target=carrier.serve_forever, daemon=True)
            thread.start()
            stack.callback(carrier.cut_off)
        yield


class Carrier(socketserver.ThreadingTCPServer):
    """Carries the connections to one port."""

    allow_reuse_address = True

    def __init__(self, listen: tuple[str, int], target: tuple[str, int]) -> None:
        """Listen; nothing is taken before `serve_forever`."""
        super().__init__(listen, Connection)
        self.target = target
        self.open: set[socket.socket] = set()

    def cut_off(self) -> None:
        """Take no more connections and end the open ones."""
        self.shutdown()
        for each in list(self.open):
            _shut(each)


class Connection(socketserver.BaseRequestHandler):
    """One connection: both directions end together, as soon as one side hangs up."""

    server: Carrier
    request: socket.socket

    def handle(self) -> None:
        """Carry all bytes until one side hangs up."""
        try:
            far = socket.create_connection(self.server.target)
        except OSError:
            return
        near, ends = self.request, {self.request, far}
        self.server.open |= ends
        with far:
            back = threading.Thread(target=_pump, args=(far, near), daemon=True)
            back.start()
            _pump(near, far)
            back.join()
        self.server.open -= ends


def _pump(source: socket.socket, sink: socket.socket) -> None:
    # Else a request of several small pieces waits 40 ms for an acknowledgement
    sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK_BYTES):
            sink.sendall(data)
    _shut(source)
    _shut(sink)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


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
