"""Files of this machine on their way out, and the forms that carry them.

A form is `multipart/form-data` (RFC 7578).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedReader, FileIO
from pathlib import Path
from stat import S_ISREG
from typing import IO

import httpx


class SteadyFile(BufferedReader):
    """A file of `size` bytes, opened to be read, that has to stay as it is until its end is read.

    Its length is announced before its content goes out: one that grew meanwhile would arrive
    without its end. Raises OSError for that, and for what has no length, such as a pipe.
    """

    def __init__(self, path: Path) -> None:
        """Open it; raises OSError, also for a name that no form can hold."""
        try:
            path.name.encode()
        except UnicodeEncodeError:
            raise OSError(f"the name {path.name!r} is not UTF-8: rename the file") from None
        if not S_ISREG(path.stat().st_mode):
            raise OSError(f"{path.name} has no length, as a pipe: write its content into a file")
        super().__init__(FileIO(path))
        self.size, self._changed_at = self._state()

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes, which are of the file that was opened; raises OSError."""
        content = super().read(size)
        if self._state() != (self.size, self._changed_at):
            name = Path(os.fsdecode(self.name)).name
            raise OSError(f"{name} has changed while it was uploaded: do it again when it is done")
        return content

    def _state(self) -> tuple[int, int]:
        found = os.fstat(self.fileno())
        return found.st_size, found.st_mtime_ns


@dataclass(frozen=True, slots=True)
class Form:
    """Fields in their order and the file, which comes last: so CMP's storage asks for it.

    The file is read from its beginning each time that the form is sent.
    """

    fields: Mapping[str, str]
    name: str
    file: IO[bytes]

    def request(
        self, client: httpx.Client, url: httpx.URL, headers: Mapping[str, str] | None = None
    ) -> httpx.Request:
        """Build the POST that carries the form."""
        file = {"file": (self.name, self.file)}
        return client.build_request(
            "POST", url, headers=headers, data=dict(self.fields), files=file
        )
