"""The bodies that the admin side takes; a key that it does not know is refused."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tools.stand_in.deliveries import (  # noqa: TC001 - pydantic reads them
    Generation,
    LibraryEventName,
)
from tools.stand_in.planning import ResourceKind
from tools.stand_in.sender import Manner
from tools.stand_in.tasks import PERSON


class NewAsset(BaseModel):
    """A kind, and any fields that shall differ from the sample's."""

    model_config = ConfigDict(extra="allow")

    kind: Literal["article", "image", "video", "raw_file", "structured_content"]


class NewAssets(BaseModel):
    """Many assets at once."""

    model_config = ConfigDict(extra="forbid")

    assets: list[NewAsset]


class NewFolder(BaseModel):
    """A folder of the library, at its top without a parent."""

    model_config = ConfigDict(extra="forbid")

    name: str
    parent_folder_id: str | None = None
    id: str | None = None


class NewPlace(BaseModel):
    """Where an asset lives from now on."""

    model_config = ConfigDict(extra="forbid")

    place: Literal["library", "task", "deleted", "forbidden"]


class PublishOrder(Manner):
    """Which assets to publish, sync or unpublish together, and how to send it."""

    asset_ids: list[str]
    publishing_event_id: str | None = None
    generation: Generation = "current"
    send: bool = True


class LibraryOrder(Manner):
    """Which library event of which asset to tell, and how to send it."""

    event_name: LibraryEventName
    asset_id: str
    generation: Generation = "current"
    send: bool = True


class NewResource(BaseModel):
    """A kind, and any fields that shall differ from the sample's.

    A `work_request_comment` needs the `work_request_id` that it is on.
    """

    model_config = ConfigDict(extra="allow")

    kind: ResourceKind

    @model_validator(mode="after")
    def _a_comment_is_on_something(self) -> NewResource:
        told = self.model_extra or {}
        if self.kind == "work_request_comment" and "work_request_id" not in told:
            msg = "a comment needs a work_request_id"
            raise ValueError(msg)
        return self


class NewTask(BaseModel):
    """A task with an external step; any other keys are fields that differ from the sample's."""

    model_config = ConfigDict(extra="allow")

    title: str = "Sample task"
    external_system: str = "Jira"
    id: str | None = None
    step_id: str | None = None
    sub_step_id: str | None = None
    asset_ids: list[str] = Field(default_factory=list)


class StepOrder(Manner):
    """What a person does to a sub-step, and how it is told."""

    what: Literal["start", "complete", "skip", "modify"]
    assignee_id: str | None = None
    misspelt: bool = False
    send: bool = True


class CommentOrder(Manner):
    """What a person says about a sub-step, and how it is told; a removal has no value."""

    value: str = ""
    user_id: str = PERSON
    id: str | None = None
    parent_id: str | None = None
    send: bool = True


class PreviewOrder(Manner):
    """Which structured content to ask a preview of, and how to send that."""

    content_id: str
    version_id: str | None = None
    id: str | None = None
    send: bool = True


class DeliveryOrder(Manner):
    """Anything to send: one JSON body, several, or text that need not be JSON."""

    body: Any = None
    bodies: list[Any] | None = None
    raw: str | None = None

    def texts(self) -> list[str]:
        """Write out what is to be sent."""
        if self.raw is not None:
            return [self.raw]
        return [json.dumps(one) for one in ([self.body] if self.bodies is None else self.bodies)]
