from dataclasses import replace

import pytest

from cmp_relay.checkpoints import KEY, Checkpoints
from cmp_relay.errors import ConflictError
from cmp_relay.runs import Checkpoint, Counts, Run
from tests.support.clock import NOON
from tests.support.worker_stack import WorkerStack

RUN = Run(
    id="full-1",
    kind="full",
    began_at=NOON,
    next="https://example.com/assets?offset=100",
    pages=1,
    total=250,
    recent=("image-1", "image-2"),
    mark="https://example.com/assets",
    restarts=1,
    counts=Counts(matched=99, missing=1),
)


@pytest.fixture
def checkpoints(stack: WorkerStack) -> Checkpoints:
    return Checkpoints(stack.dynamodb, "catalogue")


def test_a_stack_that_never_ran_has_an_empty_one(checkpoints: Checkpoints) -> None:
    assert checkpoints.read() == Checkpoint()


def test_what_is_written_is_read(checkpoints: Checkpoints) -> None:
    written = checkpoints.write(Checkpoint(watermark=NOON, paid_at=NOON, run=RUN))

    assert written.revision == 1
    assert checkpoints.read() == written


def test_a_run_that_has_ended_is_gone_and_its_report_stays(checkpoints: Checkpoints) -> None:
    running = checkpoints.write(Checkpoint().begun(RUN))

    ended = checkpoints.write(running.finished(NOON + 1))

    assert checkpoints.read() == ended
    assert (ended.run, ended.report and ended.report["matched"]) == (None, 99)


def test_who_read_an_older_one_cannot_write(checkpoints: Checkpoints) -> None:
    first = checkpoints.write(Checkpoint())
    checkpoints.write(first)

    with pytest.raises(ConflictError):
        checkpoints.write(replace(first, run=RUN))


def test_what_another_version_has_added_is_left_aside(
    checkpoints: Checkpoints, stack: WorkerStack
) -> None:
    written = checkpoints.write(Checkpoint(run=RUN))
    stack.dynamodb.update_item(
        TableName="catalogue",
        Key=KEY,
        UpdateExpression="SET colour = :one, run.colour = :one, run.counts.colour = :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )

    assert checkpoints.read() == written
