import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from cmp_relay import work_events
from cmp_relay.announcements import LARGEST_DETAIL
from cmp_relay.jobs import ExternalWorkJob
from cmp_relay.work_views import Body, WorkView
from tests.contract.test_bus_schemas import schema
from tests.support import external_steps
from tests.support.external_steps import RESOURCES, SUB_STEP, TASK

STARTED = external_steps.job("external_sub_step_started")
ADDED = external_steps.job("external_sub_step_comment_added")
KEYS = st.sampled_from(
    [*RESOURCES[TASK], *RESOURCES[SUB_STEP], "web_urls", "self", "value", "created_at", "type"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("step-1"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=15,
)
BODY = st.dictionaries(KEYS, JSON, max_size=8)
CHECK = Draft202012Validator(schema("ExternalWorkCommentAdded"))


@given(BODY, BODY, BODY, BODY, st.lists(BODY, max_size=3))
def test_whatever_cmp_shows_is_told_in_the_documented_shape(
    sub_step: Body, work: Body, task: Body, comment: Body, assets: list[Body]
) -> None:
    shown = work_events.comment(comment)
    view = WorkView(1, sub_step, work, task, tuple(assets), shown)

    event = work_events.compose(ADDED, work_events.facts(ADDED, view), sequence=1, found=True)

    CHECK.validate(json.loads(event.detail))


def facts(**task: object) -> dict[str, Any]:
    return work_events.facts(STARTED, WorkView(1, task={**RESOURCES[TASK], **task}))


def test_a_step_is_due_when_its_task_says() -> None:
    steps = [{"id": "step-1", "due_at": "2026-11-26 00:00:00"}, {"id": "step-2"}, "no step"]

    assert facts(steps=steps)["step"]["due_at"] == "2026-11-26T00:00:00.000Z"
    assert facts(steps=steps[1:])["step"] == {"id": "step-1", "title": None, "due_at": None}


def test_a_step_without_an_id_is_none_of_the_tasks() -> None:
    job = STARTED.model_copy(update={"step": None})
    task = {"steps": [{"title": "No step of ours"}]}

    told = work_events.facts(job, WorkView(1, task=task))

    assert told["step"] == {"id": None, "title": None, "due_at": None}


@pytest.mark.parametrize(
    ("change", "is_news"), [({"title": "Another"}, True), ({"modified_at": "2026"}, False)]
)
def test_only_what_is_told_makes_news(change: dict[str, object], *, is_news: bool) -> None:
    before = work_events.fingerprint(facts())

    assert (work_events.fingerprint(facts(**change)) != before) is is_news


def test_of_a_comment_only_the_comment_makes_news() -> None:
    before = work_events.facts(ADDED, WorkView(1, comment=work_events.comment({"value": "a"})))
    after = work_events.facts(ADDED, WorkView(1, comment=work_events.comment({"value": "b"})))

    same = work_events.fingerprint({**before, "task": {}})

    assert same == work_events.fingerprint(before)
    assert same != work_events.fingerprint(after)


@pytest.mark.parametrize("job", [STARTED, ADDED], ids=["step", "comment"])
def test_no_event_is_too_large_for_the_bus(job: ExternalWorkJob) -> None:
    long = "ü" * LARGEST_DETAIL
    body = {"title": long, "status": long, "value": long, "identifier": long, "url": long}
    view = WorkView(1, body, body, {**body, "labels": long}, (body,), work_events.comment(body))

    event = work_events.compose(job, work_events.facts(job, view), sequence=1, found=True)

    assert len(event.detail) <= LARGEST_DETAIL
