"""Which part of a file a request asks for (RFC 9110, 14): one range of bytes, or the whole."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.datastructures import Headers

ONE_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True)
class Part:
    """The bytes from `start` up to `end` of `size`."""

    start: int
    end: int
    size: int

    @property
    def content_range(self) -> str:
        """Write it as the header Content-Range does."""
        return f"bytes {self.start}-{self.end - 1}/{self.size}"

    def is_satisfiable(self) -> bool:
        """Tell whether the file has any byte of it."""
        return self.start < self.end


def asked_for(headers: Headers, size: int, validators: Collection[str]) -> Part | None:
    """Read Range, unless If-Range names none of the validators; None is the whole file."""
    found = ONE_RANGE.fullmatch(headers.get("range", "").strip())
    if found is None or found.groups() == ("", ""):
        return None
    if headers.get("if-range", next(iter(validators))) not in validators:
        return None
    first, last = found.groups()
    if not first:
        return Part(max(0, size - int(last)), size, size)
    return Part(int(first), min(int(last) + 1, size) if last else size, size)
