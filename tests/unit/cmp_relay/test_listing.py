from typing import Any

import pytest

from cmp_relay import listing
from cmp_relay.errors import UnavailableError
from cmp_relay.listing import Page, Row
from tests.support.clock import NOON
from tests.support.publish_jobs import API, link


def answer(*rows: object, next_link: str | None = None, total: object = 3) -> dict[str, Any]:
    pagination = {"next": next_link, "previous": None}
    return {"data": list(rows), "pagination": pagination, "total_count": total}


def shown(**fields: object) -> dict[str, object]:
    return {
        "id": "image-1",
        "type": "image",
        "modified_at": "2026-11-21T12:00:00Z",
        "is_archived": False,
        "owner_organization_id": "organization-1",
        "links": {"self": link("image-1")},
        **fields,
    }


def test_a_row_is_what_a_job_needs_and_what_a_comparison_does() -> None:
    page = listing.read(answer(shown(), next_link=f"{API}/assets?offset=100"))

    asset = {"id": "image-1", "type": "image", "href": link("image-1")}
    assert page == Page(
        rows={"image-1": Row(asset, "present", NOON, "organization-1")},
        next=f"{API}/assets?offset=100",
        total=3,
    )


def test_an_archived_asset_is_in_the_library_too() -> None:
    page = listing.read(answer(shown(is_archived=True)))

    assert page.rows["image-1"].library == "archived"


def test_what_is_no_asset_is_counted() -> None:
    page = listing.read(answer(shown(), "nothing", {"id": "no type"}))

    assert (list(page.rows), page.unreadable) == (["image-1"], 2)


def test_what_is_no_page_is_an_error() -> None:
    with pytest.raises(UnavailableError):
        listing.read({"message": "maintenance"})


@pytest.mark.parametrize(
    ("page", "is_last"),
    [
        (answer(shown(), next_link="next"), False),
        (answer("unreadable", next_link="next"), False),
        (answer(shown()), True),
        (answer(next_link="next"), True),
    ],
)
def test_the_list_ends_without_a_next_page_or_without_rows(
    page: dict[str, Any], is_last: bool
) -> None:
    assert listing.read(page).is_last() is is_last


@pytest.mark.parametrize(
    ("before", "total", "may_skip"),
    [(3, 2, True), (3, 3, False), (3, 4, False), (None, 3, False), (3, None, False)],
)
def test_only_a_list_that_became_shorter_may_have_drawn_assets_past_the_edge(
    before: int | None, total: object, may_skip: bool
) -> None:
    assert listing.read(answer(shown(), total=total)).may_skip(before) is may_skip


def test_the_first_page_lists_everything_or_what_was_changed_since() -> None:
    assert listing.first(f"{API}/", None) == f"{API}/assets?page_size=100"
    assert (
        listing.first(API, NOON + 999)
        == f"{API}/assets?page_size=100&modified_at__from=2026-11-21T12:00:00Z"
    )
