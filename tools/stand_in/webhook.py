"""The registered webhook: where deliveries go, and how they prove where they come from."""

from __future__ import annotations

import httpx
from pydantic import BaseModel, ConfigDict, Field

LOOPBACK = "127.0.0.1"


class Webhook(BaseModel):
    """Callback URL, secret and patience; `url_secret` sends the secret as `?key=` instead."""

    model_config = ConfigDict(extra="forbid")

    url: str
    secret: str | None = None
    url_secret: bool = False
    retry_base_seconds: float = Field(default=0.5, ge=0)
    attempts: int = Field(default=5, ge=1)
    timeout_seconds: float = Field(default=30.0, gt=0)

    def target(self, channel: str | None) -> httpx.URL:
        """Tell the URL of a channel's deliveries, on the loopback address for `*.localhost`."""
        url = httpx.URL(self.url)
        if channel is not None:
            url = url.copy_with(path=f"{url.path.rstrip('/')}/{channel}")
        if self.url_secret and self.secret is not None:
            url = url.copy_set_param("key", self.secret)
        # RFC 6761: such names are this machine, but not every resolver knows.
        return url.copy_with(host=LOOPBACK) if url.host.endswith(".localhost") else url

    def headers(self, extra: dict[str, str | None]) -> httpx.Headers:
        """Build a delivery's headers; None in `extra` leaves that header out."""
        headers = httpx.Headers({"Content-Type": "application/json"})
        headers["Host"] = httpx.URL(self.url).netloc.decode()
        if self.secret is not None and not self.url_secret:
            headers["Callback-Secret"] = self.secret
        for name, value in extra.items():
            headers.pop(name, None)
            if value is not None:
                headers[name] = value
        return headers
