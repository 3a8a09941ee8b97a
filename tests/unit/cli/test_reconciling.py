"""A comparison that is followed to its end: which run it is, and when its jobs have ended."""

from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from cmp_relay import runs
from cmp_relay.checkpoints import Checkpoints
from cmp_relay.runs import Kind
from cmp_relay_cli import reconciling, status
from cmp_relay_cli.app import app
from cmp_relay_cli.errors import OperatorError
from cmp_relay_cli.stack import Choice, Stack

NOON = 1_763_726_400_000


def quiet(*_: object) -> None:
    """Show no progress, and do not wait."""


class Function:
    """`reconcile_library`: each tick begins what is wanted, or brings what is under way to an end.

    `first` are runs that the schedule begins before what was asked for.
    """

    def __init__(self, stack: Stack, *first: Kind) -> None:
        self.table = Checkpoints(stack.dynamodb, stack.table)
        self.first = list(first)

    def begin(self, kind: Kind) -> None:
        before = replace(self.table.read(), watermark=NOON)
        self.table.write(before.begun(runs.begin(kind, NOON, "https://cmp.example/v3/assets")))

    def tick(self, _: Stack, event: dict[str, Any]) -> dict[str, Any]:
        checkpoint = self.table.read()
        if checkpoint.run:
            self.table.write(checkpoint.finished(NOON))
        else:
            self.begin(self.first.pop() if self.first else event["run"])
        return {"status": "running"}


@pytest.fixture
def function(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Function:
    made = Function(stack)
    monkeypatch.setattr(reconciling, "_tick", made.tick)
    return made


def compare(stack: Stack, kind: Kind) -> str:
    return str(reconciling.compare(stack, kind, quiet, sleep=quiet)["kind"])


@pytest.mark.parametrize("kind", ["incremental", "full"])
def test_an_incremental_run_under_way_is_not_passed_off_as_a_full_one(
    stack: Stack, function: Function, kind: Kind
) -> None:
    function.begin("incremental")

    assert compare(stack, kind) == kind


def test_a_full_run_under_way_does_as_much_as_either(stack: Stack, function: Function) -> None:
    for kind in ("incremental", "full"):
        function.begin("full")
        before = function.table.read().revision
        assert compare(stack, kind) == "full"
        assert function.table.read().revision == before + 1  # no other one has begun


def test_says_so_if_the_schedule_always_comes_first(stack: Stack, function: Function) -> None:
    function.first = ["incremental", "incremental"]

    with pytest.raises(OperatorError, match="other runs came first"):
        compare(stack, "full")


def settled(stack: Stack, monkeypatch: pytest.MonkeyPatch, counts: list[int]) -> list[float]:
    """Return the pauses until a queue with these counts, one a look, is taken to be empty."""
    looks = iter(counts)
    monkeypatch.setattr(status, "counts", lambda *_: (0, next(looks, 0)))
    pauses: list[float] = []
    reconciling.settle(stack, 500, quiet, sleep=pauses.append)
    return pauses


def test_a_count_of_none_is_believed_after_a_minute(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sum(settled(stack, monkeypatch, [])) == reconciling.BEHIND_SECONDS
    late = settled(stack, monkeypatch, [0, 0, 0, 480, 3])
    assert sum(late) == reconciling.BEHIND_SECONDS + 5 * reconciling.PAUSE_SECONDS


def test_the_local_stack_counts_at_once(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    local = replace(stack, endpoint="http://127.0.0.1:4566")

    assert len(settled(local, monkeypatch, [4])) == 1


def test_a_run_without_jobs_is_not_waited_for(stack: Stack) -> None:
    stack.sqs.send_message(QueueUrl=stack.queue("LibraryAsset"), MessageBody="another's")

    reconciling.settle(stack, 0, quiet, sleep=lambda _: pytest.fail("waits"))


class TestTheCommand:
    @pytest.fixture(autouse=True)
    def found(self, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Choice, "find", lambda _: stack)

    def backfill(self, monkeypatch: pytest.MonkeyPatch, letters: list[int]) -> Result:
        """Bring a library, with so many dead letters before and after."""
        report = {"kind": "full", "status": "finished", "enqueued": 0}
        monkeypatch.setattr(reconciling, "compare", lambda *_: report)
        monkeypatch.setattr(reconciling, "dead_letters", lambda _: letters.pop(0))
        return CliRunner().invoke(app, ["backfill", "--yes", "--json"])

    def test_a_backfill_fails_if_jobs_of_it_became_dead_letters(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ended = self.backfill(monkeypatch, [2, 5])

        assert '"dead_letters": 3' in ended.output
        assert isinstance(ended.exception, OperatorError)
        assert "3 jobs of the library have become dead letters" in str(ended.exception)

    def test_dead_letters_of_before_are_no_fault_of_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert self.backfill(monkeypatch, [2, 2]).exit_code == 0


def test_counts_dead_letters_hidden_ones_too(stack: Stack) -> None:
    url = stack.dead_letter_queue("LibraryAsset")
    for _ in range(2):
        stack.sqs.send_message(QueueUrl=url, MessageBody="{}")
    stack.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1, VisibilityTimeout=60)

    assert reconciling.dead_letters(stack) == 2


def test_tells_that_the_first_run_is_a_full_one(stack: Stack, function: Function) -> None:
    first = reconciling.kind_of(stack, "incremental")
    function.begin("full")
    function.tick(stack, {})

    assert (first, reconciling.kind_of(stack, "incremental")) == ("full", "incremental")
    assert reconciling.kind_of(stack, "full") == "full"


def test_shows_a_plan_that_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    last = {"run": "full-1", "kind": "full", "status": "finished", "reason": None}
    state = {"would_begin": "incremental", "under_way": None, "last": last}

    reconciling.show_plan(state, Console())

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0][2:5] == ["(incremental)", "would", "begin."]
    assert ["run", "full-1"] in lines
    assert not any("{" in word for line in lines for word in line)
