"""Lists of CMP's Open API, page by page: `pagination.next` leads on and is used as it is.

Pages are cut by offset out of a list that may change meanwhile, so a row can come twice or be
missed (`listing` tells how the reconciliation lives with that).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cmp_relay.errors import CircleError, UnavailableError
from cmp_relay.fields import at, text

MOST_PAGES = 10_000
"""A million rows of CMP's largest pages: a list that is longer does not end."""

Row = Mapping[str, Any]


def follow(
    get: Callable[[str], Mapping[str, Any]], link: str, most: int = MOST_PAGES
) -> Iterator[Row]:
    """Yield the rows of the list that begins at a link, asking for a page when it is needed.

    A page without rows is the last one. Raises CircleError if the pages lead back to one of them,
    UnavailableError if they are no pages or more than `most`, and what `get` raises.
    """
    page: str | None = link
    read: set[str] = set()
    while page is not None:
        if page in read:
            raise CircleError("the pages of a list lead back to one of them")
        if len(read) == most:
            raise UnavailableError(f"a list of more than {most} pages")
        read.add(page)
        answer = get(page)
        rows = answer.get("data")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise UnavailableError("a page without a list of rows")
        yield from rows
        page = text(at(answer, "pagination", "next")) if rows else None
