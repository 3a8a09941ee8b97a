"""An API of CMP at its address, asked by path: what the public clients are made of.

Resources around one are reached by the links that CMP gave, unchanged; paths are for those to which
no link leads. Each request waits for its slot, and each error says what to do about it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx

from cmp_relay import library, pages
from cmp_relay.advice import advising
from cmp_relay.forms import Form
from cmp_relay.open_api import Body, OpenApi
from cmp_relay.pages import Row
from cmp_relay.patience import Patience

Given = TypeVar("Given")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An API at `base`; every call raises ApiErrors, CredentialsError and other PostponedErrors."""

    api: OpenApi
    base: str
    patience: Patience = field(default_factory=Patience)

    def link(self, *path: str, **query: object) -> str:
        """Return the link to a path, whose parts can be any ids; None leaves a parameter out."""
        told = {name: _told(value) for name, value in query.items() if value is not None}
        way = "/".join(map(library.quoted, path))
        return f"{self.base.rstrip('/')}/{way}{'?' if told else ''}{httpx.QueryParams(told)}"

    def ask(self, request: Callable[[OpenApi], Given]) -> Given:
        """Return what a request to the API gives, once it may go out."""
        with advising():
            return self.patience.ask(self.api, request)

    def get(self, href: str) -> Mapping[str, Any]:
        """Return the resource at a link."""
        return self.ask(lambda api: api.get(href))

    def rows(self, href: str) -> Iterator[Row]:
        """Yield the rows of a list, all of its pages (`pages.follow`)."""
        return pages.follow(self.get, href)

    def tell(self, method: str, href: str, body: Body = None) -> Mapping[str, Any]:
        """Write to a link and return what CMP answers; UnavailableError leaves open if it did."""
        return self.ask(lambda api: api.tell(method, href, body))

    def submit(self, href: str, form: Form, seconds: float) -> Mapping[str, Any]:
        """POST a form with a file to a link, within so many seconds."""
        return self.ask(lambda api: api.submit(href, form, seconds))


def moment(at: datetime) -> str:
    """Write a moment as CMP does; raises ValueError for one without a zone."""
    if at.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _told(value: Any) -> Any:  # noqa: ANN401 - whatever a query can hold
    return moment(value) if isinstance(value, datetime) else value
