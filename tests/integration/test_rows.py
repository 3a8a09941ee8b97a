"""At level `list` the jobs of a burst share the rows of a page of CMP's listing."""

import itertools
from typing import Any

import pytest

from cmp_relay import library_rows, listing
from cmp_relay.library_rows import FIRST_REACH, INTERVAL, MOST_PAGES, OVERLAP
from cmp_relay.row_table import LARGEST_ROW, RowTable
from tests.support import environment, library_jobs
from tests.support.clock import NOON
from tests.support.publish_jobs import API, body, entry, link, receipt
from tests.support.worker_stack import CONTEXT, WorkerStack, clients


def row(asset_id: str, **fields: object) -> dict[str, Any]:
    return {
        "id": asset_id,
        "type": "image",
        "title": "A row",
        "modified_at": "2026-11-21T11:59:59Z",
        "is_archived": False,
        "labels": [],
        "links": {"self": link(asset_id)},
        **fields,
    }


def show(
    stack: WorkerStack, since: int, *rows: dict[str, Any], following: str | None = None
) -> str:
    """Let CMP's listing show rows from then on, and return its link."""
    href = listing.first(API, since)
    stack.api.resources[href] = {"data": list(rows), "pagination": {"next": following}}
    return href


def jobs(
    stack: WorkerStack,
    *asset_ids: str,
    received_at: int = NOON,
    event_name: str = "asset_modified",
) -> list[str]:
    return [
        job
        for asset_id in asset_ids
        for job in stack.deliver(
            library_jobs.body(event_name, asset_id),
            receipt(f"delivery-{asset_id}-{received_at}", received_at),
        )
    ]


def work(stack: WorkerStack, *messages: str) -> int:
    """Let a worker have messages and return how many come back."""
    worker = stack.library_worker(stack.rows())
    return len(worker.handle(stack.event(*messages), CONTEXT)["batchItemFailures"])


def test_a_burst_of_a_hundred_assets_costs_one_request(stack: WorkerStack) -> None:
    ids = [f"image-{number}" for number in range(100)]
    href = show(stack, NOON - FIRST_REACH, *map(row, ids))
    burst = jobs(stack, *ids)
    assert work(stack, *burst[:2]) == 2  # CMP need not show it anywhere yet

    stack.sleep(3)

    assert work(stack, *burst) == 0
    assert stack.api.asked == [href]
    document = stack.documents()["assets/image/image-7/details.json"]
    assert (document["level"], document["asset"]["title"]) == ("list", "A row")
    assert {item["library"] for item in stack.items("ASSET#")} == {"present"}


def test_what_is_added_needs_no_newer_row(stack: WorkerStack) -> None:
    href = show(stack, NOON - FIRST_REACH, row("image-1"), row("image-2"))
    (first,) = jobs(stack, "image-1")
    stack.sleep(3)
    assert work(stack, first) == 0

    (added,) = jobs(stack, "image-2", received_at=stack.clock() + 1000, event_name="asset_added")
    assert work(stack, added) == 0

    assert stack.api.asked == [href]
    assert stack.asset("image-2")["library"] == "present"


def test_a_row_from_before_a_removal_adds_nothing_again(stack: WorkerStack) -> None:
    show(stack, NOON - FIRST_REACH, row("image-1"))
    stack.sleep(3)
    assert work(stack, *jobs(stack, "image-1")) == 0
    removed = jobs(stack, "image-1", received_at=NOON + 10_000, event_name="asset_removed")
    stack.sleep(20)
    assert work(stack, *removed) == 0
    assert stack.asset()["library"] == "removed"

    added = jobs(stack, "image-1", received_at=stack.clock(), event_name="asset_added")
    assert work(stack, *added) == 1

    assert stack.api.asked[-1] == link("image-1")
    assert stack.asset()["library"] == "removed"


def test_what_no_page_shows_is_looked_for_by_itself(stack: WorkerStack) -> None:
    href = show(stack, NOON - FIRST_REACH, row("image-1"))
    stack.api.resources[link("image-2")] = row("image-2")
    burst = jobs(stack, "image-1", "image-2")
    stack.sleep(3)

    assert work(stack, *burst) == 0

    assert stack.api.asked == [href, link("image-2")]
    assert stack.documents()["assets/image/image-2/details.json"]["level"] == "full"


def test_pages_are_followed_to_their_end(stack: WorkerStack) -> None:
    second = f"{API}/assets?offset=1"
    first = show(stack, NOON - FIRST_REACH, row("image-1"), following=second)
    stack.api.resources[second] = {"data": [row("image-2")], "pagination": {"next": None}}
    burst = jobs(stack, "image-1", "image-2")
    stack.sleep(3)

    assert work(stack, *burst) == 0

    assert stack.api.asked == [first, second]


def test_the_next_listing_waits_for_more_and_goes_on_where_the_last_one_was(
    stack: WorkerStack,
) -> None:
    show(stack, NOON - FIRST_REACH, row("image-1"))
    stack.sleep(3)
    assert work(stack, *jobs(stack, "image-1")) == 0
    (again,) = jobs(stack, "image-1", received_at=stack.clock() + 1000)
    stack.sleep(4)

    assert work(stack, again) == 1
    assert INTERVAL / 1000 - 4 <= stack.visibilities[-1] <= INTERVAL / 1000 - 4 + 3

    stack.sleep(20)
    href = show(stack, NOON + 3000 - OVERLAP, row("image-1", title="Another"))
    assert work(stack, again) == 0
    assert stack.api.asked[-1] == href
    assert stack.asset()["title"] == "Another"


def test_what_is_published_is_looked_up_in_full(stack: WorkerStack) -> None:
    stack.api.resources[link("image-1")] = entry()
    (published,) = stack.deliver(body("asset_published", [entry()]), receipt("published"))
    assert stack.work(published) == []
    stack.sleep(60)

    assert work(stack, *jobs(stack, "image-1", received_at=stack.clock() - 5000)) == 0

    assert set(stack.api.asked) == {link("image-1")}
    assert stack.documents()["assets/image/image-1/details.json"]["level"] == "full"


def test_what_is_known_to_expire_is_looked_up_in_full(stack: WorkerStack) -> None:
    show(stack, NOON - FIRST_REACH, row("image-2"))
    stack.api.resources[link("image-1")] = entry(expires_at="2026-11-21T11:00:00Z")
    stack.sleep(3)
    assert work(stack, *jobs(stack, "image-1")) == 0
    assert stack.asset()["expired"] is True
    stack.api.resources[link("image-1")] = entry(expires_at="2027-11-21T11:00:00Z")

    (put_off,) = jobs(stack, "image-1", received_at=stack.clock())
    stack.sleep(3)
    assert work(stack, put_off) == 0

    assert stack.asset()["expired"] is False


def test_while_one_reads_the_listing_the_others_wait(stack: WorkerStack) -> None:
    show(stack, NOON - FIRST_REACH, row("image-1"))
    stack.sleep(3)
    stack.rows().leases.acquire("listing", "somebody", 60)

    assert work(stack, *jobs(stack, "image-1")) == 1

    assert stack.api.asked == []
    assert stack.visibilities[-1] <= 5


def test_without_a_listing_nothing_is_gone(stack: WorkerStack) -> None:
    show(stack, NOON - FIRST_REACH, row("image-1"))
    stack.sleep(3)
    assert work(stack, *jobs(stack, "image-1")) == 0
    stack.sleep(60)
    stack.api.resources.clear()

    assert work(stack, *jobs(stack, "image-1", received_at=stack.clock() - 5000)) == 1

    assert stack.asset()["library"] == "present"


def test_a_row_without_a_link_is_a_row(stack: WorkerStack) -> None:
    show(stack, NOON - FIRST_REACH, row("image-1", links=None))
    stack.sleep(3)

    assert work(stack, *jobs(stack, "image-1")) == 0

    assert stack.asset()["library"] == "present"


def test_a_row_that_no_item_holds_keeps_none_from_being_kept(stack: WorkerStack) -> None:
    endless = row("image-1", title="x" * LARGEST_ROW, content=None)
    page = listing.read({"data": [endless, row("image-2")]})
    table = RowTable(clients("workers").table, "catalogue")

    table.put(page, NOON)

    assert table.row("image-1") is None
    assert table.row("image-2") is not None


@pytest.mark.parametrize(("length", "kept"), [(10, "x" * 10), (LARGEST_ROW, None)])
def test_a_row_is_kept_as_far_as_an_item_holds_it(
    stack: WorkerStack, length: int, kept: str | None
) -> None:
    content = {"type": "html_body", "value": "x" * length}
    page = listing.read({"data": [row("article-1", type="article", content=content)]})
    table = RowTable(clients("workers").table, "catalogue")

    table.put(page, NOON)

    found = table.row("article-1")
    assert found is not None
    assert (found[0], found[1]["content"]["value"]) == (NOON, kept)


def test_a_long_listing_is_read_no_further_than_a_visit_has_time(stack: WorkerStack) -> None:
    pages = [f"{API}/assets?offset={number}" for number in range(1, MOST_PAGES + 1)]
    show(stack, NOON - FIRST_REACH, row("image-0"), following=pages[0])
    for number, (page, following) in enumerate(itertools.pairwise(pages), start=1):
        data = {"data": [row(f"image-{number}")], "pagination": {"next": following}}
        stack.api.resources[page] = data
    stack.api.resources[link("image-99")] = row("image-99")
    stack.sleep(3)

    assert work(stack, *jobs(stack, "image-99")) == 0

    assert len(stack.api.asked) == MOST_PAGES + 1
    assert stack.api.asked[-1] == link("image-99")


def test_who_finds_that_another_has_just_read_the_listing_does_not_read_it_again(
    stack: WorkerStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.api.resources[link("image-1")] = row("image-1")
    stack.sleep(3)
    seen = iter([None, None, stack.clock()])
    monkeypatch.setattr(RowTable, "listed_at", lambda _: next(seen))

    assert work(stack, *jobs(stack, "image-1")) == 0

    assert stack.api.asked == [link("image-1")]


@pytest.mark.parametrize(("level", "has_rows"), [("full", False), ("list", True)])
def test_rows_serve_at_level_list_alone(level: str, *, has_rows: bool) -> None:
    built = library_rows.build({**environment.FUNCTIONS, "LIBRARY_DETAIL": level})

    assert (built is not None) is has_rows
