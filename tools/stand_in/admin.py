"""The admin side, which CMP does not have: sets the world up, orders faults, shows the logs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.admin_client_api import ClientApiAdmin
from tools.stand_in.admin_extras import ExtrasAdmin
from tools.stand_in.admin_files import FileAdmin
from tools.stand_in.admin_publishing import PublishingAdmin
from tools.stand_in.admin_tasks import TaskAdmin
from tools.stand_in.announcements import ADMIN, Announcements
from tools.stand_in.faults import Fault
from tools.stand_in.folders import Folders
from tools.stand_in.limits import LimitRules
from tools.stand_in.links import base_of
from tools.stand_in.moments import iso
from tools.stand_in.oauth import OAuthRules
from tools.stand_in.orders import NewAsset, NewAssets, NewFolder, NewPlace
from tools.stand_in.views import in_library
from tools.stand_in.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from tools.stand_in.cmp import Cmp

    Endpoint = Callable[[Request], Awaitable[Response]]

FIELDS: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


@dataclass
class Admin:
    """Gives a test the powers of CMP's users, its network and its operators."""

    cmp: Cmp

    def routes(self) -> list[Route]:
        """List every route under `/_admin`."""
        table: list[tuple[str, str, Endpoint]] = [
            ("POST", "/assets", self.add_asset),
            ("POST", "/assets/bulk", self.add_assets),
            ("POST", "/folders", self.add_folder),
            ("PATCH", "/assets/{id}", self.change_asset),
            ("PUT", "/assets/{id}/place", self.move_asset),
            ("PUT", "/webhook", self.register_webhook),
            ("POST", "/faults", self.add_fault),
            ("PUT", "/limits", self.set_limits),
            ("PUT", "/oauth", self.set_oauth),
            ("POST", "/oauth/expire", self.expire_tokens),
            ("POST", "/oauth/refresh-token", self.new_refresh_token),
            ("POST", "/reset", self.reset),
            *self._log("/deliveries", self.cmp.sender.records),
            *self._log("/requests", self.cmp.requests.records),
            *self._log("/downloads", self.cmp.downloads.records),
            ("GET", "/faults", self.list_faults),
            ("DELETE", "/faults", self.clear_faults),
        ]
        parts = (
            *(FileAdmin(self.cmp), ExtrasAdmin(self.cmp), ClientApiAdmin(self.cmp)),
            *(TaskAdmin(self.cmp), PublishingAdmin(self.cmp), Announcements(self.cmp)),
        )
        own = [Route(ADMIN + path, endpoint, methods=[verb]) for verb, path, endpoint in table]
        return [*own, *(route for part in parts for route in part.routes())]

    async def add_asset(self, request: Request) -> Response:
        """Create an asset."""
        order = NewAsset.model_validate_json(await request.body())
        asset = self.cmp.world.add(order.kind, order.model_extra or {})
        return JSONResponse(in_library(asset, base_of(request)), 201)

    async def add_assets(self, request: Request) -> Response:
        """Create many assets."""
        orders = NewAssets.model_validate_json(await request.body()).assets
        added = [self.cmp.world.add(order.kind, order.model_extra or {}) for order in orders]
        return JSONResponse({"ids": [asset.id for asset in added]}, 201)

    async def add_folder(self, request: Request) -> Response:
        """Create a folder."""
        order, world = NewFolder.model_validate_json(await request.body()), self.cmp.world
        moment = iso(world.now())
        folder = world.folders.add(order.name, order.parent_folder_id, order.id, moment)
        return JSONResponse(Folders(world.folders).shown(folder, base_of(request)), 201)

    async def change_asset(self, request: Request) -> Response:
        """Change fields of an asset."""
        fields = FIELDS.validate_json(await request.body())
        asset = self.cmp.world.change(request.path_params["id"], fields)
        return JSONResponse(in_library(asset, base_of(request)))

    async def move_asset(self, request: Request) -> Response:
        """Let an asset live elsewhere."""
        place = NewPlace.model_validate_json(await request.body()).place
        asset = self.cmp.world.move(request.path_params["id"], place)
        return JSONResponse({"id": asset.id, "place": asset.place, "task_id": asset.task_id})

    async def register_webhook(self, request: Request) -> Response:
        """Say where deliveries go."""
        self.cmp.sender.webhook = Webhook.model_validate_json(await request.body())
        return _done()

    async def add_fault(self, request: Request) -> Response:
        """Let the next requests go wrong."""
        self.cmp.faults.pending.append(Fault.model_validate_json(await request.body()))
        return _done()

    async def list_faults(self, _: Request) -> Response:
        """Show the faults still to come."""
        return JSONResponse([one.model_dump() for one in self.cmp.faults.pending])

    async def clear_faults(self, _: Request) -> Response:
        """Call all faults off."""
        self.cmp.faults.pending.clear()
        return _done()

    async def set_limits(self, request: Request) -> Response:
        """Put limits in force."""
        self.cmp.limits.rules = LimitRules.model_validate_json(await request.body())
        return _done()

    async def set_oauth(self, request: Request) -> Response:
        """Change how tokens are issued."""
        self.cmp.oauth.apply(OAuthRules.model_validate_json(await request.body()))
        return _done()

    async def expire_tokens(self, _: Request) -> Response:
        """Let every access token be expired."""
        self.cmp.oauth.expire_all()
        return _done()

    async def new_refresh_token(self, _: Request) -> Response:
        """Issue a refresh token."""
        return JSONResponse({"refresh_token": self.cmp.oauth.new_refresh_token()})

    async def reset(self, _: Request) -> Response:
        """Start afresh."""
        self.cmp.reset()
        return _done()

    def _log(self, path: str, records: list[Any]) -> list[tuple[str, str, Endpoint]]:
        async def show(_: Request) -> Response:
            return JSONResponse(records)

        async def clear(_: Request) -> Response:
            records.clear()
            return _done()

        return [("GET", path, show), ("DELETE", path, clear)]


def _done() -> Response:
    return Response(None, 204)
