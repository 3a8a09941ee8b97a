"""CMP's publishing metadata of any event, as facts.md 5 has it, beside what FakeOpenApi knows."""

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any
from urllib.parse import parse_qsl

from cmp_relay.errors import NotFoundError, RequestRefusedError, UnavailableError
from cmp_relay.open_api import Body, Gate
from tests.support.fake_open_api import FakeOpenApi
from tests.support.publish_jobs import API


def link(event_id: str) -> str:
    """Return where CMP takes the reports of a publishing event."""
    return f"{API}/publishing-events/{event_id}/publishing-metadata"


class FakeMetadata(FakeOpenApi):
    """Takes one report of each asset and locale, in requests of at most `cap`.

    `refusals` are error codes by asset: those that end in `-not-allowed` or begin with `missing-`
    hold until the report is as they say. Of assets in `silent` it says nothing. `refused` are the
    errors of whole links. `failures` are raised by the next requests, after they took effect.
    `meanwhile` happens while a POST is under way.
    """

    def __init__(self) -> None:
        """Have no report yet."""
        super().__init__()
        self.entries: dict[str, list[dict[str, Any]]] = {}
        self.cap, self.cap_status = 100, 400
        self.refusals: dict[str, str] = {}
        self.silent: set[str] = set()
        self.refused: dict[str, Exception] = {}
        self.failures: list[Exception | None] = []
        self.takes_what_fails = True
        self.posts: list[list[Mapping[str, str]]] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self._gate: Gate

    def behind(self, gate: Gate) -> "FakeMetadata":
        """Return the same with its requests behind a gate."""
        gated = copy(self)
        gated._gate = gate
        return gated

    def get(self, href: str) -> Mapping[str, Any]:
        """List what is there, filtered by the query."""
        self._gate.take(lambda: None, lambda: self.is_up)
        self.asked.append(f"GET {href}")
        path, _, query = href.partition("?")
        wanted = dict(parse_qsl(query))
        if path in self.refused:
            raise self.refused[path]
        entries = self.entries.get(path, [])
        return {"data": [one for one in entries if wanted.items() <= one.items()]}

    def tell(self, method: str, href: str, body: Body = None) -> Mapping[str, object]:
        """Take reports."""
        self._gate.take(lambda: None, lambda: self.is_up)
        assert method == "POST"
        assert isinstance(body, Mapping)
        reports: Any = body["data"]
        self.asked.append(f"POST {href}")
        self.posts.append(reports)
        self.meanwhile()
        if href in self.refused:
            raise self.refused[href]
        if len(reports) > self.cap:
            raise RequestRefusedError(f"POST: {self.cap_status}", status=self.cap_status)
        failure = self.failures.pop(0) if self.failures else None
        if failure and not self.takes_what_fails:
            raise failure  # the breaker hears nothing of it, so that each counts as an attempt
        answer = self._take(href, reports)
        if failure:
            self._gate.failed()
            raise failure
        self._gate.answered()
        return answer

    def _take(self, href: str, reports: list[Mapping[str, str]]) -> Mapping[str, object]:
        entries = self.entries.setdefault(href, [])
        made: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        for report in reports:
            code = self._problem(report, entries)
            about = {"asset_id": report["asset_id"], "locale": report.get("locale")}
            if report["asset_id"] in self.silent:
                continue
            if code:
                errors.append({**about, "error_code": code, "message": f"Refused: {code}"})
                continue
            number = sum(map(len, self.entries.values()))
            own = f"metadata-{number}"
            entry: dict[str, Any] = {"public_url": None, **about, **report, "id": own}
            entry["links"] = {"self": f"{href}/{own}"}
            entries.append(entry)
            made.append(entry)
        return {"data": made, "errors": errors}

    def _problem(self, report: Mapping[str, str], entries: list[dict[str, Any]]) -> str | None:
        code = self.refusals.get(report["asset_id"], "")
        name = code.removeprefix("missing-").removesuffix("-not-allowed").replace("-", "_")
        if code.endswith("-not-allowed"):
            code = code if name in report else ""
        elif code.startswith("missing-"):
            code = "" if name in report else code
        if code:
            return code
        place = (report["asset_id"], report.get("locale"))
        taken = [(one["asset_id"], one["locale"]) for one in entries]
        return "metadata-exists" if place in taken else None


def not_found() -> NotFoundError:
    """Return what a link that leads nowhere raises."""
    return NotFoundError("POST: 404", status=404)


def unavailable() -> UnavailableError:
    """Return what a request without an answer raises."""
    return UnavailableError("POST: ReadTimeout")
