"""An Open API that knows what it is told, and remembers what it was asked."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any, TypeVar

from cmp_relay.errors import NotFoundError, RateLimitedError, UnavailableError
from cmp_relay.open_api import Body, Gate, Location, OpenApi, OpenGate

Answer = TypeVar("Answer")
Write = Callable[[Any], Mapping[str, Any]]
"""What becomes of a write: its answer, or an error that is raised."""


class FakeOpenApi(OpenApi):
    """Answers by link and by id; what it was not told is not found; errors are raised."""

    def __init__(self) -> None:
        """Know nothing."""
        self.resources: dict[str, Mapping[str, Any] | Exception] = {}
        self.locations: dict[str, Location | Exception] = {}
        self.urls: dict[str, str] = {}
        self.told: list[tuple[str, str, Any]] = []
        self.writes: dict[tuple[str, str], Write] = {}
        self.asked: list[str] = []
        self.is_up = True
        self._gate: Gate = OpenGate()

    def behind(self, gate: Gate) -> "FakeOpenApi":
        """Return the same with its requests behind a gate."""
        gated = copy(self)
        gated._gate = gate
        return gated

    def get(self, href: str) -> Mapping[str, Any]:
        """Return what stands at a link."""
        return self._answer(href, self.resources.get(href))

    def locate(self, asset_id: str) -> Location:
        """Return where an asset lives."""
        return self._answer(f"asset-urls/{asset_id}", self.locations.get(asset_id))

    def file_urls(self, guids: Sequence[str]) -> Mapping[str, str]:
        """Return the URLs that it was told of these guids."""
        known = {guid: self.urls[guid] for guid in guids if guid in self.urls}
        return self._answer(f"file-urls/{','.join(guids)}", known)

    def tell(self, method: str, href: str, body: Body = None) -> Mapping[str, Any]:
        """Remember what is written to a link, and answer as was told, else with nothing."""
        self._answer(f"{method} {href}", True)
        self.told.append((method, href, body))
        write = self.writes.get((method, href))
        return write(body) if write else {}

    def _answer(self, what: str, answer: Answer | Exception | None) -> Answer:
        self._gate.take(lambda: None, lambda: self.is_up)
        self.asked.append(what)
        answer = answer if self.is_up else UnavailableError("GET: 503", status=503)
        if isinstance(answer, RateLimitedError):
            self._gate.throttled(answer.retry_after)
        elif isinstance(answer, UnavailableError):
            self._gate.failed()
        else:
            self._gate.answered()
        if answer is None:
            raise NotFoundError("GET: 404", status=404)
        if isinstance(answer, Exception):
            raise answer
        return answer
