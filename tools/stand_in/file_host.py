"""The file host: an origin of its own, where files come and go without the Open API's token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from tools.stand_in.download_log import RECORD
from tools.stand_in.files import PATH
from tools.stand_in.served import served

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from tools.stand_in.cmp import Cmp


@dataclass
class FileHost:
    """Serves public files to all, private ones to who shows a token of theirs; takes uploads."""

    cmp: Cmp

    def app(self) -> ASGIApp:
        """Build the application, with the log around its downloads."""
        route = Route(f"{PATH}{{name}}", self.download, methods=["GET"])
        downloads = self.cmp.downloads.around(Starlette(routes=[route]))
        storage = [*self.cmp.uploads.storage(), *self.cmp.multipart.storage()]
        return Starlette(routes=[*storage, Mount("/", downloads)])

    async def download(self, request: Request) -> ASGIApp:
        """Answer with the file or the part of it that is asked for."""
        file = self.cmp.world.file(request.path_params["name"])
        if file is None:
            return PlainTextResponse("No such file", 404)
        request.scope[RECORD]["asset_id"] = file.asset_id
        if not self.cmp.file_access.admits(file, request.query_params.get("token")):
            return PlainTextResponse("Access denied", self.cmp.file_access.rules.refusal)
        fault = self.cmp.download_faults.next(file.asset_id)
        if fault is None:
            return served(file, request)
        request.scope[RECORD]["fault"] = fault.kind
        return fault.answer(file, request)
