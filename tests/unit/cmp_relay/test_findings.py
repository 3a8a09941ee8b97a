from dataclasses import replace

import pytest

from cmp_relay.catalogue import AssetState
from cmp_relay.documents import Documents
from cmp_relay.errors import ConflictError
from cmp_relay.findings import LONGEST_LINK, LONGEST_TEXT, Findings, Found
from cmp_relay.library import FRESHNESS_MARGIN
from tests.support.clock import NOON
from tests.support.publish_jobs import entry, link
from tests.support.worker_stack import WorkerStack

LINK = link("image-1")
KEY = "assets/image/image-1/details.json"
BLANK = AssetState("image-1", "image")
REMOVED = replace(BLANK, library="removed", seen_at=NOON - 1, href="known", title="Known")


@pytest.fixture
def findings(stack: WorkerStack) -> Findings:
    return Findings(Documents(stack.s3, "assets"))


def test_what_the_library_shows_tells_its_state(findings: Findings, stack: WorkerStack) -> None:
    kept = findings.keep(Found(entry(is_archived=True), "library", NOON, LINK), REMOVED)

    assert (kept.library, kept.seen_at, kept.href) == ("archived", NOON, LINK)
    assert (kept.fetch_began_at, kept.details_source) == (NOON, "library")
    assert stack.documents()[KEY]["asset"] == entry(is_archived=True)


@pytest.mark.parametrize("source", ["task", "delivery"])
def test_nothing_else_tells_the_state_in_the_library(findings: Findings, source: str) -> None:
    kept = findings.keep(Found(entry(), source, NOON), REMOVED)

    assert (kept.library, kept.seen_at, kept.href) == ("removed", NOON - 1, "known")
    assert (kept.fetch_began_at, kept.details_source) == (NOON, source)


def test_what_is_shown_right_after_a_removal_tells_nothing_of_the_library(
    findings: Findings,
) -> None:
    removed = REMOVED.removed(NOON)

    early = findings.keep(Found(entry(), "library", NOON + FRESHNESS_MARGIN - 1, LINK), removed)
    later = findings.keep(Found(entry(), "library", NOON + FRESHNESS_MARGIN, LINK), removed)

    assert (early.library, early.seen_at, early.title) == ("removed", NOON - 1, "Delivered image-1")
    assert (later.library, later.seen_at) == ("present", NOON + FRESHNESS_MARGIN)


@pytest.mark.parametrize("source", ["library", "task", "delivery"])
def test_what_may_open_a_private_file_is_not_stored(
    findings: Findings, stack: WorkerStack, source: str
) -> None:
    file = "https://images1.cmp.optimizely.com/Zz0wMQ=="

    findings.keep(Found(entry(url=f"{file}?token=eyJ"), source, NOON, LINK), BLANK)

    assert stack.documents()[KEY]["asset"] == entry(url=file)


def test_what_was_found_less_fully_keeps_the_extras_that_are_known(findings: Findings) -> None:
    extras = {"renditions": [{"id": "1"}], "custom_fields": None}
    known = findings.keep(Found(entry(tags=["x"]), "library", NOON, extras=extras), BLANK)

    found = findings.completed(Found(entry(title="Later"), "task", NOON + 1), known)

    assert found == Found(entry(title="Later", tags=["x"]), "task", NOON + 1, extras=extras)


def test_details_that_0_1_0_has_stored_are_completed_too(
    findings: Findings, stack: WorkerStack
) -> None:
    stack.s3.put_object(Bucket="assets", Key=KEY, Body=b'{"asset": {"tags": []}}')

    found = findings.completed(Found({}, "task", NOON), replace(BLANK, details_key=KEY))

    assert found == Found({"tags": []}, "task", NOON)


def test_of_what_nothing_is_known_all_is_kept_as_it_was_found(findings: Findings) -> None:
    found = Found(entry(), "delivery", NOON)

    assert findings.completed(found, BLANK) is found


def test_a_link_that_is_too_long_is_not_remembered(findings: Findings) -> None:
    href = LINK + "x" * LONGEST_LINK

    kept = findings.keep(Found(entry(), "library", NOON, href), REMOVED)

    assert kept.href == "known"


def test_a_fetch_that_began_earlier_gives_way(findings: Findings, stack: WorkerStack) -> None:
    findings.keep(Found(entry(title="Later"), "library", NOON + 1, LINK), BLANK)

    with pytest.raises(ConflictError):
        findings.keep(Found(entry(title="Earlier"), "library", NOON, LINK), BLANK)

    assert stack.documents()[KEY]["asset"]["title"] == "Later"


@pytest.mark.parametrize(
    ("told", "title"),
    [
        ("x" * (LONGEST_TEXT + 1), "x" * LONGEST_TEXT),
        ("\ud800", "?"),
        (7, "7"),
        (None, "Instead"),
        ({"en": "x"}, "Instead"),
        ("", "Instead"),
    ],
)
def test_a_title_is_what_an_item_can_hold(findings: Findings, told: object, title: str) -> None:
    found = Found({"title": told}, "library", NOON, LINK)

    assert findings.keep(found, BLANK, title="Instead").title == title
    assert findings.keep(Found({}, "library", NOON, LINK), REMOVED).title == "Known"


@pytest.mark.parametrize(
    ("source", "level"), [("library", "list"), ("task", "full"), ("delivery", "full")]
)
def test_what_does_not_tell_of_the_expiry_keeps_what_is_known(
    findings: Findings, source: str, level: str
) -> None:
    known = findings.keep(Found(entry(expires_at="2026-11-21T11:00:00Z"), "library", NOON), BLANK)

    kept = findings.keep(Found(entry(), source, NOON + 1, level=level), known)

    assert known.expires_at is not None
    assert (kept.expires_at, kept.expired) == (known.expires_at, True)


def test_an_expiry_that_the_library_tells_no_more_is_over(findings: Findings) -> None:
    known = findings.keep(Found(entry(expires_at="2026-11-21T11:00:00Z"), "library", NOON), BLANK)

    kept = findings.keep(Found(entry(), "library", NOON + 1), known)

    assert (kept.expires_at, kept.expired) == (None, False)


def test_renditions_are_stored_without_what_may_be_a_token(
    findings: Findings, stack: WorkerStack
) -> None:
    rendition = {"id": "1", "url": "https://images1.cmp.optimizely.com/1"}
    told = [{**rendition, "url": f"{rendition['url']}?token=eyJ"}]
    extras = {"renditions": told, "custom_fields": None}

    findings.keep(Found(entry(), "library", NOON, extras=extras), BLANK)

    document = stack.documents()[KEY]
    assert (document["renditions"], document["custom_fields"]) == ([rendition], None)
