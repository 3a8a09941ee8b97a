"""The details of the events of CMP's library."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

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
)
from tools.schemas.publication_details import SOURCES

REMOVED = "removed"


class _LibraryAsset(Asset):
    modified_at: Moment | None = Field(
        description="When the asset was last modified, as far as is known."
    )
    version: str | None = Field(description="CMP's number of the version, for kinds that have one.")
    published: bool = Field(
        description="Whether the asset has an open publication, which library events never change."
    )
    expires_at: Moment | None = Field(description="When CMP says that it expires.")
    expired: bool = Field(description="Whether that time has come.")
    link: str | None = Field(
        description="The asset in CMP's Open API, as CMP sent it, or by its kind if CMP sent none; "
        "null if neither is known."
    )


class PresentAsset(_LibraryAsset):
    """The asset, as it is after the change."""

    library: Annotated[str, Field(json_schema_extra={"not": {"const": REMOVED}})] = Field(
        description="present or archived."
    )
    labels: AsReceived = Field(
        description="The labels as CMP shows them, groups with values; null if it shows none or if "
        "they are cut off (see truncated)."
    )


class RemovedAsset(_LibraryAsset):
    """The asset, as it was known last."""

    library: Literal["removed"] = Field(
        description="CMP's library does not have the asset any more."
    )
    labels: AsReceived = Field(description="null: the last ones that are known are in details.")


class ArchivedEntry(Part):
    """What was delivered, if that is what told of it."""

    archive_key: Name | None = Field(description="The archived delivery.")
    pointer: str | None = Field(description="JSON pointer to the asset in its body.")


class _LibraryDetail(Delivered):
    sequence: Count = Field(
        description="Grows with every change of the asset: drop what is not higher than what you "
        "have applied for asset.id."
    )
    received_at: Moment = Field(
        description="When the relay received the delivery, or found out by itself."
    )
    organization: Organization
    delivery: Delivery | None = Field(
        description="The delivery that told of it; null if the relay found out by itself (a "
        "reconciliation, an expiry)."
    )
    truncated: ArchivedEntry | SkipJsonSchema[None] = Field(
        None,
        description="Only there if the event would have been too large: then title, labels and "
        "link are null. The first two are in details, the link can be read here.",
    )


class LibraryAssetChanged(_LibraryDetail):
    """An asset is in CMP's library, and what is told here is new."""

    asset: PresentAsset
    details_source: str = Field(description=f"{SOURCES}.")
    details: Place = Field(description="The object with all that CMP tells of the asset.")


class LibraryAssetRemoved(_LibraryDetail):
    """CMP's library has an asset no more."""

    asset: RemovedAsset
    details_source: str | None = Field(description=f"{SOURCES}; null if nothing is known.")
    details: Place | None = Field(
        description="The object with what CMP told of the asset before; null if nothing is known."
    )
