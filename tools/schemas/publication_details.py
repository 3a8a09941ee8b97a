"""The details of the events of published assets."""

from typing import Annotated, Literal

from pydantic import Field

from tools.schemas.parts import (
    AsReceived,
    Asset,
    Count,
    Delivered,
    Delivery,
    Moment,
    Name,
    Organization,
    Part,
    Place,
    Truncated,
)

SOURCES = (
    "Where the details come from: library, task (the asset lives in a task alone), delivery "
    "(CMP does not show the asset: they are what it delivered)"
)


class UnpublishedAsset(Asset):
    """The asset, as it is after the change."""

    modified_at: Moment | None = Field(
        description="When the asset was last modified, as far as is known."
    )
    published: bool = Field(
        description="Whether another publication of the asset is still open, here or on another "
        "channel."
    )
    labels: AsReceived = Field(
        description="Null, unless a publish that an unpublish had already ended is told here: "
        "then as in AssetPublished."
    )
    link: str | None = Field(description="The asset in CMP's Open API, as CMP sent it.")


class PublishedAsset(UnpublishedAsset):
    """The asset, as it is after the change."""

    published: Literal[True] = Field(description="The asset has an open publication.")
    labels: AsReceived = Field(
        description="The labels as CMP delivered them, groups with values; null if it delivered "
        "none or if they are cut off (see truncated)."
    )


class PublishingEvent(Part):
    """What CMP calls a publishing event: one publication of several assets."""

    id: Name = Field(description="CMP's id of the publishing event.")
    link: str | None = Field(description="The publishing event in CMP's Open API, as CMP sent it.")
    publishing_metadata_link: str | None = Field(
        description="Where CMP takes reports on the publication, as CMP sent it: for the command "
        "report_publication."
    )


class TriggeredFrom(Part):
    """What the publishing event was started from; CMP tells it in asset_published alone."""

    id: str | None = Field(description="CMP's id of it.")
    source_type: str | None = Field(description="What it is, as a rule task.")
    link: str | None = Field(description="It in CMP's Open API, as CMP sent it.")


class AssetUnpublished(Delivered):
    """A publication of an asset ended."""

    sequence: Count = Field(
        description="Grows with every change of the asset: drop what is not higher than what you "
        "have applied for asset.id."
    )
    asset: UnpublishedAsset
    publishing_event: PublishingEvent
    ended: Annotated[list[Name], Field(json_schema_extra={"uniqueItems": True})] = Field(
        description="Publishing events whose publication of the asset this change closed."
    )
    organization: Organization
    triggered_from: TriggeredFrom | None
    details_source: str | None = Field(description=f"{SOURCES}; null if there are none.")
    details: Place | None = Field(
        description="The object with all that CMP tells of the asset; null if there is none."
    )
    entry: Place | None = Field(
        description="The asset as it was delivered when it was published; null if that delivery "
        "is not known."
    )
    delivery: Delivery
    truncated: Truncated = Field(
        None,
        description="Only there if the event would have been too large: then title, labels, "
        "links, ended and triggered_from may be left out (null, ended empty) and can be read here.",
    )


class AssetPublished(AssetUnpublished):
    """An asset was published through a channel, for the first time or again."""

    asset: PublishedAsset
    details_source: str = Field(description=f"{SOURCES}.")
    details: Place = Field(description="The object with all that CMP tells of the asset.")
    entry: Place = Field(description="The asset as it was delivered with this event.")


class AssetSynced(AssetPublished):
    """A published asset has a new version."""
