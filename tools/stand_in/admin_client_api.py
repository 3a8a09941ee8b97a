"""The part of the admin side for what programs, not people, ask of CMP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import TypeAdapter
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.announcements import ADMIN
from tools.stand_in.content_items import ContentItem
from tools.stand_in.multipart import MultipartRules
from tools.stand_in.settings import RegisteredWebhook

if TYPE_CHECKING:
    from starlette.requests import Request

    from tools.stand_in.cmp import Cmp

WEBHOOKS: TypeAdapter[list[RegisteredWebhook]] = TypeAdapter(list[RegisteredWebhook])


@dataclass
class ClientApiAdmin:
    """Sets up content items, settings and multipart uploads, and shows what was asked for."""

    cmp: Cmp

    def routes(self) -> list[Route]:
        """List the routes of the admin side."""
        return [
            Route(f"{ADMIN}/content-items", self.add_item, methods=["POST"]),
            Route(f"{ADMIN}/content-assets", self.assets, methods=["GET"]),
            Route(f"{ADMIN}/content-publications", self.publications, methods=["GET"]),
            Route(f"{ADMIN}/publishing-intents", self.intents, methods=["GET"]),
            Route(f"{ADMIN}/registered-webhooks", self.register, methods=["PUT"]),
            Route(f"{ADMIN}/registered-webhooks", self.registered, methods=["GET"]),
            Route(f"{ADMIN}/multipart-rules", self.set_multipart, methods=["PUT"]),
        ]

    async def add_item(self, request: Request) -> Response:
        """Create a content item."""
        item = ContentItem.model_validate_json(await request.body())
        return JSONResponse(self.cmp.content_items.add(item).model_dump(), 201)

    async def assets(self, _: Request) -> Response:
        """Show the assets that were uploaded as the tutorial does it."""
        return JSONResponse(self.cmp.content_items.assets)

    async def publications(self, _: Request) -> Response:
        """Show the publications that were asked for as the tutorial does it."""
        return JSONResponse(self.cmp.content_items.publications)

    async def intents(self, _: Request) -> Response:
        """Show the publishing intents."""
        return JSONResponse(self.cmp.channels.intents)

    async def register(self, request: Request) -> Response:
        """Put these webhooks in the place of all that settings show."""
        self.cmp.settings.webhooks = WEBHOOKS.validate_json(await request.body())
        return Response(None, 204)

    async def registered(self, _: Request) -> Response:
        """Show the webhooks of the settings."""
        return JSONResponse([one.model_dump() for one in self.cmp.settings.webhooks])

    async def set_multipart(self, request: Request) -> Response:
        """Say how multipart uploads go."""
        self.cmp.multipart.rules = MultipartRules.model_validate_json(await request.body())
        return Response(None, 204)
