from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay.errors import CircleError, UnavailableError
from cmp_relay.pages import MOST_EMPTY, follow

FIRST = "https://api.cmp.optimizely.com/v3/assets?page_size=100"


def book(pages: list[list[int]]) -> dict[str, Mapping[str, Any]]:
    """Lay pages out by their links, which nobody could guess."""
    links = [FIRST, *(f"{FIRST}&after={hash(str(n))}" for n in range(1, len(pages)))]
    following = [*links[1:], None]
    return {
        link: {"data": [{"n": n} for n in page], "pagination": {"next": after, "previous": None}}
        for link, page, after in zip(links, pages, following, strict=False)
    }


@given(st.lists(st.lists(st.integers(), min_size=1), min_size=1))
def test_every_row_comes_once_and_in_order(pages: list[list[int]]) -> None:
    rows = follow(book(pages).__getitem__, FIRST)

    assert [row["n"] for row in rows] == [n for page in pages for n in page]


def test_a_page_is_asked_for_when_it_is_needed() -> None:
    asked: list[str] = []
    pages = book([[1, 2], [3], [4]])

    def get(link: str) -> Mapping[str, Any]:
        asked.append(link)
        return pages[link]

    rows = follow(get, FIRST)

    assert asked == []
    assert [next(rows)["n"] for _ in range(3)] == [1, 2, 3]
    assert asked == [*pages][:2]


def test_an_empty_page_is_not_the_end() -> None:
    pages = book([[1], *[[]] * MOST_EMPTY, [2], []])

    assert [row["n"] for row in follow(pages.__getitem__, FIRST)] == [1, 2]


def test_a_list_that_goes_on_without_rows_is_left() -> None:
    rows = follow(book([[1], *[[]] * (MOST_EMPTY + 1), [2]]).__getitem__, FIRST)

    assert next(rows)["n"] == 1
    with pytest.raises(UnavailableError, match="does not end"):
        next(rows)


def test_a_list_without_pages_is_one_page() -> None:
    assert [*follow(lambda _: {"data": [{"n": 1}]}, FIRST)] == [{"n": 1}]


def test_pages_that_lead_back_are_a_circle() -> None:
    pages = book([[1], [2], [3]])
    pages[[*pages][2]] = {"data": [{"n": 3}], "pagination": {"next": FIRST}}
    rows = follow(pages.__getitem__, FIRST)

    assert [next(rows)["n"] for _ in range(3)] == [1, 2, 3]
    with pytest.raises(CircleError):
        next(rows)


def test_a_list_that_does_not_end_is_left() -> None:
    rows = follow(book([[1], [2], [3]]).__getitem__, FIRST, most=2)

    assert [next(rows)["n"] for _ in range(2)] == [1, 2]
    with pytest.raises(UnavailableError, match="does not end"):
        next(rows)


@pytest.mark.parametrize("answer", [{}, {"data": None}, {"data": {"id": "1"}}, {"data": ["1"]}])
def test_what_is_no_page_is_an_error(answer: Mapping[str, Any]) -> None:
    with pytest.raises(UnavailableError, match="without a list"):
        next(follow(lambda _: answer, FIRST))
