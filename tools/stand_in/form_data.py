"""Forms with files, as `multipart/form-data` carries them (RFC 7578)."""

from __future__ import annotations

from email.message import Message
from typing import NamedTuple


class Part(NamedTuple):
    """One field of a form; a file has a name of its own and perhaps a MIME type."""

    name: str
    content: bytes
    filename: str | None
    mime_type: str | None


def parts(content_type: str, body: bytes) -> list[Part]:
    """Read a form's fields in their order; a body that is no form has none."""
    boundary = _header("content-type", content_type).get_param("boundary")
    if not isinstance(boundary, str):
        return []
    _, *rest = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    return [_part(one) for one in rest if one.startswith(b"\r\n")]


def _part(text: bytes) -> Part:
    head, _, content = text.partition(b"\r\n\r\n")
    told = Message()
    for line in head.decode().strip().splitlines():
        header, _, value = line.partition(":")
        told[header] = value.strip()
    mime_type = told.get_content_type() if "content-type" in told else None
    name = told.get_param("name", header="content-disposition")
    return Part(str(name), content, told.get_filename(), mime_type)


def _header(name: str, value: str) -> Message:
    message = Message()
    message[name] = value
    return message
