"""The part of the admin side that sets renditions and custom fields of assets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.announcements import ADMIN

if TYPE_CHECKING:
    from starlette.requests import Request

    from tools.stand_in.cmp import Cmp

LIST: TypeAdapter[list[dict[str, Any]]] = TypeAdapter(list[dict[str, Any]])


@dataclass
class ExtrasAdmin:
    """Puts lists in the place of those that an asset has."""

    cmp: Cmp

    def routes(self) -> list[Route]:
        """List the routes of the admin side."""
        asset = f"{ADMIN}/assets/{{id}}"
        return [
            Route(f"{asset}/renditions", self.set_renditions, methods=["PUT"]),
            Route(f"{asset}/fields", self.set_custom_fields, methods=["PUT"]),
        ]

    async def set_renditions(self, request: Request) -> Response:
        """Let an asset have these renditions, each a `name` and what differs from the sample."""
        renditions = LIST.validate_json(await request.body())
        asset = self.cmp.world.render(request.path_params["id"], renditions)
        return JSONResponse(asset.renditions)

    async def set_custom_fields(self, request: Request) -> Response:
        """Let an asset have these custom fields, as the Open API shows them."""
        asset = self.cmp.world.asset(request.path_params["id"])
        asset.custom_fields = LIST.validate_json(await request.body())
        return JSONResponse(asset.custom_fields)
