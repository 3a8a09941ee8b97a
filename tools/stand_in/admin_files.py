"""The part of the admin side that is about files and the host that serves them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.announcements import ADMIN
from tools.stand_in.download_faults import DownloadFault
from tools.stand_in.file_access import FileRules
from tools.stand_in.uploads import UploadRules

if TYPE_CHECKING:
    from starlette.requests import Request

    from tools.stand_in.cmp import Cmp


@dataclass
class FileAdmin:
    """Tells where the file host is and what it did, and says whom it serves."""

    cmp: Cmp

    def routes(self) -> list[Route]:
        """List the routes of the admin side."""
        faults = f"{ADMIN}/download-faults"
        return [
            Route(f"{ADMIN}/origins", self.origins),
            Route(f"{ADMIN}/file-rules", self.set_rules, methods=["PUT"]),
            Route(f"{ADMIN}/upload-rules", self.set_upload_rules, methods=["PUT"]),
            Route(f"{ADMIN}/uploads", self.uploads, methods=["GET"]),
            Route(faults, self.list_faults, methods=["GET"]),
            Route(faults, self.add_fault, methods=["POST"]),
            Route(faults, self.clear_faults, methods=["DELETE"]),
        ]

    async def origins(self, _: Request) -> Response:
        """Tell the origin of the file host."""
        return JSONResponse({"files": self.cmp.files_origin})

    async def set_rules(self, request: Request) -> Response:
        """Put rules for private files in force."""
        self.cmp.file_access.rules = FileRules.model_validate_json(await request.body())
        return Response(None, 204)

    async def set_upload_rules(self, request: Request) -> Response:
        """Put rules for uploads in force."""
        self.cmp.uploads.rules = UploadRules.model_validate_json(await request.body())
        return Response(None, 204)

    async def uploads(self, _: Request) -> Response:
        """Show what was sent to the storage of uploads."""
        return JSONResponse(self.cmp.uploads.records)

    async def list_faults(self, _: Request) -> Response:
        """Show the faults of downloads still to come."""
        return JSONResponse([one.model_dump() for one in self.cmp.download_faults.pending])

    async def add_fault(self, request: Request) -> Response:
        """Let downloads go wrong."""
        fault = DownloadFault.model_validate_json(await request.body())
        self.cmp.download_faults.pending.append(fault)
        return Response(None, 204)

    async def clear_faults(self, _: Request) -> Response:
        """Call all faults of downloads off."""
        self.cmp.download_faults.pending.clear()
        return Response(None, 204)
