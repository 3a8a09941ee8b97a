from dataclasses import replace

import pytest

from cmp_relay.errors import (
    AppointmentError,
    ForbiddenError,
    NotFoundError,
    PostponedError,
    RateLimitedError,
    UntrustedLinkError,
)
from cmp_relay.findings import Found
from cmp_relay.leases import Lease
from cmp_relay.lookup import MOST_PAGES, Lookup
from cmp_relay.open_api import Location
from cmp_relay.outcomes import Attempt
from tests.support import library_jobs
from tests.support.clock import NOON
from tests.support.publish_jobs import API, entry, link
from tests.support.worker_stack import WorkerStack

LINK = link("image-1")
TASK_LINK = f"{API}/tasks/1/images/image-1"
JOB = library_jobs.job("asset_modified")
FIRST = Attempt(1)
LAST_LOOK = Attempt(2, not_found_at=NOON - 60_000)


@pytest.fixture
def lookup(stack: WorkerStack) -> Lookup:
    return stack.lookup()


def lease() -> Lease:
    return Lease("fetch#image-1", "worker")


def test_finds_what_the_library_shows_under_the_link(lookup: Lookup, stack: WorkerStack) -> None:
    stack.api.resources[LINK] = entry()

    found = lookup.in_library(JOB, FIRST, LINK, lease())

    assert found == Found(entry(), "library", NOON, LINK)
    assert stack.api.asked == [LINK]


def test_asks_once_more_for_what_is_not_there(lookup: Lookup, stack: WorkerStack) -> None:
    with pytest.raises(PostponedError) as caught:
        lookup.in_library(JOB, FIRST, LINK, lease())

    assert caught.value.delay == 60
    assert (stack.api.asked, stack.items("JOB#")[0]["not_found_at"]) == ([LINK], NOON)


def test_follows_an_asset_within_the_library(lookup: Lookup, stack: WorkerStack) -> None:
    moved = f"{API}/videos/image-1"
    stack.api.locations["image-1"] = Location(moved, "library")
    stack.api.resources[moved] = entry()

    found = lookup.in_library(JOB, LAST_LOOK, LINK, lease())

    assert (found.source, found.href) == ("library", moved)
    assert stack.api.asked == [LINK, "asset-urls/image-1", moved]


def test_does_not_ask_the_task_for_what_the_library_has_not(
    lookup: Lookup, stack: WorkerStack
) -> None:
    stack.api.locations["image-1"] = Location(TASK_LINK, "task")

    with pytest.raises(NotFoundError):
        lookup.in_library(JOB, LAST_LOOK, LINK, lease())

    assert stack.api.asked == [LINK, "asset-urls/image-1"]


def test_looks_anywhere_for_a_publish_job(lookup: Lookup, stack: WorkerStack) -> None:
    stack.api.locations["image-1"] = Location(TASK_LINK, "task")
    stack.api.resources[TASK_LINK] = entry()

    found = lookup.anywhere(JOB, LAST_LOOK, lease())

    assert (found.source, found.href) == ("task", None)


@pytest.mark.parametrize(
    ("kind", "href", "asked"),
    [
        ("image", LINK, LINK),
        ("image", None, LINK),
        ("raw_file", None, f"{API}/raw-files/image-1"),
        ("hologram", LINK, LINK),
    ],
)
def test_a_single_look_takes_the_link_or_the_one_of_the_kind(
    lookup: Lookup, stack: WorkerStack, kind: str, href: str | None, asked: str
) -> None:
    stack.api.resources[asked] = entry()

    found = lookup.once(kind, "image-1", href, lease())

    assert (found.href, stack.api.asked) == (asked, [asked])


@pytest.mark.parametrize("location", [None, Location(TASK_LINK, "task")])
def test_a_single_look_asks_where_an_asset_of_an_unknown_kind_lives(
    lookup: Lookup, stack: WorkerStack, location: Location | None
) -> None:
    if location:
        stack.api.locations["image-1"] = location

    with pytest.raises(NotFoundError):
        lookup.once("hologram", "image-1", None, lease())

    assert stack.api.asked == ["asset-urls/image-1"]


@pytest.mark.parametrize("error", [ForbiddenError("GET: 403"), UntrustedLinkError("elsewhere")])
def test_other_errors_are_for_the_worker(
    lookup: Lookup, stack: WorkerStack, error: Exception
) -> None:
    stack.api.resources[LINK] = error

    with pytest.raises(type(error)):
        lookup.in_library(JOB, FIRST, LINK, lease())
    with pytest.raises(type(error)):
        lookup.once("image", "image-1", LINK, lease())


def test_brings_parts_of_the_asset_that_are_asked_for(lookup: Lookup, stack: WorkerStack) -> None:
    renditions, more = f"{API}/assets/image-1/renditions", f"{API}/assets/1?offset=10"
    stack.api.resources[LINK] = entry()
    stack.api.resources[renditions] = {"data": [{"id": "1"}], "pagination": {"next": more}}
    stack.api.resources[more] = {"data": [{"id": "2"}], "pagination": {"next": None}}
    detailed = replace(lookup, extras=("renditions", "custom_fields"))

    found = detailed.in_library(JOB, FIRST, LINK, lease())

    assert found.extras == {"renditions": [{"id": "1"}, {"id": "2"}], "custom_fields": None}
    assert stack.api.asked == [LINK, renditions, more, f"{API}/assets/image-1/fields"]


def test_a_list_without_end_is_cut(lookup: Lookup, stack: WorkerStack) -> None:
    fields = f"{API}/assets/image-1/fields"
    stack.api.resources[LINK] = entry()
    stack.api.resources[fields] = {"data": None, "pagination": {"next": fields}}

    found = replace(lookup, extras=("custom_fields",)).in_library(JOB, FIRST, LINK, lease())

    assert found.extras == {"custom_fields": []}
    assert stack.api.asked == [LINK, *[fields] * MOST_PAGES]


@pytest.mark.parametrize(("cause", "lane"), [("delivery", "live"), ("replay", "bulk")])
def test_a_replay_asks_in_the_bulk_lane(
    lookup: Lookup, stack: WorkerStack, cause: str, lane: str
) -> None:
    stack.api.resources[LINK] = RateLimitedError("GET: 429", retry_after=30)
    own = lease()

    with pytest.raises(AppointmentError):
        lookup.anywhere(JOB.model_copy(update={"cause": cause}), FIRST, own)

    assert own.kept is not None
    assert own.kept.lane == lane
