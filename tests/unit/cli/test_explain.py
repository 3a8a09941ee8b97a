"""Explanations: all jobs that belong to what is named, those of the relay's own too."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from cmp_relay import archive, jobs
from cmp_relay.deliveries import Receipt
from cmp_relay.outcomes import Outcomes
from cmp_relay_cli import explain, replay
from cmp_relay_cli.app import app
from cmp_relay_cli.replay import Wanted
from cmp_relay_cli.stack import Choice, Stack
from tests.support import samples
from tests.support.dead_letter_world import job

MORNING = 1_763_708_400_000  # 2025-11-21T07:00Z


class Objects:
    """What the archive writes through."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def put_object(self, bucket: str, key: str, body: bytes, content_type: str) -> None:
        self.stack.s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)


def given(stack: Stack) -> tuple[jobs.LibraryJob, jobs.LibraryJob]:
    """Archive a delivery whose job was applied; return that and its replay, a dead letter."""
    receipt = Receipt("one", MORNING, "website", archive.key("one", MORNING))
    raw = samples.raw("asset_modified")
    document = archive.document(receipt, raw, request_id="r", headers={})
    archive.store(Objects(stack), stack.archive, receipt, document)
    (found,) = replay.find(stack, Wanted(MORNING, MORNING + 1), lambda _: None)
    outcomes = Outcomes(stack.dynamodb, stack.table, lambda: MORNING + 1000)
    first = jobs.read_library_job(json.dumps(found))
    outcomes.begin(first, "r")
    outcomes.close(first, "applied")
    again = jobs.read_library_job(json.dumps(replay.again(found, "2025-11-22T09:00:00.000Z")))
    outcomes.begin(again, "r")
    outcomes.close(again, "dead_lettered", "forbidden: 403")
    return first, again


def ended(document: dict[str, Any] | None) -> dict[str, str]:
    """Return how the jobs of an explanation ended."""
    assert document is not None
    return {each["job_id"]: each["outcome"] for each in document["jobs"]}


def test_a_replayed_job_is_shown_beside_those_of_its_delivery(stack: Stack) -> None:
    first, again = given(stack)

    found = explain.delivery(stack, again.job_id, MORNING)

    assert found is not None
    assert (found["delivery"], found["archived"]) == ("one", True)
    assert ended(found) == {first.job_id: "applied", again.job_id: "dead_lettered"}
    told = [each["what"] for each in found["timeline"] if each["job_id"] == again.job_id]
    assert told[0] == "asset_modified given by the relay (replay)"
    assert told[-1] == "dead_lettered at attempt 1: forbidden: 403"
    assert ended(explain.delivery(stack, first.job_id, MORNING)) == {first.job_id: "applied"}


def test_numbers_are_numbers_however_deep_they_lie(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Choice, "find", lambda _: stack)
    parts: dict[str, Any] = {"L": [{"M": {"size": {"N": "7"}}}, {"N": "0.5"}]}
    file: dict[str, Any] = {
        "version": {"N": "3"},
        "stored": {"M": {"size": {"N": "1234"}, "key": {"S": "one.png"}, "parts": parts}},
    }
    stack.dynamodb.put_item(
        TableName=stack.table, Item={"pk": {"S": "ASSET#one"}, "sk": {"S": "ASSET"}}
    )
    stack.dynamodb.put_item(
        TableName=stack.table,
        Item={
            "pk": {"S": "FILES#one"},
            "sk": {"S": "FILES"},
            "files": {"M": {"original": {"M": file}}},
        },
    )

    shown = CliRunner().invoke(app, ["explain", "one"]).stdout
    document = json.loads(CliRunner().invoke(app, ["--json", "explain", "one"]).stdout)

    stored = {"size": 1234, "key": "one.png", "parts": [{"size": 7}, 0.5]}
    assert document["files"] == {"original": {"version": 3, "stored": stored, "copy": None}}
    assert "Decimal" not in shown
    assert "'size': 1234" in shown


def test_a_job_that_no_delivery_is_the_cause_of_is_shown_by_itself(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Choice, "find", lambda _: stack)
    own = job("reconcile.1", delivery="run").model_copy(
        update={"archive_key": None, "cause": "reconcile"}
    )
    Outcomes(stack.dynamodb, stack.table).begin(own, "r")

    shown = CliRunner().invoke(app, ["explain", "reconcile.1"]).stdout

    assert "reconcile.1" in shown
    assert "in flight" in shown
    assert "it cannot be replayed" in shown


def test_what_nobody_knows_is_explained_to_nobody(stack: Stack) -> None:
    given(stack)

    assert explain.delivery(stack, "two.0", MORNING) is None
    assert ended(explain.delivery(stack, "one", MORNING)) == {"one.0": "applied"}
