"""How a file is served when all goes well: whole, or the part that is asked for."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse

from tools.stand_in.ranges import asked_for
from tools.stand_in.streams import Stream

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from tools.stand_in.files import File


def served(file: File, request: Request) -> ASGIApp:
    """Answer a request for the file."""
    headers = {
        "Content-Type": file.mime_type,
        "ETag": file.content.etag,
        "Last-Modified": formatdate(file.uploaded_at, usegmt=True),
        "Accept-Ranges": "bytes",
    }
    size = file.content.size
    part = asked_for(request.headers, size, (headers["ETag"], headers["Last-Modified"]))
    if part is None:
        whole = {**headers, "Content-Length": str(size)}
        return Stream(200, whole, file.content.pieces())
    if not part.is_satisfiable():
        return PlainTextResponse("No such range", 416, {"Content-Range": f"bytes */{size}"})
    length = {"Content-Length": str(part.end - part.start), "Content-Range": part.content_range}
    return Stream(206, headers | length, file.content.pieces(part.start, part.end))
