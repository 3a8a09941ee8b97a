"""What the details of several events have in common.

The models are strict and know no other keys, so that nothing leaves undescribed. The schemas for
consumers are open: within a version, keys are added.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

Name = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=1)]
Moment = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$",
        json_schema_extra={"format": "date-time"},
    ),
]
AsReceived = Any
"""What CMP sent or showed, of which nothing is promised."""
KINDS = "article, image, video, raw_file, structured_content, or a kind that CMP adds."


class Part(BaseModel):
    """A part of a detail."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Detail(Part):
    """What every detail begins with."""

    schema_version: Literal[1] = Field(
        alias="schema", description="Grows when a key is removed or changes its meaning."
    )
    id: Name = Field(
        description="The same in every repetition of this event, different in every other event."
    )


class Delivered(Detail):
    """What every detail has that a delivery led to."""

    channel: Name = Field(
        description="Last part of the webhook URL that CMP delivered to, percent-encoded; "
        "default without one."
    )
    received_at: Moment = Field(description="When the relay received the delivery.")


class Organization(Part):
    """The organization in CMP that it happened in."""

    id: str | None = Field(description="CMP's id of the organization; null if CMP did not name it.")


class Place(Part):
    """An object in S3."""

    bucket: Name = Field(description="The S3 bucket.")
    key: Name = Field(description="The object in it.")


class Delivery(Part):
    """The delivery that told of it."""

    id: Name = Field(description="The delivery, as the webhook's answer and the logs name it.")
    archive_key: Name = Field(description="Its object in the archive bucket, which expires.")


class Archived(Part):
    """A part of an archived delivery."""

    archive_key: Name = Field(description="The archived delivery.")
    pointer: str = Field(description="JSON pointer to what it is about in its body.")


Truncated = Archived | SkipJsonSchema[None]
"""Only there if something was left out, and never null."""


class Asset(Part):
    """The asset, as it is after the change."""

    id: Name = Field(description="CMP's id of the asset.")
    type: Name = Field(description=KINDS)
    title: str | None = Field(description="The latest title that is known.")
