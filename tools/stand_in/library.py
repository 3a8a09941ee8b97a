"""The Open API's assets: by kind, by bare id, and in tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.answers import away, not_found
from tools.stand_in.kinds import KINDS
from tools.stand_in.links import base_of
from tools.stand_in.views import in_library, in_task, library_path, task_path

if TYPE_CHECKING:
    from starlette.requests import Request

    from tools.stand_in.world import Asset, World


@dataclass
class Library:
    """Shows the world's assets to whoever got past the gate."""

    world: World

    def routes(self) -> list[Route]:
        """List the routes of the public side."""
        library = [Route(f"/v3/{k.segment}/{{id}}", self.library_asset) for k in KINDS]
        task = [Route(f"/v3/tasks/{{task}}/{k.segment}/{{id}}", self.task_asset) for k in KINDS]
        return [*library, *task, Route("/v3/asset-urls/{id}", self.asset_url)]

    async def library_asset(self, request: Request) -> Response:
        """Answer with the asset if the library has it."""
        asset = self._asset(request)
        if asset is None or library_path(asset) != request.url.path:
            return not_found()
        if asset.place != "library":
            return away(asset)
        return JSONResponse(in_library(asset, base_of(request)))

    async def task_asset(self, request: Request) -> Response:
        """Answer with the asset if it lives in this task alone."""
        asset = self._asset(request)
        if asset is None or task_path(asset) != request.url.path:
            return not_found()
        if asset.place != "task":
            return away(asset)
        return JSONResponse(in_task(asset, base_of(request)))

    async def asset_url(self, request: Request) -> Response:
        """Redirect to where the asset lives."""
        asset = self._asset(request)
        if asset is None or asset.place in ("deleted", "forbidden"):
            return away(asset)
        path = task_path(asset) if asset.place == "task" else library_path(asset)
        headers = {"Location": base_of(request) + path, "X-Resource-Location": asset.place}
        return Response(None, 302, headers)

    def _asset(self, request: Request) -> Asset | None:
        return self.world.assets.get(request.path_params["id"])
