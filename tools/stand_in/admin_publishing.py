"""The part of the admin side that is about reports of publications and previews."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.announcements import ADMIN
from tools.stand_in.answers import not_found
from tools.stand_in.links import absolute, base_of
from tools.stand_in.orders import PreviewOrder
from tools.stand_in.preview_deliveries import preview_body
from tools.stand_in.previews import Preview, PreviewRules
from tools.stand_in.report_rules import ReportRules

if TYPE_CHECKING:
    from starlette.requests import Request

    from tools.stand_in.cmp import Cmp


@dataclass
class PublishingAdmin:
    """Sets what CMP takes and shows what it was told."""

    cmp: Cmp

    def routes(self) -> list[Route]:
        """List the routes of the admin side."""
        return [
            Route(f"{ADMIN}/report-rules", self.set_report_rules, methods=["PUT"]),
            Route(f"{ADMIN}/publishing-events/{{id}}/reports", self.reports, methods=["GET"]),
            Route(f"{ADMIN}/preview-rules", self.set_preview_rules, methods=["PUT"]),
            Route(f"{ADMIN}/previews", self.request_preview, methods=["POST"]),
            Route(f"{ADMIN}/previews/{{id}}", self.preview, methods=["GET"]),
        ]

    async def set_report_rules(self, request: Request) -> Response:
        """Say which reports are refused."""
        self.cmp.reports.rules = ReportRules.model_validate_json(await request.body())
        return Response(None, 204)

    async def reports(self, request: Request) -> Response:
        """Show the reports that were taken for a publishing event."""
        event = self.cmp.world.events.get(request.path_params["id"])
        return JSONResponse(absolute(event.metadata, base_of(request))) if event else not_found()

    async def set_preview_rules(self, request: Request) -> Response:
        """Say which spelling of previews is taken."""
        self.cmp.previews.rules = PreviewRules.model_validate_json(await request.body())
        return Response(None, 204)

    async def request_preview(self, request: Request) -> Response:
        """Ask the webhook for a preview of a structured content."""
        order = PreviewOrder.model_validate_json(await request.body())
        asset = self.cmp.world.asset(order.content_id)
        preview = Preview(asset.id, order.version_id or uuid4().hex, order.id or uuid4().hex)
        self.cmp.previews.by_id[preview.id] = preview
        body = preview_body(preview, asset, base_of(request))
        if not order.send:
            return JSONResponse({"preview_id": preview.id, "body": body})
        sent = await self.cmp.sender.send([json.dumps(body)], order)
        return JSONResponse({"preview_id": preview.id, "deliveries": sent})

    async def preview(self, request: Request) -> Response:
        """Show what was told of a preview."""
        preview = self.cmp.previews.by_id.get(request.path_params["id"])
        return JSONResponse(asdict(preview)) if preview else not_found()
