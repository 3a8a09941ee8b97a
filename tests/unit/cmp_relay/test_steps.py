from dataclasses import replace

import pytest

from cmp_relay.catalogue import Announcement
from cmp_relay.errors import ConflictError
from cmp_relay.steps import Owed, Steps, StepState, Subject
from tests.support import external_steps
from tests.support.worker_stack import WorkerStack

JOB = external_steps.job("external_sub_step_comment_added")
COMMENT = Subject("sub-1", "comment-1")
FULL = StepState(
    COMMENT,
    sequence=3,
    seen_at={"external_sub_step_comment_added": 1_700_000_000_123},
    told="what the bus was told",
    told_as="external_sub_step_comment_added",
    beside_assignee="what an assignment leaves alone",
    settled="d1.0",
    shown={"value": "Hello", "author_link": None},
    removed=True,
    owed=Owed.of(JOB, Announcement("d1.0", "ExternalWorkCommentAdded", "{}")),
)


@pytest.fixture
def steps(stack: WorkerStack) -> Steps:
    return Steps(stack.dynamodb, "catalogue")


@pytest.mark.parametrize("subject", [COMMENT, Subject("sub-1")], ids=["comment", "step"])
def test_of_what_nobody_has_heard_nothing_is_known(steps: Steps, subject: Subject) -> None:
    assert steps.read(subject) == StepState(subject)


@pytest.mark.parametrize(
    "state", [FULL, StepState(Subject("sub-1"))], ids=["everything", "nothing"]
)
def test_reads_what_it_wrote(steps: Steps, state: StepState) -> None:
    written = steps.write(state)

    assert written == replace(state, revision=1)
    assert steps.read(state.subject) == written


def test_steps_and_comments_are_kept_apart(steps: Steps) -> None:
    steps.write(FULL)

    assert steps.read(Subject("sub-1")) == StepState(Subject("sub-1"))
    assert {COMMENT.name, Subject("sub-1").name} == {"step#sub-1#comment-1", "step#sub-1"}


def test_an_owed_event_keeps_its_job() -> None:
    assert FULL.owed is not None
    assert FULL.owed.read_job() == JOB


def test_two_workers_cannot_build_on_the_same_state(steps: Steps) -> None:
    read = steps.read(COMMENT)
    steps.write(read)

    with pytest.raises(ConflictError):
        steps.write(read)
