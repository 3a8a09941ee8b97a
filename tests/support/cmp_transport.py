"""CMP's Open API behind httpx, for functions that build their own client."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest


class CmpTransport:
    """Answers with resources by their URL, 404 without; remembers URLs and tokens."""

    def __init__(self, resources: Mapping[str, Any]) -> None:
        """Know the resources, or responses, of these URLs."""
        self._resources = resources
        self.asked: list[tuple[str, str]] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.asked.append((str(request.url), request.headers["Authorization"]))
        found = self._resources.get(str(request.url))
        if isinstance(found, httpx.Response):
            return found
        return httpx.Response(404) if found is None else httpx.Response(200, json=found)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the place of every real transport."""

        def respond(_transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
            return self.answer(request)

        monkeypatch.setattr(httpx.HTTPTransport, "handle_request", respond)
