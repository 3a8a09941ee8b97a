"""What AWS does wrong: throttles, fails or hangs up, before it has done what was asked or after it.

After it is the harder one: the caller is told of a failure, and what it asked for has happened.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["throttled", "failing", "dropped"]
Moment = Literal["before", "after"]

FILES = "s3 files"
"""S3, as far as it is about files and not about documents."""
# How each service says that it is asked too often; all others of its errors look alike.
THROTTLED = {
    "dynamodb": (400, "ProvisionedThroughputExceededException"),
    "events": (400, "ThrottlingException"),
    "lambda": (429, "TooManyRequestsException"),
    "s3": (503, "SlowDown"),
    FILES: (503, "SlowDown"),
    "secretsmanager": (400, "ThrottlingException"),
    "sqs": (400, "ThrottlingException"),
}
FAILING = (500, "InternalServerError")


@dataclass(frozen=True)
class AwsFault:
    """What befalls the next `calls` calls of a service."""

    service: str
    kind: Kind
    moment: Moment = "before"
    calls: int = 1

    @property
    def name(self) -> str:
        """Name the fault in the report."""
        return f"{self.service} {self.kind} {self.moment}"

    def answer(self) -> bytes | None:
        """Return the whole HTTP answer of AWS, None for a connection that just ends."""
        if self.kind == "dropped":
            return None
        status, code = THROTTLED[self.service] if self.kind == "throttled" else FAILING
        if self.service in {"s3", FILES}:
            body = f"<Error><Code>{code}</Code><Message>Injected</Message></Error>"
            return _http(status, body, "application/xml", code)
        body = json.dumps({"__type": code, "message": "Injected"})
        return _http(status, body, "application/x-amz-json-1.0", code)


@dataclass
class AwsFaults:
    """The faults still to come, first ordered first met; used by several threads."""

    _pending: list[AwsFault] = field(default_factory=list)
    _met: Counter[str] = field(default_factory=Counter)
    _calls: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def order(self, fault: AwsFault) -> None:
        """Let the next calls of a service go wrong."""
        with self._lock:
            self._pending += [fault] * fault.calls

    def meet(self, service: str) -> AwsFault | None:
        """Return what befalls this call of a service."""
        with self._lock:
            self._calls[service] += 1
            fault = next((one for one in self._pending if one.service == service), None)
            if fault is not None:
                self._pending.remove(fault)
                self._met[fault.name] += 1
            return fault

    @property
    def met(self) -> Counter[str]:
        """Return how many calls met each fault."""
        with self._lock:
            return Counter(self._met)

    @property
    def calls(self) -> Counter[str]:
        """Return how many calls each service had."""
        with self._lock:
            return Counter(self._calls)


def _http(status: int, body: str, content_type: str, code: str) -> bytes:
    head = [
        f"HTTP/1.1 {status} Injected",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        f"x-amzn-ErrorType: {code}",
        "Connection: close",
    ]
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()
