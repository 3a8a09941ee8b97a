from dataclasses import replace
from typing import Any

import pytest

from cmp_relay.catalogue import AssetState
from cmp_relay.delivered import Delivered
from cmp_relay.details import Details, covers
from cmp_relay.documents import Documents
from cmp_relay.errors import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    PostponedError,
    StaleReadError,
    UnavailableError,
    UntrustedLinkError,
)
from cmp_relay.findings import Findings, Found
from cmp_relay.jobs import PublishJob
from cmp_relay.leases import Lease
from cmp_relay.library import FRESHNESS_MARGIN
from cmp_relay.open_api import Location
from cmp_relay.outcomes import MOST_ATTEMPTS, Attempt
from cmp_relay.telemetry import metrics
from tests.support import publish_jobs
from tests.support.clock import NOON
from tests.support.publish_jobs import entry, link
from tests.support.worker_stack import WorkerStack, clients

ANNOUNCED = NOON - 3_600_000  # entry()'s modified_at
LINK = link("image-1")
TASK_LINK = "https://api.cmp.optimizely.com/v3/tasks/1/assets/image-1"
KEY = "assets/image/image-1/details.json"
JOB = publish_jobs.job()
FIRST = Attempt(1)
LAST_LOOK = Attempt(2, not_found_at=NOON - 60_000)
BLANK = AssetState("image-1", "image")
FETCHED = replace(
    BLANK,
    modified_at=ANNOUNCED,
    fetch_began_at=NOON - 1_800_000,
    details_source="library",
    title="Fetched before",
)
FORBIDDEN = ForbiddenError("GET: 403", status=403)
NOT_FOUND = NotFoundError("GET: 404", status=404)


@pytest.fixture
def details(stack: WorkerStack) -> Details:
    metrics.clear_metrics()
    made = clients("workers")
    return Details(
        lookup=stack.lookup(),
        delivered=Delivered(made.objects, "archive"),
        findings=Findings(Documents(made.objects, "assets")),
    )


def lease() -> Lease:
    return Lease("fetch#image-1", "worker")


def without_link() -> PublishJob:
    return JOB.model_copy(update={"asset": JOB.asset.model_copy(update={"href": None})})


# Whether CMP has to be asked


@pytest.mark.parametrize(
    ("asset", "announced", "covered"),
    [
        (BLANK, ANNOUNCED, False),
        (replace(FETCHED, fetch_began_at=NOON + FRESHNESS_MARGIN), None, True),
        (replace(FETCHED, fetch_began_at=NOON + FRESHNESS_MARGIN - 1), None, False),
        (
            replace(FETCHED, fetch_began_at=NOON + FRESHNESS_MARGIN, details_source="delivery"),
            ANNOUNCED,
            False,
        ),
        (replace(FETCHED, fetch_began_at=ANNOUNCED + FRESHNESS_MARGIN), ANNOUNCED, True),
        (replace(FETCHED, fetch_began_at=ANNOUNCED + FRESHNESS_MARGIN - 1), ANNOUNCED, False),
        (FETCHED, ANNOUNCED - 1, True),
        (FETCHED, ANNOUNCED + 1, False),
        (FETCHED, None, False),
        (replace(FETCHED, modified_at=None), ANNOUNCED, False),
        (replace(FETCHED, fetch_began_at=NOON + 60_000), ANNOUNCED + 1, False),
    ],
)
def test_what_was_fetched_covers_a_delivery(
    asset: AssetState, announced: int | None, covered: bool
) -> None:
    assert covers(asset, NOON, announced) is covered


def test_what_is_covered_costs_no_request(details: Details, stack: WorkerStack) -> None:
    assert details.bring(JOB, FIRST, entry(), FETCHED, lease()) == FETCHED
    assert (stack.api.asked, stack.documents()) == ([], {})


# What CMP shows


def test_keeps_what_the_library_tells(details: Details, stack: WorkerStack) -> None:
    body = entry(title="In the library", version_number=3, new_field={"a": None})
    stack.api.resources[LINK] = body

    brought = details.bring(JOB, FIRST, entry(), BLANK, lease())

    etag = stack.s3.head_object(Bucket="assets", Key=KEY)["ETag"]
    assert brought == AssetState(
        "image-1",
        "image",
        library="present",
        title="In the library",
        modified_at=ANNOUNCED,
        version="3",
        fetch_began_at=NOON,
        details_source="library",
        details_key=KEY,
        details_etag=etag,
        href=LINK,
        seen_at=NOON,
    )
    assert stack.documents() == {
        KEY: {
            "schema": 1,
            "asset_id": "image-1",
            "type": "image",
            "details_source": "library",
            "level": "full",
            "fetch_began_at": "2026-11-21T12:00:00.000Z",
            "asset": body,
        }
    }


def test_the_fetch_began_before_cmp_was_asked(
    details: Details, stack: WorkerStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer_late(href: str) -> dict[str, Any]:
        stack.clock.advance(10)
        return entry()

    monkeypatch.setattr(stack.api, "get", answer_late)

    assert details.bring(JOB, FIRST, entry(), BLANK, lease()).fetch_began_at == NOON


def test_a_look_into_the_task_begins_after_the_one_into_the_library(
    details: Details, stack: WorkerStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.api.locations["image-1"] = Location(TASK_LINK, "task")

    def answer_late(href: str) -> dict[str, Any]:
        stack.clock.advance(10)
        if href == LINK:
            raise NOT_FOUND
        return entry()

    monkeypatch.setattr(stack.api, "get", answer_late)

    assert details.bring(JOB, LAST_LOOK, entry(), BLANK, lease()).fetch_began_at == NOON + 10_000


def test_an_archived_asset_is_known_as_such(details: Details, stack: WorkerStack) -> None:
    stack.api.resources[LINK] = entry(is_archived=True)

    assert details.bring(JOB, FIRST, entry(), BLANK, lease()).library == "archived"


def test_fields_of_another_shape_do_no_harm(details: Details, stack: WorkerStack) -> None:
    stack.api.resources[LINK] = {"title": {"en": "x"}, "version_number": [], "modified_at": "?"}
    known = replace(FETCHED, fetch_began_at=None, version="2")

    brought = details.bring(JOB, FIRST, entry(), known, lease())

    assert (brought.title, brought.version, brought.modified_at) == (
        "Delivered image-1",
        "2",
        ANNOUNCED,
    )


def test_an_older_state_than_announced_is_asked_for_again(
    details: Details, stack: WorkerStack
) -> None:
    stack.api.resources[LINK] = entry(modified_at="2026-11-21T10:59:59.999Z")

    with pytest.raises(StaleReadError):
        details.bring(JOB, Attempt(MOST_ATTEMPTS - 1), entry(), BLANK, lease())

    assert stack.documents() == {}


def test_an_older_state_is_better_than_none_in_the_end(
    details: Details, stack: WorkerStack
) -> None:
    stack.api.resources[LINK] = entry(modified_at="2026-11-21T10:00:00Z")

    brought = details.bring(JOB, Attempt(MOST_ATTEMPTS), entry(), BLANK, lease())

    assert brought.modified_at == ANNOUNCED - 3_600_000
    assert KEY in stack.documents()


@pytest.mark.parametrize("error", [UnavailableError("503"), UntrustedLinkError("elsewhere")])
def test_other_errors_are_for_the_worker(
    details: Details, stack: WorkerStack, error: Exception
) -> None:
    stack.api.resources[LINK] = error

    with pytest.raises(type(error)):
        details.bring(JOB, FIRST, entry(), BLANK, lease())


def test_a_fetch_that_began_earlier_gives_way(details: Details, stack: WorkerStack) -> None:
    stack.api.resources[LINK] = entry()
    stack.clock.advance(10)
    details.bring(JOB, FIRST, entry(), BLANK, lease())
    kept = stack.documents()
    stack.clock.advance(-10)
    stack.empty_budget()
    stack.api.resources[LINK] = entry(title="Slow")

    with pytest.raises(ConflictError):
        details.bring(JOB, FIRST, entry(), BLANK, lease())

    assert stack.documents() == kept


# What CMP does not show


def test_the_first_404_is_looked_at_again_a_minute_later(
    details: Details, stack: WorkerStack
) -> None:
    with pytest.raises(PostponedError) as caught:
        details.bring(JOB, FIRST, entry(), BLANK, lease())

    assert caught.value.delay == 60
    assert stack.api.asked == [LINK]
    assert stack.items("JOB#")[0]["not_found_at"] == NOON


def test_an_asset_that_came_back_within_the_minute_is_found(
    details: Details, stack: WorkerStack
) -> None:
    stack.api.resources[LINK] = entry()

    assert details.bring(JOB, LAST_LOOK, entry(), BLANK, lease()).details_source == "library"


def test_an_asset_that_lives_in_a_task_is_found_there(details: Details, stack: WorkerStack) -> None:
    stack.api.locations["image-1"] = Location(TASK_LINK, "task")
    # The copy in the task has a time of its own, older than the delivery's
    stack.api.resources[TASK_LINK] = {"title": "In a task", "modified_at": "2026-11-01T00:00:00Z"}

    known = replace(BLANK, library="archived")

    brought = details.bring(JOB, LAST_LOOK, entry(), known, lease())

    assert stack.api.asked == [LINK, "asset-urls/image-1", TASK_LINK]
    assert (brought.details_source, brought.title) == ("task", "In a task")
    assert brought.library == "archived"  # of that the library alone can tell
    assert stack.documents()[KEY]["details_source"] == "task"


@pytest.mark.parametrize("location", [NOT_FOUND, Location(TASK_LINK, "task")])
def test_an_asset_that_is_nowhere_is_kept_as_delivered(
    details: Details, stack: WorkerStack, location: Location | Exception
) -> None:
    stack.api.locations["image-1"] = location

    brought = details.bring(JOB, LAST_LOOK, entry(), BLANK, lease())

    assert (brought.details_source, brought.title) == ("delivery", "Delivered image-1")
    assert (brought.library, brought.modified_at) == (None, ANNOUNCED)
    assert stack.documents()[KEY]["asset"] == entry()


def test_an_asset_without_a_link_is_looked_for_by_its_id(
    details: Details, stack: WorkerStack
) -> None:
    stack.api.locations["image-1"] = Location(LINK, "library")
    stack.api.resources[LINK] = entry(title="Found")

    brought = details.bring(without_link(), FIRST, entry(), BLANK, lease())

    assert stack.api.asked == ["asset-urls/image-1", LINK]
    assert (brought.details_source, brought.title) == ("library", "Found")


def test_an_asset_without_a_link_that_is_nowhere_is_kept_as_delivered(
    details: Details, stack: WorkerStack
) -> None:
    brought = details.bring(without_link(), FIRST, entry(), BLANK, lease())

    assert brought.details_source == "delivery"
    assert stack.api.asked == ["asset-urls/image-1"]


@pytest.mark.parametrize("refused", ["link", "asset-urls", "location"])
def test_an_asset_that_may_not_be_read_is_kept_as_delivered_and_counted(
    details: Details, stack: WorkerStack, refused: str
) -> None:
    if refused == "link":
        stack.api.resources[LINK] = FORBIDDEN
    stack.api.locations["image-1"] = (
        FORBIDDEN if refused == "asset-urls" else Location(TASK_LINK, "task")
    )
    stack.api.resources[TASK_LINK] = FORBIDDEN

    brought = details.bring(JOB, LAST_LOOK, entry(), BLANK, lease())

    assert brought.details_source == "delivery"
    assert metrics.metric_set["AssetsForbidden"]["Value"] == [1]


def test_a_location_outside_the_trusted_origins_is_an_error(
    details: Details, stack: WorkerStack
) -> None:
    stack.api.locations["image-1"] = UntrustedLinkError("elsewhere")

    with pytest.raises(UntrustedLinkError):
        details.bring(JOB, LAST_LOOK, entry(), BLANK, lease())

    assert stack.documents() == {}


@pytest.mark.parametrize(
    ("known", "is_kept"),
    [
        (FETCHED, True),
        (replace(FETCHED, details_source="delivery"), True),
        (replace(FETCHED, modified_at=ANNOUNCED - 1), False),
        (replace(FETCHED, modified_at=None), False),
    ],
)
def test_what_was_delivered_replaces_only_what_is_older(
    details: Details, stack: WorkerStack, known: AssetState, is_kept: bool
) -> None:
    known = replace(known, fetch_began_at=ANNOUNCED)  # too early to cover the job

    brought = details.bring(JOB, LAST_LOOK, entry(), known, lease())

    assert (brought == known) is is_kept
    assert (KEY in stack.documents()) is not is_kept
    assert is_kept or brought.details_source == "delivery"


@pytest.mark.parametrize("source", ["delivery", "task"])
def test_what_tells_less_is_laid_over_what_is_known(
    details: Details, stack: WorkerStack, source: str
) -> None:
    shown = entry(file_location="Press", version_number=3, modified_at="2026-11-21T10:00:00Z")
    known = details.findings.keep(Found(shown, "library", NOON - 1, LINK, level="list"), BLANK)
    if source == "task":
        stack.api.locations["image-1"] = Location(TASK_LINK, "task")
        stack.api.resources[TASK_LINK] = entry(title="In a task")

    brought = details.bring(JOB, LAST_LOOK, entry(), known, lease())

    title = {"delivery": "Delivered image-1", "task": "In a task"}[source]
    assert (brought.details_source, brought.title, brought.version) == (source, title, "3")
    assert stack.documents()[KEY] == {
        **stack.documents()[KEY],
        "details_source": source,
        "level": "list",
        "asset": {**shown, **entry(title=title)},
    }
