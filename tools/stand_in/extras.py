"""What the Open API tells of an asset in requests of their own: renditions and custom fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.answers import away, not_found
from tools.stand_in.queries import Page

if TYPE_CHECKING:
    from starlette.requests import Request

    from tools.stand_in.world import Asset, World

LISTED = ("id", "name", "created_at", "mime_type", "url")


@dataclass
class Extras:
    """Shows them for assets that are in the library."""

    world: World

    def routes(self) -> list[Route]:
        """List the routes of the public side."""
        return [
            Route("/v3/assets/{id}/renditions", self.renditions),
            Route("/v3/renditions/{id}", self.rendition),
            Route("/v3/assets/{id}/fields", self.custom_fields),
        ]

    async def renditions(self, request: Request) -> Response:
        """Answer with a page of an asset's renditions, in short."""
        asset = self._asset(request)
        if asset is None or asset.place != "library":
            return away(asset)
        page = Page.of(request).answer(request, asset.renditions, _in_short)
        return JSONResponse(page)

    async def rendition(self, request: Request) -> Response:
        """Answer with one rendition."""
        wanted = request.path_params["id"]
        for asset in self.world.assets.values():
            for rendition in asset.renditions:
                if rendition["id"] == wanted:
                    return JSONResponse(rendition) if asset.place == "library" else away(asset)
        return not_found()

    async def custom_fields(self, request: Request) -> Response:
        """Answer with a page of an asset's custom fields."""
        asset = self._asset(request)
        if asset is None or asset.place != "library":
            return away(asset)
        return JSONResponse(Page.of(request).answer(request, asset.custom_fields, dict))

    def _asset(self, request: Request) -> Asset | None:
        return self.world.assets.get(request.path_params["id"])


def _in_short(rendition: dict[str, Any]) -> dict[str, Any]:
    return {name: rendition[name] for name in LISTED}
