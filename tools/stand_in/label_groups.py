"""The Open API's groups of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.label_fields import LABEL_FIELDS
from tools.stand_in.queries import LabelGroupQuery

if TYPE_CHECKING:
    from starlette.requests import Request


class LabelGroups:
    """Shows the organization's labels."""

    def routes(self) -> list[Route]:
        """List the routes of the public side."""
        return [Route("/v3/label-groups", self.list)]

    async def list(self, request: Request) -> Response:
        """Answer with a page of the groups, by name."""
        query = LabelGroupQuery.of(request)
        own = sorted(LABEL_FIELDS, key=lambda one: str(one["name"]))
        found = own if query.source_org_type == "current" else []
        return JSONResponse(query.answer(request, found, _group))


def _group(field: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": field["id"],
        "name": field["name"],
        "source_org_type": "current",
        "values": field["choices"],
    }
