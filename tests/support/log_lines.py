"""What our own logger writes, line by line, as CloudWatch would get it."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cmp_relay.telemetry import logger


class LogLines:
    """The lines written so far."""

    def __init__(self, stream: io.StringIO) -> None:
        """Read from a stream that is still written to."""
        self._stream = stream

    @property
    def text(self) -> str:
        """Return them as they are."""
        return self._stream.getvalue()

    def named(self, message: str) -> list[dict[str, Any]]:
        """Return the lines with a message, as JSON."""
        lines = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in lines if line["message"] == message]


@contextmanager
def log_lines() -> Iterator[LogLines]:
    """Yield what is written from now: capsys comes too late, the logger holds an older stdout."""
    stream = io.StringIO()
    handler: Any = logger.registered_handler
    before = handler.setStream(stream)
    try:
        yield LogLines(stream)
    finally:
        handler.setStream(before)
