"""How `sam local` is judged: by what a function answers and leaves behind, never by SAM."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from rich.console import Console

from tests.template import processed, snapshot
from tools.local_stack.aws import Aws
from tools.local_stack.resources import Resource, Resources
from tools.sam_local import expectations, runtime
from tools.sam_local.errors import WrongError
from tools.sam_local.report import Report, Row
from tools.sam_local.sam import Invocation
from tools.sam_local.trial import INPUTS, Trial, folder_of, functions_of, logical_id_of

if TYPE_CHECKING:
    from tools.local_stack.stack import LocalStack
    from tools.sam_local.sam import SamLocal

RAISED = json.dumps({"errorMessage": "broken", "errorType": "RuntimeError", "stackTrace": []})
REFRESHED = json.dumps({"status": "refreshed"})
RUNTIME = runtime.RUNTIME
RIGHT = Row("refresh_token", "refreshed", "token in the secret")


@dataclass
class FakeStack:
    """A stack whose functions and secrets alone are there; a function of its own may write one."""

    stored: str = "before"
    cmp_url: str = "http://127.0.0.1:1"
    has_stand_in: bool = True
    webhook_secret: str = "secret"  # noqa: S105  # of no use anywhere
    resources: Resources = field(
        default_factory=lambda: Resources(
            Aws("http://127.0.0.1:1"),
            {
                "AccessTokenSecret": Resource("AccessTokenSecret", "Secret", "arn"),
                "RefreshTokenFunction": Resource(
                    "RefreshTokenFunction", "AWS::Lambda::Function", "refresh"
                ),
            },
            {},
        )
    )

    def boto(self, service: str) -> FakeStack:
        assert service == "secretsmanager"
        return self

    def put_secret_value(self, **request: str) -> None:
        self.stored = request["SecretString"]

    def get_secret_value(self, **_: str) -> dict[str, str]:
        return {"SecretString": self.stored}


@dataclass
class FakeSam:
    """Prints an answer, and stores a token if there is one to store."""

    stack: FakeStack
    prints: str
    stores: bool
    expires_at: float = 4e9

    def invoke(self, function: str, event: object) -> Invocation:
        assert (function, event) == ("RefreshTokenFunction", {"source": "schedule"})
        if self.stores:
            self.stack.stored = json.dumps({"access_token": "t", "expires_at": self.expires_at})
        return Invocation(self.prints, milliseconds=12.0, peak_bytes=1024)


def tried(prints: str, *, stores: bool) -> Report:
    """Return the report of a template with one function, which behaves as told."""
    stack = FakeStack()
    sam = FakeSam(stack, prints, stores)
    trial = Trial(cast("LocalStack", stack), cast("SamLocal", sam))
    return Report([trial.invoke(name) for name in trial.functions()], trial.functions(), RUNTIME)


def test_a_function_that_answers_and_leaves_its_effect_is_right() -> None:
    assert tried(REFRESHED, stores=True).complete


def test_a_function_that_raises_makes_it_fail() -> None:
    report = tried(RAISED, stores=True)

    assert not report.complete
    assert [row.wrong for row in report.rows] == ["RuntimeError: broken"]


def test_a_function_that_answers_rightly_and_does_nothing_makes_it_fail() -> None:
    report = tried(REFRESHED, stores=False)

    assert not report.complete
    assert [row.wrong for row in report.rows] == ["no token that is good in the secret"]


@pytest.mark.parametrize("prints", ["", "null", "Error: Running AWS SAM projects requires Docker"])
def test_no_answer_makes_it_fail(prints: str) -> None:
    report = tried(prints, stores=True)

    assert not report.complete
    assert report.rows[0].wrong.startswith("no answer: ")


def test_a_function_that_was_not_invoked_makes_it_fail() -> None:
    report = Report([RIGHT], ["refresh_token", "run_command"], RUNTIME)

    assert report.missing == ["run_command"]
    assert not report.complete


def test_nothing_at_all_is_no_success() -> None:
    assert not Report([], [], RUNTIME).complete


def test_what_is_wrong_is_shown() -> None:
    console = Console(width=120, file=io.StringIO())
    wrong = Row("on_asset_published", "", wrong="Error: [no] markup", milliseconds=1234.5)

    Report([RIGHT, wrong], ["run_command"], RUNTIME).show(console)

    shown = cast("io.StringIO", console.file).getvalue()
    assert "Error: [no] markup" in shown
    assert "1234 ms" in shown
    assert "run_command was not invoked" in shown
    assert "Not all is right" in shown


def test_a_batch_that_is_not_all_done_is_wrong() -> None:
    failed = {"batchItemFailures": [{"itemIdentifier": "1"}]}

    with pytest.raises(WrongError, match="not all done"):
        expectations.Worked().response(failed)


def test_a_delivery_that_is_not_accepted_is_wrong() -> None:
    with pytest.raises(WrongError, match="not accepted"):
        expectations.Received().response({"statusCode": 503, "body": ""})


def test_a_function_of_which_nobody_said_what_is_right_is_wrong() -> None:
    with pytest.raises(WrongError, match="nobody has said what send_letters leaves behind"):
        expectations.of("send_letters", {"source": "schedule"})


@pytest.mark.parametrize("logical_id", sorted(processed.functions()))
def test_every_function_of_the_template_has_an_input_and_an_expectation(logical_id: str) -> None:
    name = folder_of(logical_id)

    assert logical_id_of(name) == logical_id
    expectations.of(name, json.loads((INPUTS / f"{name}.json").read_text()))


def test_what_has_to_be_invoked_is_what_the_template_has() -> None:
    text = (snapshot.PROJECT / "template.yaml").read_text()

    assert [logical_id_of(name) for name in functions_of(text)] == sorted(processed.functions())


def test_what_runs_is_the_runtime_of_production() -> None:
    assert snapshot.source()["Parameters"]["PythonRuntime"]["Default"] == runtime.RUNTIME


JOB = {
    "job_id": "d.0",
    "event_name": "asset_synced",
    "channel": "default",
    "asset": {"id": "image-1", "entry_hash": "hash"},
    "publishing_event": {"id": "event-1"},
}
MARK: dict[str, Any] = {
    "identities": {"M": {"asset_synced#hash": {"M": {"job_id": {"S": "d.0"}}}}},
    "status": {"S": "published"},
    "sequence": {"N": "2"},
    "announced": {"N": "2"},
}


@dataclass
class Catalogue:
    """A stack whose catalogue holds one item."""

    item: dict[str, Any]
    env: dict[str, str] = field(default_factory=lambda: {"CATALOGUE_TABLE": "catalogue"})

    def boto(self, _: str) -> Catalogue:
        return self

    def get_item(self, **_: object) -> dict[str, Any]:
        return {"Item": self.item} if self.item else {}


@pytest.mark.parametrize(
    ("item", "left"),
    [
        (MARK, True),
        ({}, False),
        ({**MARK, "identities": {"M": {}}}, False),
        ({**MARK, "status": {"S": "unpublished"}}, False),
        ({**MARK, "announced": {"N": "1"}}, False),
        ({**MARK, "pending": {"M": {}}}, False),
    ],
    ids=["its own", "nothing", "another job's", "another state", "older event", "event owed"],
)
def test_a_job_that_says_applied_has_to_have_left_its_own_mark(
    item: dict[str, Any], left: bool
) -> None:
    stack = cast("LocalStack", Catalogue(item))

    assert expectations.has_left_its_mark(stack, JOB) is left


LIBRARY_JOB = {
    "job_id": "d.0",
    "event_name": "asset_modified",
    "channel": "default",
    "asset": {"id": "image-1"},
}
LIBRARY_MARK: dict[str, Any] = {
    "settled": {"M": {"job_id": {"S": "d.0"}}},
    "library_sequence": {"N": "2"},
    "announced": {"N": "2"},
}


@pytest.mark.parametrize(
    ("item", "left"),
    [
        (LIBRARY_MARK, True),
        ({}, False),
        ({**LIBRARY_MARK, "settled": {"M": {"job_id": {"S": "d.1"}}}}, False),
        ({**LIBRARY_MARK, "announced": {"N": "1"}}, False),
        ({**LIBRARY_MARK, "pending": {"M": {}}}, False),
    ],
    ids=["its own", "nothing", "another job's", "older event", "event owed"],
)
def test_a_library_job_leaves_its_mark_on_the_asset(item: dict[str, Any], left: bool) -> None:
    stack = cast("LocalStack", Catalogue(item))

    assert expectations.has_left_its_mark(stack, LIBRARY_JOB) is left


def test_a_token_that_has_expired_makes_it_fail() -> None:
    stack = FakeStack()
    sam = FakeSam(stack, REFRESHED, stores=True, expires_at=0)
    trial = Trial(cast("LocalStack", stack), cast("SamLocal", sam))

    wrong = [trial.invoke(name).wrong for name in trial.functions()]
    assert wrong == ["no token that is good in the secret"]


FILE_EVENT = {"Records": [{"body": json.dumps({"asset": {"id": "image-1"}})}]}
FILE_KEY = "assets/image/image-1/1/Sample.jpg"
STORED: dict[str, Any] = {
    "M": {"key": {"S": FILE_KEY}, "size": {"N": "9"}, "mime_type": {"S": "image/jpeg"}}
}


@dataclass
class Mirror(Catalogue):
    """A stack whose catalogue has one item for all, and whose bucket holds one object."""

    size: int = 9

    def __post_init__(self) -> None:
        self.env["ASSET_BUCKET"] = "assets"

    def get_paginator(self, _: str) -> Mirror:
        return self

    def paginate(self, **_: object) -> list[dict[str, Any]]:
        return [{"Contents": [{"Key": FILE_KEY, "Size": self.size}]}]


def mirror(size: int, **changes: dict[str, Any]) -> LocalStack:
    item = {
        "type": {"S": "image"},
        "library": {"S": "present"},
        "files_wanted": {"N": "2"},
        "done": {"N": "2"},
        "outcome": {"S": "applied"},
        "files": {"M": {"file": {"M": {"stored": STORED, "copy": {"NULL": True}}}}},
    }
    return cast("LocalStack", Mirror({**item, **changes}, size=size))


def test_a_file_job_has_to_have_brought_its_file() -> None:
    expected = expectations.Mirrored()

    assert expected.effect(mirror(9), FILE_EVENT, {}) == "1 file in the bucket"
    for wrong in (mirror(8), mirror(9, done={"N": "1"}), mirror(9, files={"M": {}})):
        with pytest.raises(WrongError, match="image-1"):
            expected.effect(wrong, FILE_EVENT, {})
