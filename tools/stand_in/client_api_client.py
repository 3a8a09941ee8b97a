"""What tests and tools say to a running stand-in about what programs ask of CMP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx


@dataclass(frozen=True)
class ClientApiClient:
    """Sets up and reads; `send` takes method, path and body of a request to the admin side."""

    send: Callable[[str, str, object], httpx.Response]

    def add_content(self, **fields: object) -> dict[str, Any]:
        """Create a content item of the tutorial's API; see `content_items.ContentItem`."""
        return cast("dict[str, Any]", self.send("POST", "/content-items", fields).json())

    def content_assets(self) -> list[dict[str, Any]]:
        """List the uploads to the tutorial's API."""
        return self._list("/content-assets")

    def content_publications(self) -> list[dict[str, Any]]:
        """List the publications that the tutorial's API was asked for."""
        return self._list("/content-publications")

    def intents(self) -> list[dict[str, Any]]:
        """List the publishing intents of tasks."""
        return self._list("/publishing-intents")

    def register_webhooks(self, *webhooks: dict[str, Any]) -> None:
        """Let the settings hold these webhooks and no others; see `settings.RegisteredWebhook`."""
        self.send("PUT", "/registered-webhooks", list(webhooks))

    def webhooks(self) -> list[dict[str, Any]]:
        """List the webhooks that the settings hold."""
        return self._list("/registered-webhooks")

    def set_multipart_rules(self, **rules: object) -> None:
        """Say how multipart uploads go; rules as in `multipart.MultipartRules`."""
        self.send("PUT", "/multipart-rules", rules)

    def _list(self, path: str) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", self.send("GET", path, None).json())
