"""Previews of structured contents: who makes them, and where they are.

CMP is said to take two spellings: that of its specification, and another that integrators saw the
real one take (`live`). What a second acknowledgment is answered is told nowhere, only that there
must not be one: here 422, the one refusal that the specification has for it, or what is ordered.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AnyUrl, BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.answers import not_found

if TYPE_CHECKING:
    from starlette.requests import Request

PREVIEW = "/v3/structured-content/contents/{content}/versions/{version}/previews/{preview}"
Text = Annotated[str, Field(min_length=1)]


class PreviewRules(BaseModel):
    """Which spelling is taken, and what a second acknowledgment is answered."""

    model_config = ConfigDict(extra="forbid")

    reading: Literal["spec", "live"] = "spec"
    repeated: Literal[409, 422] = 422


class Finished(BaseModel):
    """A preview that is there, with more than its URL."""

    completed: AnyUrl


class Failed(BaseModel):
    """A preview that could not be made, with a URL that tells why."""

    error: AnyUrl


KeyedPreviews = dict[str, AnyUrl | Finished | Failed]


class Acknowledgment(BaseModel):
    """The body of an acknowledgment."""

    acknowledged_by: Text
    content_hash: Text


class LiveAcknowledgment(BaseModel):
    """The body of an acknowledgment in the other spelling."""

    acknowledged_by: Text = Field(alias="acknowledgedBy")
    content_hash: Text


class Completion(BaseModel):
    """The body that says where previews are."""

    keyed_previews: KeyedPreviews


class LiveCompletion(BaseModel):
    """The body that says where previews are, in the other spelling."""

    keyed_previews: KeyedPreviews = Field(alias="keyedPreviews")


@dataclass
class Preview:
    """One preview that was asked for, and what was told of it: bodies as they came."""

    content_id: str
    version_id: str
    id: str
    acknowledged: dict[str, Any] | None = None
    completed: dict[str, Any] | None = None

    @property
    def path(self) -> str:
        """Tell the path below which it is acknowledged and completed."""
        return PREVIEW.format(content=self.content_id, version=self.version_id, preview=self.id)


@dataclass
class Previews:
    """Takes what integrations tell of previews."""

    rules: PreviewRules = field(default_factory=PreviewRules)
    by_id: dict[str, Preview] = field(default_factory=dict)

    def clear(self) -> None:
        """Forget every preview and go back to the rules of the start."""
        self.rules = PreviewRules()
        self.by_id.clear()

    def routes(self) -> list[Route]:
        """List the routes of the public side."""
        return [
            Route(f"{PREVIEW}/acknowledge", self.acknowledge, methods=["POST"]),
            Route(f"{PREVIEW}/complete", self.complete, methods=["POST"]),
        ]

    async def acknowledge(self, request: Request) -> Response:
        """Let one integration make the preview."""
        if (preview := self._found(request)) is None:
            return not_found()
        told = await request.body()
        if refusal := _refusal(LiveAcknowledgment if self._is_live else Acknowledgment, told):
            return refusal
        if preview.acknowledged is not None:
            return _invalid("preview_id", "already acknowledged", self.rules.repeated)
        preview.acknowledged = json.loads(told)
        return self._taken()

    async def complete(self, request: Request) -> Response:
        """Take note of where the previews are; a later answer replaces an earlier one."""
        if (preview := self._found(request)) is None:
            return not_found()
        told = await request.body()
        if refusal := _refusal(LiveCompletion if self._is_live else Completion, told):
            return refusal
        preview.completed = json.loads(told)
        return self._taken()

    @property
    def _is_live(self) -> bool:
        return self.rules.reading == "live"

    def _found(self, request: Request) -> Preview | None:
        preview = self.by_id.get(request.path_params["preview"])
        below = preview is not None and request.url.path.startswith(f"{preview.path}/")
        return preview if below else None

    def _taken(self) -> Response:
        return JSONResponse({}, 202 if self._is_live else 200)


def _refusal(model: type[BaseModel], told: bytes) -> Response | None:
    try:
        model.model_validate_json(told)
    except ValidationError as error:
        wrong = error.errors()[0]
        return _invalid(".".join(str(part) for part in wrong["loc"]), wrong["msg"], 422)
    return None


def _invalid(place: str, message: str, status: int) -> Response:
    """Answer as the specification's HTTPValidationError, which other endpoints do not know."""
    detail = {"loc": ["body", place], "msg": message, "type": "value_error"}
    return JSONResponse({"detail": [detail]}, status)
