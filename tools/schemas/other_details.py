"""The detail of whatever else CMP told."""

from typing import Any

from pydantic import Field

from tools.schemas.parts import (
    AsReceived,
    Delivered,
    Delivery,
    Moment,
    Name,
    Organization,
    Truncated,
)


class CmpEvent(Delivered):
    """CMP told of something that has no detail type of its own."""

    event_name: Name = Field(
        description="CMP's name of the event, rightly spelt; names that CMP adds come, too."
    )
    organization: Organization
    data: AsReceived = Field(
        description="The data of the event as CMP sent them; null if it sent none or if they are "
        "too large (see truncated)."
    )
    resource: dict[str, Any] | None = Field(
        description="What CMP shows, after received_at, behind links.self of what the event is "
        "about, without the query of files' URLs (it can be a token); null if the event is not "
        "enriched, has no such link, or for the reason in resource_error."
    )
    resource_asked_at: Moment | None = Field(
        description="When CMP was asked for the resource: of two states of it the one with the "
        "later time is newer. Null if CMP was not asked, or did not show it."
    )
    resource_error: str | None = Field(
        description="Why there is no resource though there is a link: not_found, forbidden, "
        "request_refused, unauthorized, unavailable, untrusted_link, no_quota, too_large; null "
        "else."
    )
    delivery: Delivery
    truncated: Truncated = Field(
        None,
        description="Only there if data would have made the event too large (200 KiB): then data "
        "are null, and can be read here.",
    )
