"""The log of requests to the public side, in the order of their arrival."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.datastructures import Headers

from tools.stand_in.records import RequestRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

RECORD = "stand_in.record"


@dataclass
class RequestLog:
    """Records what comes in and how it was answered; `bearer` judges the Authorization header."""

    bearer: Callable[[str | None], str]
    records: list[RequestRecord] = field(default_factory=list)

    def around(self, app: ASGIApp) -> ASGIApp:
        """Wrap an application so that each of its requests is recorded."""

        async def logged(scope: Scope, receive: Receive, send: Send) -> None:
            record = self._open(scope)
            scope[RECORD] = record
            await app(scope, receive, _completing(record, send))

        return logged

    def _open(self, scope: Scope) -> RequestRecord:
        authorization = Headers(scope=scope).get("authorization")
        query = parse_qsl(scope["query_string"].decode(), keep_blank_values=True)
        record = RequestRecord(
            at=time.time(),
            method=scope["method"],
            path=scope["path"],
            query_keys=[key for key, _ in query],
            status=None,
            bearer=self.bearer(authorization),
            fault=None,
            authorization_sha256=_digest(authorization),
        )
        self.records.append(record)
        return record


def _completing(record: RequestRecord, send: Send) -> Send:
    begun: dict[str, int] = {}

    async def observed(message: Message) -> None:
        if message["type"] == "http.response.start":
            begun["status"] = message["status"]
        elif not message.get("more_body", False):
            # Before the send: the client may read the log as soon as it has the last byte.
            record["status"] = begun["status"]
        await send(message)

    return observed


def _digest(authorization: str | None) -> str | None:
    return sha256(authorization.encode()).hexdigest() if authorization is not None else None
