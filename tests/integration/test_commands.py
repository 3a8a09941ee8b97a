"""Commands whose worker dies: CMP is told once, and the sender hears of one end."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from cmp_relay import marks
from cmp_relay.desk import LEASE_SECONDS
from cmp_relay.errors import UnavailableError
from tests.support.killer import ProcessKilled
from tests.support.publish_jobs import API
from tests.support.worker_stack import CONTEXT, WorkerStack

STEP = f"{API}/tasks/t/steps/s/sub-steps/ss"
COMMENTS = f"{STEP}/comments"


def command(name: str, **arguments: object) -> str:
    envelope = {
        "schema": 1,
        "command_id": "c-1",
        "command": name,
        "issued_at": "2026-11-21T12:00:00Z",
        "arguments": arguments,
    }
    return json.dumps(envelope)


COMMENT = command("comment", comments_link=COMMENTS, text="Please look.")


class Discussion:
    """A sub-step's comments as CMP keeps them, ten on a page."""

    def __init__(self, stack: WorkerStack) -> None:
        self.stack = stack
        self.values: list[str] = []
        self.answers = True
        stack.api.writes["POST", COMMENTS] = self.add

    def add(self, told: Any) -> Mapping[str, Any]:  # noqa: ANN401 - JSON can be anything
        """Take a comment, as CMP does: one more for every request."""
        self.values.append(told["value"])
        self.show()
        if not self.answers:
            raise UnavailableError("POST: ReadTimeout")
        return {"id": f"comment-{len(self.values)}"}

    def show(self) -> None:
        """Let them be read, page by page."""
        pages = [self.values[at : at + 10] for at in range(0, len(self.values), 10)] or [[]]
        for number, values in enumerate(pages):
            after = f"{COMMENTS}?offset={10 * (number + 1)}" if number + 1 < len(pages) else None
            link = f"{COMMENTS}?offset={10 * number}" if number else COMMENTS
            self.stack.api.resources[link] = {
                "data": [
                    {"id": f"comment-{10 * number + place + 1}", "value": value}
                    for place, value in enumerate(values)
                ],
                "pagination": {"next": after, "previous": None},
            }


def work(stack: WorkerStack, *messages: str) -> int:
    """Let a new worker have commands and return how many come back."""
    answer = stack.command_worker().handle(stack.event(*messages), CONTEXT)
    return len(answer["batchItemFailures"])


def results(stack: WorkerStack) -> list[dict[str, Any]]:
    """Return the results on the bus, each once."""
    told = {event["detail"]["id"]: event["detail"] for event in stack.announced()}
    return list(told.values())


@pytest.mark.parametrize("name", ["comment", "complete"])
def test_a_command_is_told_once_wherever_its_worker_dies(stack: WorkerStack, name: str) -> None:
    message = COMMENT if name == "comment" else command("complete", sub_step_link=STEP)
    Discussion(stack)
    assert work(stack, message) == 0
    calls = len(stack.killer.calls)
    assert calls > 5

    for call in range(calls + 1):
        stack.empty()
        discussion = Discussion(stack)
        discussion.show()
        stack.killer.kill_at(min(call, calls - 1), after=call == calls)
        with pytest.raises(ProcessKilled):
            work(stack, message)
        stack.killer.spare()
        stack.lease_clock.advance(LEASE_SECONDS + 1)

        assert work(stack, message) == 0, call

        assert len(discussion.values) == (1 if name == "comment" else 0), call
        (result,) = results(stack)
        assert result["outcome"] == "applied", call
        assert list(stack.outcomes().values()) == ["applied"], call


def test_a_comment_whose_answer_was_lost_is_found_on_a_later_page(stack: WorkerStack) -> None:
    discussion = Discussion(stack)
    discussion.values = [f"Comment {number}" for number in range(25)]
    discussion.answers = False
    assert work(stack, COMMENT) == 1
    discussion.answers = True

    assert work(stack, COMMENT) == 0

    assert len(discussion.values) == 26
    assert results(stack)[0]["result"]["id"] == "comment-26"


def test_a_copy_of_the_text_by_somebody_else_is_no_comment_of_ours(stack: WorkerStack) -> None:
    discussion = Discussion(stack)
    discussion.values = [f"cmp-relay:{marks.of('c-1')} is what it said", "Please look."]
    discussion.show()
    stack.api.writes["POST", COMMENTS] = lambda _: (_ for _ in ()).throw(
        UnavailableError("POST: ConnectError")
    )
    assert work(stack, COMMENT) == 1
    stack.api.writes["POST", COMMENTS] = discussion.add

    assert work(stack, COMMENT) == 0

    assert len(discussion.values) == 3


def test_a_discussion_that_has_no_end_is_tried_again(stack: WorkerStack) -> None:
    stack.api.writes["POST", COMMENTS] = lambda _: (_ for _ in ()).throw(
        UnavailableError("POST: ConnectError")
    )
    assert work(stack, COMMENT) == 1
    circle = {"data": [], "pagination": {"next": COMMENTS}}
    stack.api.resources[COMMENTS] = circle
    stack.api.writes["POST", COMMENTS] = lambda _: {"id": "comment-1"}

    assert work(stack, COMMENT) == 1
    assert results(stack) == []
