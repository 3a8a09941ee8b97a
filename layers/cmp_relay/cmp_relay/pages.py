"""Lists of CMP's Open API, page by page: `pagination.next` leads on and is used as it is.

Pages are cut by offset out of a list that may change meanwhile, so a row can come twice or be
missed (`listing` tells how the reconciliation lives with that).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from cmp_relay.errors import CircleError, UnavailableError
from cmp_relay.fields import at, text

MOST_PAGES = 10_000
"""A million rows of CMP's largest pages: a list that is longer does not end."""
MOST_EMPTY = 10
"""In a row: what a program may not see can leave a page empty, but not all that follow."""

Row = Mapping[str, Any]


def follow(
    get: Callable[[str], Mapping[str, Any]], link: str, most: int = MOST_PAGES
) -> Iterator[Row]:
    """Yield the rows of the list that begins at a link, asking for a page when it is needed.

    Raises CircleError if the pages lead back to one of them, UnavailableError as `joined` does, and
    what `get` raises.
    """
    return joined(_lists(get, link), most)


def joined(lists: Iterable[object], most: int = MOST_PAGES) -> Iterator[Row]:
    """Yield the rows of pages; raises UnavailableError if they are no lists or do not end."""
    empty = 0
    for number, rows in enumerate(lists, start=1):
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise UnavailableError("a page without a list of rows")
        empty = 0 if rows else empty + 1
        if number > most or empty > MOST_EMPTY:
            raise UnavailableError("a list that does not end")
        yield from rows


def _lists(get: Callable[[str], Mapping[str, Any]], link: str) -> Iterator[object]:
    page: str | None = link
    read: set[str] = set()
    while page is not None:
        if page in read:
            raise CircleError("the pages of a list lead back to one of them")
        read.add(page)
        answer = get(page)
        yield answer.get("data")
        page = text(at(answer, "pagination", "next"))
