"""The Open API's publishing events, and what a destination reports about their assets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ValidationError
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.answers import bad_request, not_found
from tools.stand_in.links import ORIGIN, absolute, base_of
from tools.stand_in.views import library_path

if TYPE_CHECKING:
    from starlette.requests import Request

    from tools.stand_in.report_rules import ReportJudge
    from tools.stand_in.world import PublishingEvent, World

EVENT = "/v3/publishing-events/{id}"
FILTERS = ("status", "asset_type", "asset_id", "locale")


class Report(BaseModel):
    """What a destination did with one asset; optional keys may be left out but not be null."""

    asset_id: str
    status: Literal["published", "unpublished", "synced", "failed"]
    locale: str = ""
    public_url: str = ""
    publishing_destination_updated_at: str = ""
    status_message: str = ""


class Reports(BaseModel):
    """The body of a bulk report."""

    data: list[Report]


@dataclass
class Publishing:
    """Shows publishing events and takes reports about them."""

    world: World
    judge: ReportJudge

    def routes(self) -> list[Route]:
        """List the routes of the public side."""
        metadata = f"{EVENT}/publishing-metadata"
        one = f"{EVENT}/assets/{{asset}}/publishing-metadata/{{metadata}}"
        return [
            Route(EVENT, self.event),
            Route(metadata, self.list_metadata),
            Route(metadata, self.report, methods=["POST"]),
            Route(one, self.one_metadata),
        ]

    async def event(self, request: Request) -> Response:
        """Answer with the event and its assets."""
        if (event := self._event(request)) is None:
            return not_found()
        links = {"self": _url(event), "publishing_metadata": f"{_url(event)}/publishing-metadata"}
        assets = [self._event_asset(event, asset_id) for asset_id in event.asset_ids]
        return _answer({"id": event.id, "assets": assets, "links": links}, request)

    async def list_metadata(self, request: Request) -> Response:
        """Answer with the reports, filtered by the query."""
        if (event := self._event(request)) is None:
            return not_found()
        wanted = {key: request.query_params[key] for key in FILTERS if key in request.query_params}
        shown = [one for one in event.metadata if wanted.items() <= one.items()]
        return _answer({"data": shown}, request)

    async def one_metadata(self, request: Request) -> Response:
        """Answer with one report."""
        event, wanted = self._event(request), request.path_params["metadata"]
        found = [one for one in event.metadata if one["id"] == wanted] if event else []
        return _answer(found[0], request) if found else not_found()

    async def report(self, request: Request) -> Response:
        """Take the reports that can be taken, and say what is wrong with the others."""
        if (event := self._event(request)) is None:
            return not_found()
        try:
            reports = Reports.model_validate_json(await request.body()).data
        except ValidationError as error:
            return bad_request(f"{error.error_count()} invalid arguments")
        if len(reports) > self.judge.rules.most:
            return JSONResponse({"message": "Too many entries"}, self.judge.rules.too_many)
        refusals = [*zip(reports, self.judge.refusals(event, reports), strict=True)]
        taken = [self._metadata(event, report) for report, refusal in refusals if not refusal]
        event.metadata += taken
        errors = [_error(report, refusal) for report, refusal in refusals if refusal]
        return _answer({"data": taken, "errors": errors}, request)

    def _event(self, request: Request) -> PublishingEvent | None:
        return self.world.events.get(request.path_params["id"])

    def _event_asset(self, event: PublishingEvent, asset_id: str) -> dict[str, Any]:
        asset = self.world.asset(asset_id)
        own = [one for one in event.metadata if one["asset_id"] == asset_id]
        return {
            "id": asset_id,
            "type": asset.kind.name,
            "publishing_metadata": [
                {"id": one["id"], "links": {"self": one["links"]["self"]}} for one in own
            ],
            "links": {"self": ORIGIN + library_path(asset)},
        }

    def _metadata(self, event: PublishingEvent, report: Report) -> dict[str, Any]:
        asset, metadata_id = self.world.asset(report.asset_id), uuid4().hex
        own = f"{_url(event)}/assets/{asset.id}/publishing-metadata/{metadata_id}"
        links = {
            "self": own,
            "publishing_event": _url(event),
            "asset": ORIGIN + library_path(asset),
        }
        told = {key: value or None for key, value in report.model_dump().items()}
        return {"id": metadata_id, "asset_type": asset.kind.name, "links": links, **told}


def _url(event: PublishingEvent) -> str:
    return f"{ORIGIN}/v3/publishing-events/{event.id}"


def _error(report: Report, code: str) -> dict[str, Any]:
    # The official specification requires these two keys without saying what they hold.
    unexplained = {"status message": None, "type": None}
    told = {"asset_id": report.asset_id, "locale": report.locale or None}
    return {"error_code": code, "message": f"Refused: {code}", **told, **unexplained}


def _answer(value: dict[str, Any], request: Request) -> JSONResponse:
    return JSONResponse(absolute(value, base_of(request)))
