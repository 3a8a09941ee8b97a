"""The loopback address to which CMP sends the browser back with the code of a login (RFC 8252).

Any web page can call it: a request counts only with the state that was made up for this login.
Nothing that comes in is shown or logged, since it may hold the code.
"""

import hmac
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from queue import Empty, SimpleQueue
from socketserver import ThreadingTCPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

from cmp_relay.oauth import known_error
from cmp_relay_cli.errors import OperatorError

HOST, PATH = "127.0.0.1", "/callback"
SILENCE_SECONDS = 10
"""How long a connection may say nothing: browsers open some that they do not use."""
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'",
    "Referrer-Policy": "no-referrer",
    "Connection": "close",
}
DONE = "CMP has answered. You can close this page: how it went on stands in the terminal."
STRANGE = "This is not the answer that the command waits for. Nothing was changed."


@dataclass(frozen=True, slots=True)
class Reply:
    """What CMP sent the browser back with: a code, or the error of RFC 6749, empty if unknown."""

    code: str | None = field(default=None, repr=False)
    error: str = ""


def address(port: int) -> str:
    """Return the address that the app in CMP has to name as its Authorization Callback URL."""
    return f"http://{HOST}:{port}{PATH}"


@contextmanager
def listening(port: int, state: str) -> Iterator["Callback"]:
    """Listen while the block runs; raises OperatorError if the port is not to be had."""
    callback = Callback(state)
    try:
        server = _Server((HOST, port), callback.handler())
    except OSError:
        message = f"port {port} cannot be used: name another one with --port, and in CMP's app"
        raise OperatorError(message) from None
    with server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield callback
        finally:
            server.shutdown()


class Callback:
    """What came back so far."""

    def __init__(self, state: str) -> None:
        """Keep the state, which a reply has to repeat."""
        self._state = state.encode()
        self._replies: SimpleQueue[Reply] = SimpleQueue()

    def wait(self, seconds: float) -> Reply | None:
        """Return the first reply to this login, None if there is none in time."""
        try:
            return self._replies.get(timeout=seconds)
        except Empty:
            return None

    def read(self, query: str) -> Reply | None:
        """Read a query as a reply to this login, None if it is none."""
        values = parse_qs(query)
        state = "\n".join(values.get("state", ()))
        if not hmac.compare_digest(state.encode(), self._state):
            return None
        match values:
            case {"error": [error, *_]}:
                return Reply(error=known_error(error))
            case {"code": [code]}:
                return Reply(code)
        return None

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Return what answers the browser."""
        callback, replies = self, self._replies

        class Handler(_Quiet):
            def do_GET(self) -> None:
                path, _, query = self.path.partition("?")
                reply = callback.read(query) if path == PATH else None
                if reply:
                    try:
                        self.page(200, DONE)
                    finally:
                        replies.put(reply)  # also if the browser has hung up: a code is good once
                else:
                    self.page(400 if path == PATH else 404, STRANGE)

        return Handler


class _Server(ThreadingTCPServer):
    allow_reuse_address = os.name == "posix"  # elsewhere it lets two listen to one port
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - its own
        """Let a browser hang up."""


class _Quiet(BaseHTTPRequestHandler):
    timeout = SILENCE_SECONDS

    def page(self, status: int, text: str) -> None:
        """Answer with a page of one sentence."""
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        title = '<!doctype html><html lang="en"><title>CMP Relay</title>'
        self.wfile.write(f"{title}<p>{text}</p></html>\n".encode())

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no good request; the base class would repeat it."""
        self.page(code, STRANGE)

    def version_string(self) -> str:
        """Keep Python's version to ourselves."""
        return "cmp-relay"

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: a path holds the code."""
