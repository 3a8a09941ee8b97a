"""External steps become tickets in Jira and back, each thing told once, and no loop."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from cmp_relay import marks
from tests.e2e.relay import Item, Relay
from tools.stand_in_jira.client import StandInJira

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

SETTLE_SECONDS = 8.0
"""Longer than anything that is told once would need to come back."""


@pytest.fixture
def jira(relay: Relay) -> Iterator[StandInJira]:
    with StandInJira(relay.stack.jira_url) as client:
        yield client


def issue_of(relay: Relay, jira: StandInJira, sub_step_id: str) -> Item:
    """Wait until a sub-step has its ticket and CMP knows of it."""

    def look() -> Item | None:
        key = relay.cmp.tasks.show(sub_step_id)["external_work"]["identifier"]
        found = [issue for issue in jira.issues() if issue["key"] == key]
        return found[0] if found else None

    return relay.wait(look, "the ticket")


def issue(jira: StandInJira, key: str) -> Item:
    (found,) = [each for each in jira.issues() if each["key"] == key]
    return found


def words(comments: list[Item], of: str) -> list[str]:
    """Return the texts of comments that were brought from the other side."""
    texts = [each[of] for each in comments]
    return [text for text in texts if marks.mark_of(text)]


def started(relay: Relay, **options: object) -> Any:  # noqa: ANN401 - what StandIn answers
    step = relay.cmp.tasks.add("Jira", **options)
    relay.cmp.tasks.act("start", step["sub_step_id"])
    return step


def test_a_step_is_worked_on_in_jira_and_completed_by_it(relay: Relay, jira: StandInJira) -> None:
    step = started(relay)
    found = issue_of(relay, jira, step["sub_step_id"])
    relay.cmp.tasks.comment(step["sub_step_id"], "Is the claim covered?")
    jira.comment(found["key"], "Yes, by study 12.")

    relay.wait(lambda: words(issue(jira, found["key"])["comments"], "body"), "CMP's comment")
    relay.wait(
        lambda: words(relay.cmp.tasks.show(step["sub_step_id"])["comments"], "value"),
        "Jira's comment",
    )
    jira.move(found["key"], "In Progress")
    relay.wait(
        lambda: (
            relay.cmp.tasks.show(step["sub_step_id"])["external_work"]["status"] == "In Progress"
        ),
        "the status",
    )
    jira.move(found["key"], "Done")
    relay.wait(lambda: relay.cmp.tasks.show(step["sub_step_id"])["is_completed"], "the end")

    told = relay.told(lambda event: is_of(event, step["sub_step_id"]))
    kinds = [event["detail-type"] for event in told]
    # Neither Jira's comment nor the end that Jira gave comes back as somebody else's.
    assert sorted(kinds) == ["ExternalWorkCommentAdded", "ExternalWorkStarted"]
    assert len([each for each in jira.issues() if each["labels"] == found["labels"]]) == 1


def is_of(event: Item, sub_step_id: str) -> bool:
    return bool(event["detail"].get("sub_step", {}).get("id") == sub_step_id)


def test_a_rejected_ticket_leaves_the_step_open_and_says_so(
    relay: Relay, jira: StandInJira
) -> None:
    step = started(relay)
    found = issue_of(relay, jira, step["sub_step_id"])

    jira.move(found["key"], "Rejected")

    relay.wait(
        lambda: words(relay.cmp.tasks.show(step["sub_step_id"])["comments"], "value"),
        "the refusal",
    )
    shown = relay.cmp.tasks.show(step["sub_step_id"])
    assert (shown["is_completed"], shown["external_work"]["status"]) == (False, "Rejected")


def test_the_step_of_another_system_gets_no_ticket(relay: Relay, jira: StandInJira) -> None:
    before = len(jira.issues())
    step = relay.cmp.tasks.add("Trello")
    relay.cmp.tasks.act("start", step["sub_step_id"])

    assert relay.told(lambda event: is_of(event, step["sub_step_id"]), 1)
    time.sleep(SETTLE_SECONDS)
    assert len(jira.issues()) == before


@pytest.fixture
def impatient_queues(relay: Relay) -> Iterator[None]:
    """Let the queues give a dead worker's messages back soon."""
    sqs = relay.stack.boto("sqs")
    urls = [relay.stack.env[f"{queue}_QUEUE_URL"] for queue in ("COMMAND", "TICKET")]
    for url in urls:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "10"})
    yield
    for url in urls:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "360"})


class Correspondence:
    """Comments that go both ways between a step and its ticket."""

    def __init__(self, relay: Relay, jira: StandInJira) -> None:
        self.relay = relay
        self.jira = jira
        self.sub_step_id = started(relay)["sub_step_id"]
        self.key = issue_of(relay, jira, self.sub_step_id)["key"]
        self.sent = 0

    def exchange(self, count: int) -> None:
        """Let people comment on both sides."""
        for _ in range(count):
            self.relay.cmp.tasks.comment(self.sub_step_id, f"From CMP, {self.sent}")
            self.jira.comment(self.key, f"From Jira, {self.sent}")
            self.sent += 1

    def in_jira(self) -> list[str]:
        """Return what came from CMP, as Jira has it."""
        return words(issue(self.jira, self.key)["comments"], "body")

    def in_cmp(self) -> list[str]:
        """Return what came from Jira, as CMP has it."""
        return words(self.relay.cmp.tasks.show(self.sub_step_id)["comments"], "value")

    def assert_each_is_there_once(self, seconds: float) -> None:
        """Wait for all of it, and then for what must not come."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if min(len(self.in_jira()), len(self.in_cmp())) >= self.sent:
                break
            time.sleep(1)
        time.sleep(SETTLE_SECONDS)
        everything = sorted(str(number) for number in range(self.sent))
        assert sorted(_number(text, "From CMP, ") for text in self.in_jira()) == everything
        assert sorted(_number(text, "From Jira, ") for text in self.in_cmp()) == everything


def _number(text: str, before: str) -> str:
    return marks.strip(text).rpartition(before)[2]


@pytest.mark.long
def test_a_hundred_comments_each_way_make_a_hundred_on_the_other_side(
    relay: Relay, jira: StandInJira
) -> None:
    correspondence = Correspondence(relay, jira)

    correspondence.exchange(100)

    correspondence.assert_each_is_there_once(seconds=420)


@pytest.mark.long
@pytest.mark.usefixtures("impatient_queues")
def test_a_worker_that_dies_after_its_post_makes_no_second_comment(
    relay: Relay, jira: StandInJira
) -> None:
    correspondence = Correspondence(relay, jira)
    correspondence.exchange(5)
    # Both have the comment then, and whoever told them dies before the answer comes.
    relay.cmp.add_fault("lost", path="/v3/tasks", method="POST", count=2)
    jira.fault("lost", path="/rest/api/3/issue", method="POST", count=2)
    correspondence.exchange(5)
    for worker in ("run_command", "on_ticket"):
        relay.restart(worker)
    correspondence.exchange(5)

    correspondence.assert_each_is_there_once(seconds=180)
