"""Uploads of large files in parts, which the storage takes one by one and CMP puts together."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from secrets import token_hex
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tools.stand_in.answers import not_found, unprocessable
from tools.stand_in.contents import Given
from tools.stand_in.files import UNTOLD
from tools.stand_in.links import base_of
from tools.stand_in.moments import iso
from tools.stand_in.uploads import Upload

if TYPE_CHECKING:
    from starlette.requests import Request

    from tools.stand_in.uploads import Uploads

PARTS = "/upload-parts"
SMALLEST_PART = 5 * 2**20
MOST_PARTS = 10_000

Status = Literal["NOT_STARTED", "IN_PROGRESS", "SUCCEEDED", "FAILED"]


class NewMultipart(BaseModel):
    """The body of a new upload: how large the file and each part but the last is."""

    model_config = ConfigDict(extra="forbid")

    file_size: Annotated[int, Field(ge=1)]
    part_size: Annotated[int, Field(ge=SMALLEST_PART)] = SMALLEST_PART


class MultipartRules(BaseModel):
    """How often a status is asked for before the parts are together, and whether they will be."""

    model_config = ConfigDict(extra="forbid")

    polls: int = Field(default=1, ge=0)
    fails: bool = False


@dataclass
class Parts:
    """An upload: what came of each part, and how far CMP is with putting them together."""

    id: str
    sizes: list[int]
    expires_at: str
    came: dict[int, bytes] = field(default_factory=dict)
    status: Status = "NOT_STARTED"
    polls: int = 0

    def are_whole(self) -> bool:
        """Tell whether each part came in its length."""
        return [len(self.came.get(number, b"")) for number in range(len(self.sizes))] == self.sizes


@dataclass
class Multipart:
    """The uploads in parts; a whole one is known to `uploads` by its key, as any other."""

    uploads: Uploads
    rules: MultipartRules = field(default_factory=MultipartRules)
    by_id: dict[str, Parts] = field(default_factory=dict)

    def clear(self) -> None:
        """Forget every upload, and go back to the rules of the start."""
        self.rules = MultipartRules()
        self.by_id.clear()

    def routes(self) -> list[Route]:
        """List the routes of the Open API."""
        one = "/v3/multipart-uploads/{id}"
        return [
            Route("/v3/multipart-uploads", self.create, methods=["POST"]),
            Route(f"{one}/complete", self.complete, methods=["POST"]),
            Route(f"{one}/status", self.status, methods=["GET"]),
        ]

    def storage(self) -> list[Route]:
        """List the routes of the storage."""
        return [Route(f"{PARTS}/{{id}}/{{number:int}}", self.put, methods=["PUT"])]

    async def create(self, request: Request) -> Response:
        """Hand out a URL for each part, always compressed."""
        order = NewMultipart.model_validate_json(await request.body())
        whole, rest = divmod(order.file_size, order.part_size)
        sizes = [order.part_size] * whole + [rest] * (rest > 0)
        if len(sizes) > MOST_PARTS:
            return unprocessable()
        expires_at = iso(self.uploads.now() + self.uploads.rules.seconds)
        new = Parts(token_hex(16), sizes, expires_at)
        self.by_id[new.id] = new
        storage = f"{self.uploads.files_origin}{PARTS}/{new.id}"
        told = {
            "id": new.id,
            "expires_at": expires_at,
            "upload_part_count": len(sizes),
            "upload_part_urls": [f"{storage}/{n}?signature=s" for n in range(len(sizes))],
            "links": {name: _url(new, request, name) for name in ("complete", "status")},
        }
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        return Response(gzip.compress(json.dumps(told).encode()), 201, headers)

    async def put(self, request: Request) -> Response:
        """Take a part, a repeated one in the place of the first."""
        found = self.by_id.get(request.path_params["id"])
        if self.uploads.rules.failures:
            self.uploads.rules.failures -= 1
            return PlainTextResponse("SlowDown", 503)
        number = request.path_params["number"]
        if found is None or number >= len(found.sizes) or "signature" not in request.query_params:
            return PlainTextResponse("AccessDenied", 403)
        found.came[number] = await request.body()
        return Response(None, 200)

    async def complete(self, request: Request) -> Response:
        """Begin to put the parts together; the key is good once that is done."""
        found = self.by_id.get(request.path_params["id"])
        if found is None:
            return not_found()
        if found.status != "NOT_STARTED" or not found.are_whole():
            return unprocessable()
        found.status = "IN_PROGRESS"
        told = {"key": found.id, "links": {"status": _url(found, request, "status")}}
        return JSONResponse(told, 202)

    async def status(self, request: Request) -> Response:
        """Tell how far it is; being asked is what time is here."""
        found = self.by_id.get(request.path_params["id"])
        if found is None:
            return not_found()
        self._go_on(found)
        return JSONResponse(_shown(found, _url(found, request, "status")))

    def _go_on(self, found: Parts) -> None:
        if found.status != "IN_PROGRESS":
            return
        found.polls += 1
        if found.polls <= self.rules.polls:
            return
        found.status = "FAILED" if self.rules.fails else "SUCCEEDED"
        if found.status == "SUCCEEDED":
            data = b"".join(found.came[number] for number in range(len(found.sizes)))
            # No name came with it, and what CMP makes of the content is not known.
            self.uploads.by_key[found.id] = Upload(Given.of(data), UNTOLD, None)


def _url(parts: Parts, request: Request, name: str) -> str:
    return f"{base_of(request)}/v3/multipart-uploads/{parts.id}/{name}"


def _shown(found: Parts, url: str) -> dict[str, Any]:
    return {
        "id": found.id,
        "key": found.id,
        "status": f"UPLOAD_COMPLETION_{found.status}",
        "status_message": "The parts do not fit" if found.status == "FAILED" else None,
        "expires_at": found.expires_at,
        "links": {"self": url},
    }
