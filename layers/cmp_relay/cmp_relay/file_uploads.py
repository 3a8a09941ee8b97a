"""Files of this machine that become files that CMP knows by a key, large ones in parts.

Such a key is good for a new asset, or for a new version of one (`cmp_assets`).
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from cmp_relay.endpoint import Endpoint
from cmp_relay.errors import RequestRefusedError, UnavailableError
from cmp_relay.fields import at, text
from cmp_relay.forms import SteadyFile
from cmp_relay.storage import Storage

MEBIBYTE = 2**20
MULTIPART_FROM = 100 * MEBIBYTE
"""Bytes; multipart uploads are Experimental, so that files that fit into a form go as one."""
PART_SIZE = 16 * MEBIBYTE
MOST_PARTS = 10_000
UPLOAD_SECONDS = 3600
"""As long as a form is good."""
TRIES = 3
FIRST_POLL = 2.0
LONGEST_POLL = 30.0
COMPLETION_SECONDS = 600
DONE, FAILED = "UPLOAD_COMPLETION_SUCCEEDED", "UPLOAD_COMPLETION_FAILED"

Given = TypeVar("Given")
Progress = Callable[[int], None]
"""Hears how many bytes more have been sent."""


def unheard(_: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class FileUploads:
    """Uploads files; from `multipart_from` bytes on in parts of `part_size`, 5 MiB at least."""

    endpoint: Endpoint
    storage: Storage
    multipart_from: int = MULTIPART_FROM
    part_size: int = PART_SIZE
    sleep: Callable[[float], None] = time.sleep

    def send(self, path: Path, sent: Progress = unheard) -> str:
        """Upload a file and return CMP's key for it; raises ApiErrors, and OSErrors of the file."""
        with SteadyFile(path) as file:
            if file.size >= self.multipart_from:
                return self._send_parts(file, sent)
            form = self.endpoint.get(self.endpoint.link("upload-url"))
            send = partial(self.storage.send, form, path.name, file, UPLOAD_SECONDS)
            key = self._persist(send)
            sent(file.size)
        return key

    def _send_parts(self, file: SteadyFile, sent: Progress) -> str:
        size = file.size
        part_size = max(self.part_size, -(-size // MOST_PARTS))
        order = {"file_size": size, "part_size": part_size}
        told = self.endpoint.tell("POST", self.endpoint.link("multipart-uploads"), order)
        for url in _urls(told, -(-size // part_size)):
            part = file.read(part_size)
            self._persist(partial(self.storage.put, url, part, UPLOAD_SECONDS))
            sent(len(part))
        completion = self.endpoint.tell("POST", _link(told, "complete"))
        key = text(completion.get("key"))
        if key is None:
            raise UnavailableError("POST multipart-uploads: no key")
        self._await(_link(completion, "status"))
        return key

    def _await(self, status_link: str) -> None:
        """Wait until CMP has put the parts together; each look is a request, so ever less often."""
        delay, waited = FIRST_POLL, 0.0
        while True:
            status = self._status(status_link)
            if status == DONE:
                return
            if status == FAILED:
                raise RequestRefusedError("CMP could not put the parts of the upload together")
            if waited + delay > COMPLETION_SECONDS:
                raise UnavailableError("CMP has not put the parts of the upload together in time")
            self.sleep(delay)
            delay, waited = min(2 * delay, LONGEST_POLL), waited + delay

    def _status(self, link: str) -> object:
        """Return how far CMP is, None if it does not tell: the next look does, all parts are there.

        Who gave up instead would have to send them all again.
        """
        with suppress(UnavailableError):
            return self.endpoint.get(link).get("status")
        return None

    def _persist(self, send: Callable[[], Given]) -> Given:
        """Send once more what the storage did not take: the same form or part does no harm."""
        for attempt in range(1, TRIES):
            try:
                return send()
            except UnavailableError as error:
                if error.status is not None and error.status < 500:
                    raise
            self.sleep(2.0**attempt)
        return send()


def _urls(told: Mapping[str, Any], count: int) -> list[str]:
    """Return the URLs of all parts; raises UnavailableError if they are not as many as those."""
    urls = told.get("upload_part_urls")
    if not isinstance(urls, list) or [*map(text, urls)] != urls or len(urls) != count:
        raise UnavailableError("POST multipart-uploads: not a URL for each part")
    return urls


def _link(told: Mapping[str, Any], name: str) -> str:
    link = text(at(told, "links", name))
    if link is None:
        raise UnavailableError(f"a multipart upload without a link {name}")
    return link
