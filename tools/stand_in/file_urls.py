"""The Open API's download URLs by guid; those of private files carry a token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.files import PATH
from tools.stand_in.guids import in_base64

if TYPE_CHECKING:
    from starlette.requests import Request

    from tools.stand_in.file_access import FileAccess
    from tools.stand_in.files import File
    from tools.stand_in.world import World


class Guids(BaseModel):
    """The body of a request for download URLs."""

    model_config = ConfigDict(extra="forbid")

    guids: Annotated[list[str], Field(min_length=1)]


@dataclass
class FileUrls:
    """Finds files by guid and tells where to download them."""

    world: World
    access: FileAccess

    def routes(self) -> list[Route]:
        """List the routes of the public side."""
        return [Route("/v3/file-urls", self.file_urls, methods=["POST"])]

    async def file_urls(self, request: Request) -> Response:
        """Answer with a URL for each guid, null for one that is unknown."""
        guids = Guids.model_validate_json(await request.body()).guids
        return JSONResponse({"urls": {guid: self._url(guid) for guid in guids}})

    def _url(self, guid: str) -> str | None:
        if (file := self._file(guid)) is None:
            return None
        url = f"{self.world.files_origin}{PATH}{file.name}"
        return url if file.public else f"{url}?token={self.access.token(file)}"

    def _file(self, guid: str) -> File | None:
        match self.access.rules.guids:
            case "asset_id":
                file = self.world.own_file(guid)
            case "url":
                file = self.world.file(guid) or self.world.file(in_base64(guid))
            case "none":
                return None
        hidden = file is None or self.world.asset(file.asset_id).place == "forbidden"
        return None if hidden else file
