"""The rules that docs/events shows hear what they are said to hear, and nothing else."""

import json
import re
from typing import Any

import pytest

from cmp_relay.outcomes import Ending
from cmp_relay.resource_table import Resource
from cmp_relay.work_events import DETAIL_TYPES
from tests.contract import test_bus_schemas as bus
from tests.contract import test_work_schemas as work
from tests.support import event_patterns, external_steps, publish_jobs, samples
from tools.schemas import events

TEXT = (bus.FOLDER / "README.md").read_text()
RULES = {
    " ".join(sentence.replace("`", "").split()): json.loads(pattern)
    for sentence, pattern in re.findall(
        r"^(This rule .*?):\n\n```json\n(.*?)```", TEXT, re.MULTILINE | re.DOTALL
    )
}
Told = tuple[str, dict[str, Any]]


def label(group: str, *values: str) -> dict[str, Any]:
    """Return the values of a group of labels as CMP shows them."""
    named = [{"id": f"id of {value}", "name": value} for value in values]
    return {"group": {"id": f"id of {group}", "name": group}, "values": named}


def published(kind: str, *labels: dict[str, Any], detail_type: str = "AssetPublished") -> Told:
    """Return the event of an asset that was published or has a new version."""
    names = {"AssetPublished": "asset_published", "AssetSynced": "asset_synced"}
    told = bus.known(publish_jobs.job(names[detail_type]))
    asset = {**told["asset"], "type": kind, "labels": list(labels) or None}
    return detail_type, {**told, "asset": asset}


def files(kind: str, told: dict[str, Any]) -> Told:
    """Return the event of the files of an asset of a kind."""
    return "AssetFilesChanged", {**told, "asset": {**told["asset"], "type": kind}}


def other(name: str, resource: Resource) -> Told:
    """Return the event of a delivery that has no detail type of its own."""
    return "CmpEvent", bus.of_others(samples.raw(name), resource)


def step(event_name: str, system: str = "Jira") -> Told:
    """Return an event of a step that another system works on."""
    told = work.of(external_steps.body(event_name), work.SHOWN)
    known = {**told["external_work"], "external_system": system}
    return DETAIL_TYPES[event_name], {**told, "external_work": known}


def ended(command_id: str, outcome: str) -> Told:
    """Return the event of a command's end."""
    told = bus.of_command(Ending(outcome))  # type: ignore[arg-type]
    return "CommandResult", {**told, "id": f"command.{command_id}", "command_id": command_id}


APPROVED, REJECTED = label("Review", "Late", "Approved"), label("Review", "Rejected")
SHOWN, HIDDEN = Resource({"id": "task-1"}, 1_700_000_000_123), Resource(error="not_found")
TOLD: dict[str, Told] = {
    "approved image": published("image", label("Season", "Summer"), APPROVED),
    "approved new version": published("video", APPROVED, detail_type="AssetSynced"),
    "approved article": published("article", APPROVED),
    "rejected image": published("image", REJECTED),
    "image approved elsewhere": published("image", REJECTED, label("Season", "Approved")),
    "image without labels": published("image"),
    "unpublished image": (
        "AssetUnpublished",
        bus.known(publish_jobs.job("asset_unpublished")),
    ),
    "image in the library": bus.of_library("present", labels=[APPROVED], **bus.KNOWN),
    "removed image": bus.of_library("removed", **bus.KNOWN),
    "files of an image": files("image", bus.of_files({"file": bus.FILE})),
    "withdrawn files of an image": files("image", bus.of_files({})),
    "files of a video": files("video", bus.of_files({"file": bus.FILE})),
    "added task": other("task_added", SHOWN),
    "changed task": other("task_metadata_modified", SHOWN),
    "added task that CMP does not show": other("task_added", HIDDEN),
    "removed task": other("task_removed", Resource()),
    "started work": step("external_sub_step_started"),
    "comment on work": step("external_sub_step_comment_added"),
    "started work elsewhere": step("external_sub_step_started", "Legal"),
    "own command": ended("shop-4711", "applied"),
    "own command that failed": ended("shop-4712", "dead_lettered"),
    "command of others": ended("workshop-1", "applied"),
}
HEARD = {
    "This rule hears of images and videos with a certain label": {
        "approved image",
        "approved new version",
    },
    "This rule hears where the files of images are, and when they are withdrawn (for the same "
    "reason, ask nothing of the list itself)": {"files of an image", "withdrawn files of an image"},
    "This rule hears how one's own commands end, if their ids begin with a name of one's own": {
        "own command",
        "own command that failed",
    },
    "This rule hears of work for one system": {"started work", "comment on work"},
    "This rule hears of tasks that were added or changed, with their state in detail.resource": {
        "added task",
        "changed task",
    },
}


def event(told: Told) -> dict[str, Any]:
    """Return an event as the bus carries it."""
    detail_type, detail = told
    events.check(detail_type, detail)
    return {"source": "cmp-relay", "detail-type": detail_type, "detail": detail}


def test_every_rule_that_is_shown_is_tried() -> None:
    assert len(RULES) == TEXT.count("```json")
    assert RULES.keys() == HEARD.keys()


@pytest.mark.parametrize("sentence", HEARD)
def test_a_rule_hears_what_it_says(sentence: str) -> None:
    pattern = RULES[sentence]

    heard = {name for name, told in TOLD.items() if event_patterns.matches(pattern, event(told))}

    assert heard == HEARD[sentence]


def test_a_rule_hears_nothing_of_others_on_the_same_bus() -> None:
    for told in TOLD.values():
        foreign = event(told) | {"source": "something-else"}
        assert not any(event_patterns.matches(pattern, foreign) for pattern in RULES.values())


STAFF = {"staff": [{"name": "Anna", "place": "Rome"}, {"name": "Otto", "place": "Bonn"}]}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"name": ["Anna"], "place": ["Rome"]}, True),
        ({"name": ["Anna"], "place": ["Bonn"]}, False),
        ({"name": ["Eva", "Otto"]}, True),
        ({"name": [{"prefix": "Ot"}], "place": [{"exists": True}]}, True),
        ({"name": ["Anna"], "age": [{"exists": False}]}, True),
        ({"name": [None]}, False),
        ({"name": [{"prefix": "tto"}]}, False),
    ],
)
def test_patterns_are_understood_as_aws_documents_them(
    asked: dict[str, Any], expected: object
) -> None:
    assert event_patterns.matches({"staff": asked}, STAFF) is expected


@pytest.mark.parametrize("asked", ["Anna", [], [{"wildcard": "*"}], [{"exists": "yes"}]])
def test_what_is_no_pattern_is_noticed(asked: object) -> None:
    with pytest.raises(ValueError, match=r"no such|neither"):
        event_patterns.matches({"staff": {"name": asked}}, STAFF)
