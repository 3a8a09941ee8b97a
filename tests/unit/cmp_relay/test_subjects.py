import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay import pointers, subjects
from tests.support import samples

SUBJECTS = {
    "campaign_added": "campaign",
    "campaign_brief_added": "campaign",
    "campaign_brief_modified": "campaign",
    "campaign_brief_removed": "campaign",
    "campaign_metadata_modified": "campaign",
    "content_preview_requested": None,
    "event_added": "event",
    "event_modified": "event",
    "task_added": "task",
    "task_asset_added": "asset",
    "task_asset_draft_added": "asset",
    "task_asset_draft_removed": "asset",
    "task_asset_modified": "asset",
    "task_asset_removed": None,
    "task_brief_added": "task",
    "task_brief_modified": "task",
    "task_brief_removed": "task",
    "task_custom_field_modified": "task",
    "task_metadata_modified": "task",
    "task_removed": None,
    "work_request_added": "work_request",
    "work_request_comment_added": "comment",
    "work_request_comment_modified": "comment",
    "work_request_comment_removed": None,
    "work_request_modified": "work_request",
    "work_request_removed": None,
    "workflow_sub_step_comment_added": "comment",
    "workflow_sub_step_comment_modified": "comment",
    "workflow_sub_step_comment_removed": None,
    "workflow_sub_step_updated": "sub_step",
}
"""What CMP's documented events are about, None for those without a link to it (facts.md 2)."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def linked(href: object) -> dict[str, object]:
    return {"links": {"self": href}}


def test_the_table_names_every_sample() -> None:
    assert {name.removesuffix(".old") for name in samples.other_names()} >= SUBJECTS.keys()


@pytest.mark.parametrize("event_name", SUBJECTS)
def test_the_link_of_an_event_is_that_of_what_it_is_about(event_name: str) -> None:
    data, subject = samples.sample(event_name)["data"], SUBJECTS[event_name]

    link = subjects.link(event_name, data)

    assert link == (pointers.resolve(data, f"/{subject}/links/self") if subject else None)


@pytest.mark.parametrize(
    ("event_name", "data", "link"),
    [
        ("milestone_added", {"milestone": linked("x"), "task": linked("y")}, "x"),
        ("sub_step_moved", {"step": linked("x"), "sub_step": linked("y")}, "y"),
        ("task_asset_task", {"asset": linked("x"), "task": linked("y")}, "y"),
        ("tasks_added", {"task": linked("x")}, None),
        ("task_added", {"task": linked(None)}, None),
        ("task_added", {"task": linked(5)}, None),
        ("task_added", {"task": {"links": ["x"]}}, None),
        ("task_added", {"task": [linked("x")]}, None),
        ("task_added", linked("x"), None),
    ],
)
def test_names_that_nobody_has_heard_of_have_subjects_too(
    event_name: str, data: object, link: str | None
) -> None:
    assert subjects.link(event_name, data) == link


@given(event_name=st.text(), data=JSON)
def test_no_data_are_too_odd(event_name: str, data: object) -> None:
    assert subjects.link(event_name, data) is None


@pytest.mark.parametrize(
    ("wanted", "event_name", "is_enriched"),
    [
        (("task", "event"), "task_added", True),
        (("task", "event"), "event_modified", True),
        (("task",), "task", True),
        (("task",), "tasks_added", False),
        (("task",), "campaign_added", False),
        (("task_asset",), "task_asset_draft_added", True),
        (("task_asset_added",), "task_asset_added", True),
        (("task_asset_added",), "task_asset", False),
        (("none",), "none", False),
        (("none",), "task_added", False),
        (("task", "none"), "task_added", False),
        ((), "task_added", False),
    ],
)
def test_an_event_is_wanted_by_how_its_name_begins(
    wanted: tuple[str, ...], event_name: str, is_enriched: bool
) -> None:
    assert subjects.is_enriched(event_name, wanted) is is_enriched
