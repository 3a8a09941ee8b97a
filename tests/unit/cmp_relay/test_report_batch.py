"""What is sent together, what need not be sent, and what CMP's answer says of each report."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay import report_batch
from cmp_relay.report import Report, Verdict
from cmp_relay.report_batch import Draft, Problem

LINK = "https://api.cmp.optimizely.com/v3/publishing-events/e/publishing-metadata"
URL = "https://www.example.com/a.png"


def report(job_id: str = "1", issued_at: int = 0, **entry: str) -> Report:
    told = {"asset_id": "a", "status": "published"} | entry
    return Report(job_id, "e", LINK, told, issued_at, registered_at=0)


ENTRIES = st.fixed_dictionaries(
    {"asset_id": st.sampled_from("abc"), "status": st.sampled_from(["published", "failed"])},
    optional={"locale": st.sampled_from(["en", "de"]), "public_url": st.just(URL)},
)
VERDICTS = st.sampled_from(
    [None, None, Verdict("applied"), Verdict("superseded"), Verdict("dead_lettered", reason="no")]
)
KNOWN = st.lists(st.tuples(ENTRIES, st.integers(0, 4), VERDICTS), max_size=12).map(
    lambda rows: [
        replace(report(str(number), issued_at, **entry), verdict=verdict)
        for number, (entry, issued_at, verdict) in enumerate(rows)
    ]
)


@given(KNOWN)
def test_of_each_place_what_the_newest_says_is_sent_once_or_known(known: list[Report]) -> None:
    covered = {each.job_id: each for each in report_batch.covered(known)}
    drafts = report_batch.drafts(each for each in known if each.job_id not in covered)

    waiting = {each.job_id for each in known if each.verdict is None}
    sent = [each.job_id for draft in drafts for each in draft.reports]
    assert sorted([*covered, *sent]) == sorted(waiting), "each is covered or sent, and once"
    places = [draft.first.place for draft in drafts]
    assert len(set(places)) == len(places)
    for draft in drafts:
        rivals = [one for one in known if one.place == draft.first.place]
        holds = [one for one in rivals if one.verdict is None or one.verdict.outcome == "applied"]
        assert max(holds, key=lambda one: one.age).says(draft.first)
    for each in covered.values():
        assert each.verdict
        assert each.verdict.outcome in {"applied", "superseded"}


@given(KNOWN, st.integers(1, 5))
def test_batches_hold_every_draft_once_and_no_place_twice(known: list[Report], most: int) -> None:
    drafts = [Draft((each,)) for each in known]

    batches = report_batch.batches(drafts, most)

    assert sorted(draft.first.job_id for batch in batches for draft in batch) == sorted(
        draft.first.job_id for draft in drafts
    )
    for batch in batches:
        assert 1 <= len(batch) <= most
        assert len({draft.first.place for draft in batch}) == len(batch)


@given(st.lists(st.integers(), min_size=2))
def test_halves_lose_nothing_and_shrink(numbers: list[int]) -> None:
    batch = [Draft((report(str(number)),)) for number in numbers]

    first, second = report_batch.halves(batch)

    assert first + second == batch
    assert 0 < len(first) <= len(second) < len(batch)


ROWS: st.SearchStrategy[list[Any]] = st.lists(
    st.dictionaries(
        st.sampled_from(["asset_id", "locale", "error_code", "message", "status", "links"]),
        st.sampled_from(["a", "b", "en", "unknown-asset", "", None, 7, [], {"self": LINK}]),
    )
    | st.none()
    | st.text(max_size=3)
)


@given(st.dictionaries(st.sampled_from(["data", "errors"]), ROWS | st.none() | st.just({})))
def test_no_answer_is_beyond_reading(answer: Mapping[str, object]) -> None:
    batch = [Draft((report(),)), Draft((report("2", locale="en"),))]

    said = report_batch.read(answer, batch)

    assert [one.draft for one in said] == batch
    for one in said:
        assert one.row is None or one.row["asset_id"] == "a"
        assert one.draft.refused_for(one.problems or [Problem("code", None)])


def row(asset_id: str = "a", locale: str | None = None, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"asset_id": asset_id, "locale": locale, **more}


def test_an_answer_is_read_by_asset_and_locale() -> None:
    english, german = Draft((report("1", locale="en"),)), Draft((report("2", locale="de"),))
    answer = {
        "data": [row(locale="en", id="m1")],
        "errors": [
            row(locale="de", error_code="invalid-status", message="No: https://a.test/?t=1")
        ],
    }

    taken, refused = report_batch.read(answer, [english, german])

    assert taken == (english, answer["data"][0], ())
    assert refused == (german, None, (Problem("invalid-status", "No: https://a.test/"),))


def test_a_locale_that_cmp_adds_or_leaves_out_is_no_matter_to_an_asset_alone() -> None:
    draft = Draft((report(locale="en"),))

    (taken,) = report_batch.read({"data": [row()]}, [draft])
    first, second = report_batch.read(
        {"data": [row()]}, [draft, Draft((report("2", locale="de"),))]
    )

    assert taken.row
    assert first.row is None, "it could be either"
    assert second.row is None


@pytest.mark.parametrize("code", [None, "", 7, "a b", "x" * 65])
def test_a_code_that_is_none_has_a_name_all_the_same(code: object) -> None:
    (said,) = report_batch.read({"errors": [row(error_code=code)]}, [Draft((report(),))])

    assert said.problems == (Problem("request_refused", None),)


def test_the_reason_of_a_refusal_is_what_a_report_cannot_do_without() -> None:
    draft = Draft((report(public_url=URL),))
    problems = [Problem("public-url-not-allowed", "a"), Problem("unknown-asset", "b")]

    assert draft.amended(problems) is None
    (refused,) = draft.refused_for(problems)

    assert refused.verdict == Verdict("dead_lettered", "b", "unknown-asset")


def test_each_field_is_changed_once() -> None:
    draft = Draft((report(issued_at=1000), report("2", issued_at=2000)))
    missing = [Problem("missing-publishing-destination-updated-at", None)]
    unwanted = [Problem("publishing-destination-updated-at-not-allowed", None)]

    amended = draft.amended(missing)

    assert amended
    told = {each.entry["publishing_destination_updated_at"] for each in amended.reports}
    assert told == {"1970-01-01T00:00:01.000Z"}, "what says the same goes on saying the same"
    assert amended.amended(missing) is None
    assert amended.amended(unwanted) is None


@pytest.mark.parametrize(
    ("rows", "outcome"),
    [
        ([row(status="published", public_url=URL)], "applied"),
        ([row(status="published", public_url=None)], "dead_lettered"),
        ([row(status="published", public_url=f"{URL}?b")], "dead_lettered"),
        ([row(status="failed", public_url=URL)], "dead_lettered"),
        ([row(status="failed"), row(status="published", public_url=URL, message=".")], "applied"),
        ([row(public_url=URL)], "dead_lettered"),
    ],
)
def test_what_cmp_has_is_compared_with_what_a_report_says(
    rows: list[dict[str, Any]], outcome: str
) -> None:
    draft = Draft(
        (report(public_url=URL), replace(report("2", public_url=URL), keep_existing=True))
    )

    first, second = draft.compared(rows)

    assert first.verdict
    assert second.verdict
    assert first.verdict.outcome == outcome
    assert second.verdict.outcome == ("applied" if outcome == "applied" else "superseded")


def test_rows_of_other_locales_are_not_what_a_report_of_one_says() -> None:
    rows = [row(locale="de"), row("b", locale="en")]

    assert report_batch.known(rows, Draft((report(locale="en"),))) == []
    assert report_batch.known(rows, Draft((report(),))) == rows[:1]
