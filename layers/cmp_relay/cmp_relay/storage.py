"""CMP's storage of uploads: hosts of its own, which are shown no token (facts.md 7).

CMP signs each URL and form, so what leads there is as good as a password: errors name origin and
path alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

import httpx

from cmp_relay.errors import UnavailableError
from cmp_relay.exchanges import Deadline, exchange
from cmp_relay.fields import at, text
from cmp_relay.forms import Form
from cmp_relay.origins import FileOrigins


@dataclass(frozen=True, slots=True)
class Storage:
    """Sends files to the origins that are listed; raises UntrustedLinkError, UnavailableError."""

    client: httpx.Client
    origins: FileOrigins

    def send(self, told: Mapping[str, Any], name: str, file: IO[bytes], seconds: float) -> str:
        """Send a file with the form of `GET /upload-url` and return CMP's key for it."""
        url, fields = text(told.get("url")), at(told, "upload_meta_fields")
        key = text(at(fields, "key"))
        if url is None or key is None or not isinstance(fields, dict):
            raise UnavailableError("GET upload-url: no form")
        values = {name: value for name, value in fields.items() if isinstance(value, str)}
        form = Form(values, name, file)
        self._exchange(form.request(self.client, self.origins.trusted(url)), seconds)
        return key

    def put(self, url: str, part: bytes, seconds: float) -> None:
        """Send one part of a multipart upload."""
        trusted = self.origins.trusted(url)
        self._exchange(self.client.build_request("PUT", trusted, content=part), seconds)

    def _exchange(self, request: httpx.Request, seconds: float) -> None:
        answer = exchange(self.client, request, Deadline(seconds))
        if not 200 <= answer.status < 300:
            raise UnavailableError(f"{answer.name}: {answer.status}", status=answer.status)
