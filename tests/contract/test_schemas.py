"""The schemas under docs are those of the models, and a command is taken if and only if it fits."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cmp_relay.commands import COMMANDS, read_command_job
from cmp_relay.errors import UnreadableJobError
from tools.schemas import command
from tools.schemas.documents import DOCS, documents

SUB_STEP = "https://api.cmp.test/v3/tasks/t1/steps/s1/sub-steps/b1"
PREVIEW = "https://api.cmp.test/v3/previews/p1"
FIELD = {"id": "f1", "type": "label", "values": ["v1", 5, None]}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "report_publication": {
        "publishing_metadata_link": "https://api.cmp.test/v3/publishing-events/e1/publishing-metadata",
        "publishing_event_id": "e1",
        "asset_id": "a1",
        "status": "published",
        "public_url": "https://www.test/a1",
        "locale": "en-US",
        "message": "There it is.",
        "keep_existing": True,
    },
    "link_ticket": {
        "external_work_link": f"{SUB_STEP}/external-work",
        "identifier": "PROJ-1",
        "title": "Title",
        "status": "Open",
        "url": "https://tickets.test/PROJ-1",
    },
    "comment": {"comments_link": f"{SUB_STEP}/comments", "text": "*Done*"},
    "start": {"sub_step_link": SUB_STEP},
    "complete": {"sub_step_link": SUB_STEP},
    "skip": {"sub_step_link": SUB_STEP},
    "assign": {"sub_step_link": SUB_STEP, "assignee_id": "u1", "assignee_type": "user"},
    "acknowledge_preview": {
        "acknowledge_link": f"{PREVIEW}/acknowledge",
        "acknowledged_by": "website",
        "content_hash": "00ff",
    },
    "complete_preview": {
        "complete_link": f"{PREVIEW}/complete",
        "keyed_previews": {"Website": "https://preview.test/1", "App": {"completed": True}},
    },
    "update_asset": {
        "asset_id": "a1",
        "asset_type": "image",
        "changes": {"title": "Title"},
        "fields": [FIELD],
    },
    "add_version": {
        "asset_id": "a1",
        "asset_type": "video",
        "title": "Title",
        "key": "incoming/new.mp4",
    },
}
LENGTHS = (
    0,
    1,
    35,
    36,
    50,
    51,
    100,
    101,
    128,
    129,
    256,
    257,
    1000,
    1001,
    2048,
    2049,
    20_000,
    20_001,
)
ODD: list[Any] = [
    *("x" * length for length in LENGTHS),
    *(None, [], {}, ["x"], [{}], {"title": "x"}, {"labels": []}, {"x": 5}),
    *([FIELD] * 20, [FIELD] * 21, [FIELD | {"typo": 1}], [FIELD, FIELD | {"values": None}]),
    *("user", "image", "failed", "incoming/", "incoming/x", f"incoming/{'x' * 1016}"),
    *(
        "http://tickets.test",
        "https:///x",
        "https://x",
        f"https://{'x' * 492}",
        f"https://{'x' * 493}",
    ),
    *(SUB_STEP, f"{SUB_STEP}/", f"{SUB_STEP}?x=1", f"{SUB_STEP}#x", f"{SUB_STEP}/comments"),
    *(SUB_STEP.replace("b1", odd) for odd in (".", "..", "%2E.", "a%2f..", "...", ".a", "%252e")),
    *(SUB_STEP.replace("/v3", odd) for odd in ("", "/..", "/v3/%2e%2e", "/a b", "//", "/..%2f")),
    *(f"ftp{SUB_STEP[5:]}", SUB_STEP.replace("api.cmp.test", ""), f"{PREVIEW}/complete"),
]


def message(name: str, arguments: dict[str, Any], **changes: object) -> dict[str, Any]:
    """Return the message of a command."""
    return {
        "schema": 1,
        "command_id": "ticket-1",
        "command": name,
        "issued_at": "2026-11-21T12:00:00Z",
        "arguments": arguments,
        **changes,
    }


def taken(content: dict[str, Any]) -> bool:
    """Tell whether the worker would run a message."""
    try:
        return read_command_job(json.dumps(content)).problem is None
    except UnreadableJobError:
        return False


def less_and_more(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the content without each of its keys, with odd values for each, and with a key more."""
    for name in content:
        yield {key: value for key, value in content.items() if key != name}
        yield from ({**content, name: odd} for odd in ODD)
    yield {**content, "typo": "x"}


COMMAND = Draft202012Validator(command.schema())


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_a_schema_is_what_make_schemas_writes(path: Path) -> None:
    assert path.read_text() == documents()[path]
    Draft202012Validator.check_schema(json.loads(path.read_text()))


def test_no_schema_is_left_of_a_model_that_is_gone() -> None:
    assert set(DOCS.rglob("*.schema.json")) == set(documents())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_taken_if_and_only_if_its_arguments_keep_the_schema(name: str) -> None:
    whole = ARGUMENTS[name]

    verdicts = set()
    for arguments in (whole, {}, *less_and_more(whole)):
        content = message(name, arguments)
        assert taken(content) == COMMAND.is_valid(content), arguments
        verdicts.add(taken(content))

    assert taken(message(name, whole))
    assert verdicts == {True, False}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_needs_no_more_arguments_than_the_schema_says(name: str) -> None:
    required = {*command.schema()["$defs"][COMMANDS[name].__name__]["required"]}
    optional = [{key} for key in ARGUMENTS[name] if key not in required] or [set()]

    for alone in optional:
        content = {key: ARGUMENTS[name][key] for key in required | alone}
        assert taken(message(name, content)) == COMMAND.is_valid(message(name, content))
        assert taken(message(name, content))


@pytest.mark.parametrize("key", ["schema", "command_id", "command", "arguments"])
def test_a_message_is_taken_if_and_only_if_it_keeps_the_schema(key: str) -> None:
    whole = message("start", ARGUMENTS["start"])

    for odd in (*ODD, 2, "a b", "a:b._-9", "START", "x" * 128 + "\u00e4"):
        content = {**whole, key: odd}
        assert taken(content) == COMMAND.is_valid(content), odd
    assert taken(whole)


def test_a_message_says_when_it_was_given() -> None:
    whole = message("start", ARGUMENTS["start"])

    assert not COMMAND.is_valid({key: whole[key] for key in whole if key != "issued_at"})
    assert not taken({key: whole[key] for key in whole if key != "issued_at"})
    assert not taken({**whole, "issued_at": "2026-11-21T12:00:00"})
