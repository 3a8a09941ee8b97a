"""The Open API's settings of the organization: webhooks; of all other settings there are none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.answers import unprocessable

if TYPE_CHECKING:
    from starlette.requests import Request

LISTS = ("labels", "workflows", "templates", "apps", "routing_rules")
CUSTOM_FIELD_TYPES = (
    *("currency", "number", "percentage", "checkbox", "dropdown", "multichoice"),
    *("multi_select_dropdown", "date", "image", "richtext", "string", "textarea", "video"),
)


class RegisteredWebhook(BaseModel):
    """A webhook as settings show it, its secret too."""

    model_config = ConfigDict(extra="forbid")

    name: str
    description: str
    callback_url: str
    secret: str
    event_names: list[str]


class Resources(BaseModel):
    """The body of a change: every kind of setting has to be there, the others empty here."""

    model_config = ConfigDict(extra="forbid")

    webhooks: list[RegisteredWebhook]
    custom_fields: dict[str, list[Any]]
    labels: list[Any] = Field(max_length=0)
    workflows: list[Any] = Field(max_length=0)
    templates: list[Any] = Field(max_length=0)
    apps: list[Any] = Field(max_length=0)
    routing_rules: list[Any] = Field(max_length=0)


class SettingsChange(BaseModel):
    """The query of a change: without `execute` it changes nothing."""

    model_config = ConfigDict(extra="forbid")

    execute: bool = False
    overwrite_workflows: bool = False


@dataclass
class OrganizationSettings:
    """The webhooks that are registered, in the order of their registration."""

    webhooks: list[RegisteredWebhook] = field(default_factory=list)

    def clear(self) -> None:
        """Forget every webhook."""
        self.webhooks = []

    def routes(self) -> list[Route]:
        """List the routes of the public side."""
        return [
            Route("/v3/settings", self.show, methods=["GET"]),
            Route("/v3/settings", self.change, methods=["POST"]),
        ]

    async def show(self, _: Request) -> Response:
        """Answer with all settings."""
        return JSONResponse({"resources": _resources(self.webhooks)})

    async def change(self, request: Request) -> Response:
        """Change webhooks by their names, or tell what would be changed."""
        how = SettingsChange.model_validate(dict(request.query_params))
        try:
            given = Resources.model_validate_json(await request.body())
        except ValidationError:
            return unprocessable()
        if given.custom_fields != _custom_fields():
            return unprocessable()
        after, created, updated = _merged(self.webhooks, given.webhooks)
        if how.execute:
            self.webhooks = after
        changeset = {"create": _names(created), "update": _names(updated)}
        return JSONResponse({"resources": _resources(given.webhooks), "changeset": changeset})


def _merged(
    before: list[RegisteredWebhook], given: list[RegisteredWebhook]
) -> tuple[list[RegisteredWebhook], list[str], list[str]]:
    """Merge webhooks: one of the same name is updated, several of it or none lead to a new one."""
    after, created, updated = [*before], [], []
    for one in given:
        same = [place for place, known in enumerate(after) if known.name == one.name]
        if len(same) == 1:
            known = after[same[0]].event_names
            events = [*known, *(name for name in one.event_names if name not in known)]
            after[same[0]] = one.model_copy(update={"event_names": events})
            updated.append(one.name)
        else:
            after.append(one)
            created.append(one.name)
    return after, created, updated


def _custom_fields() -> dict[str, list[Any]]:
    return {name: [] for name in CUSTOM_FIELD_TYPES}


def _resources(webhooks: list[RegisteredWebhook]) -> dict[str, Any]:
    told = {"webhooks": [one.model_dump() for one in webhooks], "custom_fields": _custom_fields()}
    return {**{name: [] for name in LISTS}, **told}


def _names(webhooks: list[str]) -> dict[str, list[str]]:
    return {**{name: [] for name in (*LISTS, "custom_fields")}, "webhooks": webhooks}
