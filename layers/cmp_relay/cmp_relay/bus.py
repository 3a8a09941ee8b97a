"""The event bus: where the organization's own systems hear of what is true (design.md 5)."""

from typing import TYPE_CHECKING

from cmp_relay.catalogue import Announcement
from cmp_relay.errors import AnnouncementError

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "cmp-relay"


class Bus:
    """One event bus."""

    def __init__(self, client: "EventBridgeClient", name: str) -> None:
        """Put events on the bus `name` through `client`."""
        self._client = client
        self._name = name

    def put(self, announcement: Announcement) -> None:
        """Put one event; raises AnnouncementError if the bus has not taken it."""
        answer = self._client.put_events(
            Entries=[
                {
                    "Source": SOURCE,
                    "DetailType": announcement.detail_type,
                    "Detail": announcement.detail,
                    "EventBusName": self._name,
                }
            ]
        )
        if answer["FailedEntryCount"]:
            raise AnnouncementError(f"the bus answered {answer['Entries'][0].get('ErrorCode')}")
