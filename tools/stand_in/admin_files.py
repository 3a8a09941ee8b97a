"""The part of the admin side that is about files and the host that serves them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.announcements import ADMIN
from tools.stand_in.file_access import FileRules

if TYPE_CHECKING:
    from starlette.requests import Request

    from tools.stand_in.cmp import Cmp


@dataclass
class FileAdmin:
    """Tells where the file host is and what it did, and says whom it serves."""

    cmp: Cmp

    def routes(self) -> list[Route]:
        """List the routes of the admin side."""
        return [
            Route(f"{ADMIN}/origins", self.origins),
            Route(f"{ADMIN}/file-rules", self.set_rules, methods=["PUT"]),
        ]

    async def origins(self, _: Request) -> Response:
        """Tell the origin of the file host."""
        return JSONResponse({"files": self.cmp.files_origin})

    async def set_rules(self, request: Request) -> Response:
        """Put rules for private files in force."""
        self.cmp.file_access.rules = FileRules.model_validate_json(await request.body())
        return Response(None, 204)
