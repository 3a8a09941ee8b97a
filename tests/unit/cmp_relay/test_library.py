import pytest

from cmp_relay import library
from cmp_relay.library import FRESHNESS_MARGIN, RETRY_MILLISECONDS
from tests.support.clock import NOON


@pytest.mark.parametrize(
    ("body", "state"),
    [
        ({}, "present"),
        ({"is_archived": False}, "present"),
        ({"is_archived": True}, "archived"),
        ({"is_archived": "yes"}, "present"),
    ],
)
def test_what_the_library_shows_is_there(body: dict[str, object], state: str) -> None:
    assert library.state(body) == state


@pytest.mark.parametrize(
    ("seen_at", "covered"),
    [
        (None, False),
        (NOON, False),
        (NOON + FRESHNESS_MARGIN - 1, False),
        (NOON + FRESHNESS_MARGIN, True),
    ],
)
def test_a_look_covers_what_came_well_before_it(seen_at: int | None, *, covered: bool) -> None:
    assert library.covers(seen_at, NOON) is covered


@pytest.mark.parametrize(
    ("heard_at", "doubtful"),
    [
        (None, False),
        (NOON - RETRY_MILLISECONDS - 1, False),
        (NOON - RETRY_MILLISECONDS, True),
        (NOON, True),
        (NOON + RETRY_MILLISECONDS, True),
        (NOON + RETRY_MILLISECONDS + 1, True),
    ],
)
def test_a_removal_is_doubtful_while_cmp_may_have_retried_it_for_that_long(
    heard_at: int | None, *, doubtful: bool
) -> None:
    assert library.is_doubtful(heard_at, NOON) is doubtful


@pytest.mark.parametrize(
    ("kind", "asset_id", "path"),
    [
        ("article", "1", "articles/1"),
        ("image", "a/b", "images/a%2Fb"),
        ("video", "..", "videos/%2E%2E"),
        ("raw_file", "1?x", "raw-files/1%3Fx"),
        ("structured_content", "1", "structured-contents/1"),
        ("hologram", "1", None),
    ],
)
def test_each_kind_has_a_place_in_the_open_api(kind: str, asset_id: str, path: str | None) -> None:
    assert library.path(kind, asset_id) == path


def test_cmp_knows_everywhere_after_a_while() -> None:
    assert library.knows_at(NOON, None, NOON - 5) == NOON + FRESHNESS_MARGIN
    assert library.knows_at(None) == 0


def test_what_is_told_has_a_fingerprint() -> None:
    labels = [{"group": {"id": "1", "name": "Größe"}}]

    one = library.fingerprint("present", 1, None, "Title", labels)

    assert one == library.fingerprint("present", 1, None, "Title", labels)
    assert one != library.fingerprint("present", 1, None, "Title", None)
    assert one != library.fingerprint("removed", 1, None, "Title", labels)
