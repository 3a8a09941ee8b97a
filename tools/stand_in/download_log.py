"""The log of requests to the file host, in the order of their arrival."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.datastructures import Headers

from tools.stand_in.records import DownloadRecord

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

RECORD = "stand_in.download"


@dataclass
class DownloadLog:
    """Records what comes in, what it shows of itself, and how much of the answer was sent."""

    records: list[DownloadRecord] = field(default_factory=list)

    def around(self, app: ASGIApp) -> ASGIApp:
        """Wrap an application so that each of its requests is recorded."""

        async def logged(scope: Scope, receive: Receive, send: Send) -> None:
            record = _opened(scope)
            self.records.append(record)
            scope[RECORD] = record
            await app(scope, receive, _counting(record, send))

        return logged


def _opened(scope: Scope) -> DownloadRecord:
    headers = Headers(scope=scope)
    return DownloadRecord(
        at=time.time(),
        path=scope["path"],
        asset_id=None,
        token="token" in parse_qs(scope["query_string"].decode()),
        authorization="authorization" in headers,
        cookie="cookie" in headers,
        range=headers.get("range"),
        status=None,
        sent_bytes=0,
        whole=False,
        fault=None,
    )


def _counting(record: DownloadRecord, send: Send) -> Send:
    async def counted(message: Message) -> None:
        if message["type"] == "http.response.start":
            record["status"] = message["status"]
        else:
            # Before the send: the client may read the log as soon as it has the last byte.
            record["sent_bytes"] += len(message.get("body", b""))
            record["whole"] = not message.get("more_body", False)
        await send(message)

    return counted
