"""The part of the admin side that sends deliveries: of publishing, of the library, of anything."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.deliveries import EventName, body, library_body
from tools.stand_in.links import base_of
from tools.stand_in.orders import DeliveryOrder, LibraryOrder, PublishOrder
from tools.stand_in.records import Sent

if TYPE_CHECKING:
    from starlette.requests import Request

    from tools.stand_in.cmp import Cmp

ADMIN = "/_admin"


@dataclass
class Announcements:
    """Builds deliveries from the world, sends them, and answers when the sends have ended."""

    cmp: Cmp

    def routes(self) -> list[Route]:
        """List the routes of the admin side."""
        table = {
            "/publish": self.publish,
            "/sync": self.sync,
            "/unpublish": self.unpublish,
            "/library-events": self.tell_of_library,
            "/deliveries": self.deliver,
        }
        return [Route(ADMIN + path, endpoint, methods=["POST"]) for path, endpoint in table.items()]

    async def publish(self, request: Request) -> Response:
        """Publish assets, in a new publishing event unless one is named."""
        return await self._announce("asset_published", request)

    async def sync(self, request: Request) -> Response:
        """Sync assets, in the publishing event of theirs unless one is named."""
        return await self._announce("asset_synced", request)

    async def unpublish(self, request: Request) -> Response:
        """Unpublish assets, in the publishing event of theirs unless one is named."""
        return await self._announce("asset_unpublished", request)

    async def tell_of_library(self, request: Request) -> Response:
        """Say that an asset was added to the library, modified in it or removed from it."""
        order = LibraryOrder.model_validate_json(await request.body())
        asset = self.cmp.world.asset(order.asset_id)
        base, generation = base_of(request), order.generation
        delivery = library_body(order.event_name, asset, base=base, generation=generation)
        if not order.send:
            return JSONResponse({"body": delivery})
        sent = await self.cmp.sender.send([json.dumps(delivery)], order)
        return JSONResponse({"deliveries": sent})

    async def deliver(self, request: Request) -> Response:
        """Send anything to the webhook."""
        order = DeliveryOrder.model_validate_json(await request.body())
        return JSONResponse({"deliveries": await self.cmp.sender.send(order.texts(), order)})

    async def _announce(self, event_name: EventName, request: Request) -> Response:
        order = PublishOrder.model_validate_json(await request.body())
        assets = [self.cmp.world.asset(asset_id) for asset_id in order.asset_ids]
        opening = event_name == "asset_published"
        event = self.cmp.world.event(order.publishing_event_id, order.asset_ids, opening=opening)
        base, generation = base_of(request), order.generation
        delivery = body(event_name, event, assets, base=base, generation=generation)
        if not order.send:
            return JSONResponse({"body": delivery})
        sent = await self.cmp.sender.send([json.dumps(delivery)], order)
        return JSONResponse(Sent(publishing_event_id=event.id, deliveries=sent))
