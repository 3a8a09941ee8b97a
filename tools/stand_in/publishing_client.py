"""What tests and tools say to a running stand-in about reports of publications and previews."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx


@dataclass(frozen=True)
class PublishingClient:
    """Sets rules, asks for previews, and shows what CMP was told.

    `send` takes method, path and body of a request to the admin side.
    """

    send: Callable[[str, str, object], httpx.Response]

    def set_rules(self, **rules: object) -> None:
        """Say which reports are refused; rules as in `report_rules.ReportRules`."""
        self.send("PUT", "/report-rules", rules)

    def reports(self, publishing_event_id: str) -> list[dict[str, Any]]:
        """List the reports that CMP took for a publishing event, as the Open API shows them."""
        path = f"/publishing-events/{publishing_event_id}/reports"
        return cast("list[dict[str, Any]]", self.send("GET", path, None).json())

    def set_preview_rules(self, **rules: object) -> None:
        """Say which spelling of previews is taken; rules as in `previews.PreviewRules`."""
        self.send("PUT", "/preview-rules", rules)

    def request_preview(self, content_id: str, **options: object) -> dict[str, Any]:
        """Ask for a preview; answer `preview_id` and `deliveries`, or `body` with `send=False`.

        Options as in `orders.PreviewOrder`.
        """
        order = {"content_id": content_id, **options}
        return cast("dict[str, Any]", self.send("POST", "/previews", order).json())

    def preview(self, preview_id: str) -> dict[str, Any]:
        """Show what was told of a preview: the bodies `acknowledged` and `completed`, or None."""
        path = f"/previews/{preview_id}"
        return cast("dict[str, Any]", self.send("GET", path, None).json())
