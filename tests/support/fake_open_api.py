"""An Open API that knows what it is told, and remembers what it was asked."""

from collections.abc import Mapping
from typing import Any, TypeVar

from cmp_relay.errors import NotFoundError
from cmp_relay.open_api import Location, OpenApi

Answer = TypeVar("Answer")


class FakeOpenApi(OpenApi):
    """Answers by link and by id; what it was not told is not found; errors are raised."""

    def __init__(self) -> None:
        """Know nothing."""
        self.resources: dict[str, Mapping[str, Any] | Exception] = {}
        self.locations: dict[str, Location | Exception] = {}
        self.asked: list[str] = []

    def get(self, href: str) -> Mapping[str, Any]:
        """Return what stands at a link."""
        self.asked.append(href)
        return _given(self.resources.get(href))

    def locate(self, asset_id: str) -> Location:
        """Return where an asset lives."""
        self.asked.append(f"asset-urls/{asset_id}")
        return _given(self.locations.get(asset_id))


def _given(answer: Answer | Exception | None) -> Answer:
    if answer is None:
        raise NotFoundError("GET: 404", status=404)
    if isinstance(answer, Exception):
        raise answer
    return answer
