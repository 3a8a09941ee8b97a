import json
from dataclasses import replace

import pytest

from cmp_relay import gaps
from cmp_relay.gaps import LONG_AGO, Known, Verdict
from cmp_relay.jobs import read_library_job
from cmp_relay.library import FRESHNESS_MARGIN
from cmp_relay.listing import Row
from tests.support.clock import NOON
from tests.support.publish_jobs import link

EARLIER = NOON - 3_600_000
ASSET = {"id": "image-1", "type": "image", "href": link("image-1")}
ROW = Row(ASSET, "present", EARLIER)
KNOWN = Known("image-1", "image", "present", modified_at=EARLIER, seen_at=EARLIER + 1000)


def test_what_the_catalogue_has_is_matched() -> None:
    assert gaps.judge(ROW, KNOWN, NOON) == "matched"


def test_what_the_catalogue_never_heard_of_is_missing() -> None:
    assert gaps.judge(ROW, None, NOON) == "missing"


@pytest.mark.parametrize("state", [None, "removed"])
def test_what_the_catalogue_does_not_have_in_the_library_is_missing(state: str | None) -> None:
    assert gaps.judge(ROW, replace(KNOWN, library=state), NOON) == "missing"


@pytest.mark.parametrize(
    ("removed_at", "verdict"),
    [(NOON - FRESHNESS_MARGIN, "missing"), (NOON - FRESHNESS_MARGIN + 1, "matched")],
)
def test_a_page_that_may_be_older_than_a_removal_proves_nothing(
    removed_at: int, verdict: Verdict
) -> None:
    known = replace(KNOWN, library="removed", removed_at=removed_at)

    assert gaps.judge(ROW, known, NOON) == verdict


@pytest.mark.parametrize(
    ("modified_at", "verdict"),
    [(EARLIER + 1, "outdated"), (EARLIER, "matched"), (EARLIER - 1, "matched"), (None, "matched")],
)
def test_what_was_changed_since_is_outdated(modified_at: int | None, verdict: Verdict) -> None:
    assert gaps.judge(replace(ROW, modified_at=modified_at), KNOWN, NOON) == verdict


def test_what_the_catalogue_has_no_time_of_is_outdated() -> None:
    assert gaps.judge(ROW, replace(KNOWN, modified_at=None), NOON) == "outdated"


def test_a_look_long_after_the_change_has_seen_it_whatever_time_it_told() -> None:
    row = replace(ROW, modified_at=EARLIER + 500)

    seen = replace(KNOWN, seen_at=EARLIER + 500 + LONG_AGO)

    assert gaps.judge(row, seen, NOON) == "matched"
    assert gaps.judge(row, replace(seen, seen_at=EARLIER + 499 + LONG_AGO), NOON) == "outdated"


def test_what_was_archived_or_restored_is_outdated() -> None:
    assert gaps.judge(replace(ROW, library="archived"), KNOWN, NOON) == "outdated"
    assert gaps.judge(ROW, replace(KNOWN, library="archived"), NOON) == "outdated"


def test_a_look_that_began_well_after_the_page_knows_better() -> None:
    row = replace(ROW, library="archived", modified_at=NOON - 1)
    after = NOON + FRESHNESS_MARGIN

    assert gaps.judge(row, replace(KNOWN, seen_at=after), NOON) == "matched"
    assert gaps.judge(row, replace(KNOWN, seen_at=after - 1), NOON) == "outdated"


@pytest.mark.parametrize(
    ("known", "may_be_gone"),
    [
        (KNOWN, True),
        (replace(KNOWN, library="archived"), True),
        (replace(KNOWN, seen_at=None), True),
        (replace(KNOWN, seen_at=NOON), False),
        (replace(KNOWN, library="removed"), False),
        (replace(KNOWN, library=None), False),
    ],
)
def test_only_what_the_library_had_before_the_run_may_be_gone(
    known: Known, may_be_gone: bool
) -> None:
    assert gaps.is_candidate(known, NOON) is may_be_gone


@pytest.mark.parametrize(
    ("candidates", "listed", "too_many"),
    [(50, 1000, False), (51, 1000, True), (10, 10, False), (11, 100, True)],
)
def test_more_than_the_share_is_too_many_unless_it_is_a_few(
    candidates: int, listed: int, too_many: bool
) -> None:
    assert gaps.too_many(candidates, listed, 5) is too_many


def test_the_job_of_a_gap_is_one_that_the_worker_reads() -> None:
    job = read_library_job(json.dumps(gaps.job("run", "asset_added", ASSET, NOON, "organization")))

    assert (job.job_id, job.delivery_id, job.cause) == ("run.image-1", "run", "reconcile")
    assert (job.event_name, job.received_at) == ("asset_added", NOON)
    assert (job.asset.id, job.asset.type, job.asset.href) == ("image-1", "image", link("image-1"))
    assert job.organization_id == "organization"


def test_the_job_of_an_expiry_is_the_same_for_the_same_moment() -> None:
    job = read_library_job(json.dumps(gaps.expiry_job(KNOWN, EARLIER, NOON)))

    assert (job.job_id, job.event_name) == (f"expiry.image-1.{EARLIER}", "asset_expired")
    assert (job.received_at, job.cause, job.asset.href) == (NOON, "reconcile", None)
