"""The API of Optimizely's tutorial (seed 001), which the official specification does not contain.

Its paths, parameters and statuses are the tutorial's. What it does not show is guessed: the answers
to an upload and to a publication, and that a token of the Open API has no scopes here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.answers import bad_request, forbidden, not_found
from tools.stand_in.channels import CHANNELS
from tools.stand_in.form_data import parts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from tools.stand_in.oauth import OAuth

    Endpoint = Callable[[Request], Awaitable[Response]]

CONTENT_API = "/v1/cmp/"
READ, WRITE = "cmp:read", "cmp:write"
UPLOAD_FIELDS = {"file", "title", "description", "tags", "folder_id"}


class ContentItem(BaseModel):
    """A content item; any other keys are fields of it."""

    model_config = ConfigDict(extra="allow")

    id: str = Field(default_factory=lambda: f"content-{uuid4().hex[:6]}")
    title: str = "Sample content"
    content_type: str = "blog-post"
    status: str = "approved"
    campaign_id: str | None = None


class ContentQuery(BaseModel):
    """Which content items to list, and which page of them."""

    model_config = ConfigDict(extra="forbid")

    page: int = Field(default=1, ge=1)
    per_page: int = Field(default=25, ge=1, le=100)
    status: str | None = None
    content_type: str | None = None
    campaign_id: str | None = None


class Publication(BaseModel):
    """The body of a publication: where, and when if not now."""

    model_config = ConfigDict(extra="forbid")

    channel_id: Annotated[str, Field(min_length=1)]
    schedule_at: datetime | None = None
    target_location: str | None = None


@dataclass
class ContentItems:
    """The items by id, and the uploads and publications that were asked for."""

    oauth: OAuth
    by_id: dict[str, ContentItem] = field(default_factory=dict)
    assets: list[dict[str, Any]] = field(default_factory=list)
    publications: list[dict[str, Any]] = field(default_factory=list)

    def clear(self) -> None:
        """Forget all of them."""
        for one in (self.by_id, self.assets, self.publications):
            one.clear()

    def add(self, item: ContentItem) -> ContentItem:
        """Create an item, or replace the one with the same id."""
        self.by_id[item.id] = item
        return item

    def routes(self) -> list[Route]:
        """List the routes of the public side; each wants a scope of the token."""
        content = f"{CONTENT_API}content"
        table: list[tuple[str, str, str, Endpoint]] = [
            ("GET", content, READ, self.list),
            ("GET", f"{content}/{{id}}", READ, self.one),
            ("POST", f"{content}/{{id}}/publish", WRITE, self.publish),
            ("POST", f"{CONTENT_API}assets", WRITE, self.upload),
        ]
        return [
            Route(path, self._for(scope, endpoint), methods=[verb])
            for verb, path, scope, endpoint in table
        ]

    async def list(self, request: Request) -> Response:
        """Answer with a page of the items that fit."""
        query = ContentQuery.model_validate(dict(request.query_params))
        wanted = query.model_dump(exclude={"page", "per_page"}, exclude_none=True)
        found = [one.model_dump() for one in self.by_id.values()]
        fitting = [one for one in found if wanted.items() <= one.items()]
        start = (query.page - 1) * query.per_page
        items = fitting[start : start + query.per_page]
        pagination = {
            "page": query.page,
            "per_page": query.per_page,
            "has_next": start + query.per_page < len(fitting),
        }
        return JSONResponse({"items": items, "pagination": pagination})

    async def one(self, request: Request) -> Response:
        """Answer with an item, its workflow and what is around it."""
        item = self.by_id.get(request.path_params["id"])
        if item is None:
            return not_found()
        around: dict[str, Any] = {
            "workflow": {"state": item.status},
            "assets": [],
            "campaigns": [item.campaign_id] if item.campaign_id else [],
        }
        return JSONResponse({**item.model_dump(), **around})

    async def publish(self, request: Request) -> Response:
        """Publish an item that is approved, or keep it for its moment."""
        item = self.by_id.get(request.path_params["id"])
        order = Publication.model_validate_json(await request.body())
        if item is None or order.channel_id not in {channel["id"] for channel in CHANNELS}:
            return not_found()
        if item.status != "approved":
            said = f"Content is in the workflow state {item.status}; only approved is published"
            return JSONResponse({"message": said}, 422)
        told = order.model_dump(mode="json")
        status = "scheduled" if order.schedule_at else "published"
        publication = {"id": uuid4().hex, "content_id": item.id, "status": status, **told}
        self.publications.append(publication)
        return JSONResponse(publication)

    async def upload(self, request: Request) -> Response:
        """Take a file with what it is called."""
        told = parts(request.headers.get("content-type", ""), await request.body())
        values = {one.name: one for one in told}
        if values.keys() - UPLOAD_FIELDS or not {"file", "title"} <= values.keys():
            return bad_request("file and title are needed")
        texts = {name: one.content.decode() for name, one in values.items() if name != "file"}
        asset = {
            **texts,
            "id": uuid4().hex,
            "tags": json.loads(texts.get("tags") or "[]"),
            "filename": values["file"].filename,
            "file_size": len(values["file"].content),
            "sha256": sha256(values["file"].content).hexdigest(),
        }
        self.assets.append(asset)
        return JSONResponse(asset, 201)

    def _for(self, scope: str, endpoint: Endpoint) -> Endpoint:
        async def scoped(request: Request) -> Response:
            granted = self.oauth.scopes_of(request.headers.get("authorization", ""))
            return await endpoint(request) if scope in granted else forbidden()

        return scoped
