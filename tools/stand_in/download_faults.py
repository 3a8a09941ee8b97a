"""What goes wrong with downloads, asset by asset, first ordered first met."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse

from tools.stand_in.served import served
from tools.stand_in.streams import Stream

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from tools.stand_in.files import File

PAGE = "<!doctype html><title>Log in</title><p>Please log in to see this file.</p>"


class DownloadFault(BaseModel):
    """How the downloads of an asset, or of any, go wrong; without a count until it is called off.

    `length` serves so many bytes more or fewer than the asset's file has, and says so; `truncated`
    breaks off after so many bytes, half of what it promised if that is not given; `type` serves a
    web page; `endless` ends when the client hangs up.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["status", "redirect", "length", "truncated", "type", "endless", "slow"]
    asset_id: str | None = None
    count: int | None = Field(default=None, ge=1)
    status: int = 503
    location: str = ""
    more_bytes: int = -1
    after_bytes: int | None = Field(default=None, ge=0)
    bytes_per_second: int = Field(default=1 << 16, ge=10)

    @model_validator(mode="after")
    def _a_redirect_leads_somewhere(self) -> DownloadFault:
        if self.kind == "redirect" and not self.location:
            msg = "a redirect needs a location"
            raise ValueError(msg)
        return self

    def answer(self, file: File, request: Request) -> ASGIApp:
        """Answer a request for the file as the fault has it."""
        match self.kind:
            case "status":
                return PlainTextResponse("Injected fault", self.status)
            case "redirect":
                return RedirectResponse(self.location, 302)
            case "type":
                return HTMLResponse(PAGE)
            case "endless":
                content = replace(file.content, size=sys.maxsize)
                return Stream(200, {"Content-Type": file.mime_type}, content.pieces())
            case "length":
                size = max(0, file.content.size + self.more_bytes)
                other = replace(file, content=replace(file.content, size=size))
                return served(other, request)
            case "truncated" | "slow":
                return self._hampered(served(file, request))

    def _hampered(self, whole: ASGIApp) -> ASGIApp:
        if not isinstance(whole, Stream):
            return whole
        if self.kind == "slow":
            return replace(whole, bytes_per_second=self.bytes_per_second)
        promised = int(whole.headers["Content-Length"])
        return replace(
            whole, ends_after=promised // 2 if self.after_bytes is None else self.after_bytes
        )


@dataclass
class DownloadFaults:
    """The faults still to come."""

    pending: list[DownloadFault] = field(default_factory=list)

    def next(self, asset_id: str) -> DownloadFault | None:
        """Find the fault that befalls a download of this asset, and count it."""
        fault = next((one for one in self.pending if one.asset_id in (None, asset_id)), None)
        if fault is not None and fault.count is not None:
            fault.count -= 1
            self.pending = [one for one in self.pending if one.count != 0]
        return fault
