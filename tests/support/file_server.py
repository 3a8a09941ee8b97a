"""A loopback file host that answers as it is told, also wrongly, and remembers the requests."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from tests.support.stub_server import Asked


class Reply(NamedTuple):
    """An answer, sent as it is: a `Content-Length` is there, and right, if the headers say so."""

    status: int = 200
    headers: Mapping[str, str] = {}
    body: Iterable[bytes] = ()


Replies = Callable[[Asked], Reply]


@dataclass
class FileServer:
    """What it answers with, and the requests so far."""

    url: str
    reply: Replies = field(default=lambda _: Reply(404))
    asked: list[Asked] = field(default_factory=list)


def a_file(content: bytes, mime_type: str = "video/mp4", etag: str = '"1"') -> Replies:
    """Return what a good host answers: the file, or its rest if it still has that ETag."""

    def reply(asked: Asked) -> Reply:
        start = int(asked.headers.get("range", "bytes=0-")[6:-1])
        if asked.headers.get("if-range", etag) != etag:
            start = 0
        rest = content[start:]
        headers = {"Content-Type": mime_type, "ETag": etag, "Content-Length": str(len(rest))}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return Reply(206 if start else 200, headers, [rest])

    return reply


@contextmanager
def file_server() -> Iterator[FileServer]:
    """Yield a server on a free port of the loopback interface."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = Asked("GET", self.path, {k.lower(): v for k, v in self.headers.items()}, b"")
            server.asked.append(asked)
            reply = server.reply(asked)
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Connection": "close"}.items():
                self.send_header(name, value)
            try:
                self.end_headers()
                for chunk in reply.body:
                    self.wfile.write(chunk)
            except ConnectionError:
                """Whoever has seen enough hangs up."""

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        server = FileServer(f"http://127.0.0.1:{listener.server_port}")
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            thread.join()
