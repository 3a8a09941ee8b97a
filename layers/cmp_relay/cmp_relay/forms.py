"""Forms with a file, as `multipart/form-data` carries them (RFC 7578)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

import httpx


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
