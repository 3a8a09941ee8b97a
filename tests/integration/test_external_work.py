import json
from collections.abc import Mapping
from typing import Any

import pytest

from cmp_relay import library, marks, work_events
from cmp_relay.echoes import AWAITED_SECONDS, Echoes, What
from cmp_relay.errors import (
    AppointmentError,
    ForbiddenError,
    NotFoundError,
    QuotaError,
    RateLimitedError,
    RequestRefusedError,
    UnavailableError,
)
from cmp_relay.external_work import Tickets
from cmp_relay.jobs import ExternalWorkJob, read_external_work_job
from cmp_relay.outcomes import Outcomes
from tests.support import external_steps
from tests.support.clock import NOON
from tests.support.external_steps import (
    ASSETS,
    COMMENT,
    COMMENTS,
    RESOURCES,
    SUB_STEP,
    TASK,
    WORK,
)
from tests.support.publish_jobs import receipt
from tests.support.worker_stack import CONTEXT, WorkerStack

STARTED = "external_sub_step_started"
MODIFIED = "external_sub_step_modified"
COMPLETED = "external_sub_step_completed"
ADDED = "external_sub_step_comment_added"
CHANGED = "external_sub_step_comment_modified"
REMOVED = "external_sub_step_comment_removed"
SURELY = library.FRESHNESS_MARGIN / 1000
"""Seconds after which CMP shows everywhere what it told of."""


@pytest.fixture(autouse=True)
def shown(stack: WorkerStack) -> None:
    stack.api.resources.update(RESOURCES)


def message(
    stack: WorkerStack, event_name: str, delivery_id: str = "d1", at: int | None = None
) -> str:
    raw = external_steps.body(event_name)
    received_at = stack.clock() if at is None else at
    (found,) = stack.deliver(raw, receipt(delivery_id, received_at))
    return found


def tell(stack: WorkerStack, event_name: str, delivery_id: str = "d1", **at: int) -> None:
    assert stack.work(message(stack, event_name, delivery_id, **at)) == []


def heard(stack: WorkerStack) -> list[tuple[str, dict[str, Any]]]:
    return [(event["detail-type"], event["detail"]) for event in stack.announced()]


def endings(stack: WorkerStack) -> dict[str, tuple[str, str | None]]:
    return {
        item["pk"].removeprefix("JOB#"): (item["outcome"], item["reason"])
        for item in stack.items("JOB#")
    }


def change(stack: WorkerStack, link: str, **fields: object) -> None:
    stack.api.resources[link] = {**RESOURCES[link], **fields}


def test_a_started_step_is_told_with_all_that_a_ticket_needs(stack: WorkerStack) -> None:
    tell(stack, STARTED)

    ((detail_type, detail),) = heard(stack)
    assert detail_type == "ExternalWorkStarted"
    assert (detail["id"], detail["sequence"], detail["found"]) == ("d1.0", 1, True)
    assert detail["task"] == {
        "id": "task-1",
        "title": "Summer campaign",
        "reference_id": "TSK-1",
        "status": "In Progress",
        "start_at": "2026-11-20T00:00:00.000Z",
        "due_at": "2026-12-01T00:00:00.000Z",
        "campaign_id": "campaign-1",
        "labels": RESOURCES[TASK]["labels"],
        "link": TASK,
        "web_url": "https://app.example.com/tasks/task-1",
    }
    assert detail["step"] == {
        "id": "step-1",
        "title": "Approval",
        "due_at": "2026-11-25T00:00:00.000Z",
    }
    assert detail["sub_step"] == {
        "id": "sub-1",
        "title": "Legal review",
        "assignee_id": "user-1",
        "assignee_type": "user",
        "is_completed": False,
        "is_in_progress": True,
        "is_skipped": False,
        "is_external": True,
        "link": SUB_STEP,
        "comments_link": COMMENTS,
    }
    assert detail["external_work"] == {
        "external_system": "Jira",
        "identifier": "LAW-7",
        "title": "Review the picture",
        "status": "Open",
        "url": "https://tickets.example.com/LAW-7",
        "link": WORK,
    }
    assert detail["assets"] == [
        {
            "id": "image-1",
            "type": "image",
            "title": "Beach",
            "link": f"{TASK}/images/image-1",
            "web_url": "https://app.example.com/images/image-1",
        }
    ]
    assert "comment" not in detail
    assert sorted(stack.api.asked) == sorted([SUB_STEP, TASK, WORK, ASSETS])
    assert stack.outcomes() == {"d1.0": "applied"}


def test_a_comment_is_told_with_its_words_and_author(stack: WorkerStack) -> None:
    tell(stack, ADDED)

    ((detail_type, detail),) = heard(stack)
    assert detail_type == "ExternalWorkCommentAdded"
    assert detail["comment"] == {
        "id": "comment-1",
        "value": "Is the model's consent there?",
        "author_link": "https://api.cmp.optimizely.com/v3/users/user-2",
        "created_at": "2026-11-21T11:59:00.000Z",
        "modified_at": "2026-11-21T11:59:00.000Z",
        "link": COMMENT,
    }
    assert detail["external_work"]["identifier"] == "LAW-7"


def test_a_link_to_a_file_in_a_comment_keeps_no_token(stack: WorkerStack) -> None:
    link = "https://files.example.com/abc"
    tickets = Heard()
    change(stack, COMMENT, value=f"See ![x]({link}?token=eyJhbG.ci-Oi_J)\nand '{link}?p=1'.")

    event = stack.event(message(stack, ADDED))
    stack.external_work_worker(tickets).handle(event, CONTEXT)

    ((_, detail),) = heard(stack)
    assert detail["comment"]["value"] == f"See ![x]({link}?token=)\nand '{link}?p=1'."
    assert tickets.offers == [("d1.0", detail)]
    assert "eyJhbG" not in str(stack.items("STEP#"))


def test_a_removed_comment_is_told_as_it_was_known(stack: WorkerStack) -> None:
    tell(stack, ADDED)
    del stack.api.resources[COMMENT]
    stack.api.asked.clear()
    tell(stack, REMOVED, "d2")

    (_, added), (detail_type, removed) = heard(stack)
    assert detail_type == "ExternalWorkCommentRemoved"
    assert removed["comment"] == added["comment"]
    assert (added["sequence"], removed["sequence"]) == (1, 2)
    assert COMMENT not in stack.api.asked


def test_nothing_is_told_of_a_comment_after_its_removal(stack: WorkerStack) -> None:
    tell(stack, REMOVED)
    tell(stack, ADDED, "d2")
    tell(stack, REMOVED, "d3")

    ((detail_type, detail),) = heard(stack)
    assert (detail_type, detail["comment"]["value"]) == ("ExternalWorkCommentRemoved", None)
    assert endings(stack)["d2.0"] == ("superseded", "the comment is removed")


def test_steps_and_each_comment_count_for_themselves(stack: WorkerStack) -> None:
    tell(stack, STARTED)
    tell(stack, ADDED, "d2")
    change(stack, SUB_STEP, is_completed=True)
    tell(stack, COMPLETED, "d3")
    change(stack, COMMENT, value="It is.")
    tell(stack, CHANGED, "d4")

    told = [(detail["id"], detail["sequence"]) for _, detail in heard(stack)]
    assert told == [("d1.0", 1), ("d2.0", 1), ("d3.0", 2), ("d4.0", 2)]


# What is not told


def test_what_an_earlier_look_has_seen_is_not_asked_for_again(stack: WorkerStack) -> None:
    tell(stack, MODIFIED)
    stack.api.asked.clear()
    tell(stack, MODIFIED, "d2", at=NOON - library.FRESHNESS_MARGIN)

    assert stack.api.asked == []
    assert len(heard(stack)) == 1
    assert endings(stack)["d2.0"][0] == "superseded"


def test_what_the_bus_was_told_last_is_not_told_again(stack: WorkerStack) -> None:
    tell(stack, MODIFIED)
    repeated = message(stack, MODIFIED, "d2")

    # A replica of CMP's may be behind: only a later look knows that there is nothing new.
    assert stack.work(repeated) != []
    stack.sleep(SURELY)
    assert stack.work(repeated) == []

    assert len(heard(stack)) == 1
    assert endings(stack)["d2.0"] == ("superseded", "nothing that the bus was not told")


def test_a_change_that_cmp_does_not_show_yet_is_looked_for_again(stack: WorkerStack) -> None:
    tell(stack, STARTED)
    modified = message(stack, MODIFIED, "d2")

    assert stack.work(modified) != []
    change(stack, SUB_STEP, assignee_id="user-2")
    stack.sleep(SURELY)
    assert stack.work(modified) == []

    assert [detail["sub_step"]["assignee_id"] for _, detail in heard(stack)] == ["user-1", "user-2"]


def test_a_step_that_starts_again_is_told_again(stack: WorkerStack) -> None:
    for number, name in enumerate((STARTED, COMPLETED, STARTED)):
        tell(stack, name, f"d{number}", at=stack.clock() - library.FRESHNESS_MARGIN)
        stack.sleep(60)

    assert [detail["sequence"] for _, detail in heard(stack)] == [1, 2, 3]


def echoes(stack: WorkerStack) -> Echoes:
    return Echoes(stack.dynamodb, "catalogue", stack.clock)


@pytest.mark.parametrize(("event_name", "what"), [(STARTED, "started"), (COMPLETED, "completed")])
def test_an_echo_of_a_command_is_not_told_and_asks_nothing(
    stack: WorkerStack, event_name: str, what: What
) -> None:
    echoes(stack).expect(SUB_STEP, what)

    tell(stack, event_name)
    tell(stack, event_name, "delivered again")
    assert set(endings(stack).values()) == {("superseded", "an echo of what the relay told CMP")}
    assert stack.api.asked == []

    stack.sleep(AWAITED_SECONDS + 1)
    tell(stack, event_name, "d3")
    assert [detail["id"] for _, detail in heard(stack)] == ["d3.0"]


def test_a_person_starts_again_what_a_person_completed_after_an_echo(stack: WorkerStack) -> None:
    echoes(stack).expect(SUB_STEP, "started")
    echo = message(stack, STARTED, "echo")
    job = read_external_work_job(echo)
    # It has met its echo, and its worker is killed.
    assert echoes(stack).consume(SUB_STEP, "started", job.job_id, job.received_at, None)
    stack.sleep(60)
    change(stack, SUB_STEP, is_completed=True)
    tell(stack, COMPLETED, "completed")
    assert stack.work(echo) == []
    stack.sleep(60)
    change(stack, SUB_STEP, is_completed=False)
    tell(stack, STARTED, "started")

    assert [detail["id"] for _, detail in heard(stack)] == ["completed.0", "started.0"]


@pytest.mark.parametrize("order", [(STARTED, COMPLETED), (COMPLETED, STARTED), (STARTED,)])
def test_a_person_starts_again_what_commands_started_and_completed(
    stack: WorkerStack, order: tuple[str, ...]
) -> None:
    for what in ("started", "completed"):
        echoes(stack).expect(SUB_STEP, what)
        stack.sleep(1)
    for event_name in order:
        tell(stack, event_name, f"echo-{event_name}")

    tell(stack, STARTED, "person")

    assert [detail["id"] for _, detail in heard(stack)] == ["person.0"]


def test_a_replay_of_what_nobody_was_told_is_no_echo_that_came_again(stack: WorkerStack) -> None:
    echoes(stack).expect(SUB_STEP, "started")
    tell(stack, STARTED, "echo")
    lost = [message(stack, event_name, event_name) for event_name in (COMPLETED, STARTED)]
    stack.sleep(SURELY)

    for each in reversed(lost):
        assert stack.work(replayed(each)) == []

    assert len(heard(stack)) == len(lost)


def replayed(message: str) -> str:
    job = json.loads(message)
    job_id = f"replay.2026-11-22T12:00:00.000Z.{job['job_id']}"
    return json.dumps({**job, "job_id": job_id, "cause": "replay"})


@pytest.mark.parametrize("is_newer_expected", [False, True])
def test_a_replayed_echo_is_not_told_and_asks_nothing(
    stack: WorkerStack, *, is_newer_expected: bool
) -> None:
    echoes(stack).expect(SUB_STEP, "completed")
    echo = message(stack, COMPLETED)
    assert stack.work(echo) == []
    stack.sleep(20 * 3600)
    if is_newer_expected:
        echoes(stack).expect(SUB_STEP, "completed")

    assert stack.work(replayed(echo)) == []

    assert list(endings(stack).values()) == [
        ("superseded", "an echo of what the relay told CMP"),
        ("superseded", "an echo of what the relay told CMP"),
    ]
    assert (heard(stack), stack.api.asked) == ([], [])


def test_an_echo_is_one_event_whether_it_or_its_replay_comes_first(stack: WorkerStack) -> None:
    echoes(stack).expect(SUB_STEP, "completed")
    echo = message(stack, COMPLETED)

    assert stack.work(replayed(echo)) == []
    assert stack.work(echo) == []

    assert heard(stack) == []


def test_an_echo_that_became_a_dead_letter_is_one_when_it_is_replayed(stack: WorkerStack) -> None:
    echoes(stack).expect(SUB_STEP, "completed")
    echo = message(stack, COMPLETED)
    job = read_external_work_job(echo)
    # It has met its echo, and then its worker was killed five times.
    assert echoes(stack).consume(SUB_STEP, "completed", job.job_id, job.received_at, None)
    outcomes = Outcomes(stack.dynamodb, "catalogue", stack.clock)
    outcomes.begin(job, "request")
    outcomes.close(job, "dead_lettered", "crashed")

    assert stack.work(replayed(echo)) == []

    assert heard(stack) == []


def test_a_replay_tells_nothing_of_a_step_that_was_told_unless_that_is_lost(
    stack: WorkerStack,
) -> None:
    messages = []
    for number, event_name in enumerate((MODIFIED, MODIFIED, COMPLETED)):
        messages.append(message(stack, event_name, f"d{number}"))
        stack.sleep(SURELY)
        assert stack.work(messages[-1]) == []
        stack.sleep(60)
    assert [detail["id"] for _, detail in heard(stack)] == ["d0.0", "d2.0"]
    asked = len(stack.api.asked)

    for each in messages[1::-1]:
        assert stack.work(replayed(each)) == []
    assert (heard(stack), len(stack.api.asked)) == ([], asked)

    key = {"pk": {"S": "STEP#sub-1"}, "sk": {"S": "STEP"}}
    stack.dynamodb.delete_item(TableName="catalogue", Key=key)
    again = replayed(messages[2])
    assert stack.work(again) == []
    assert [detail["id"] for _, detail in heard(stack)] == [json.loads(again)["job_id"]]


def test_a_replay_tells_what_was_discarded(stack: WorkerStack) -> None:
    tell(stack, STARTED)
    stack.sleep(60)
    lost = message(stack, COMPLETED, "d2")
    change(stack, SUB_STEP, is_completed=True)

    assert stack.work(replayed(lost)) == []

    assert [detail["sequence"] for _, detail in heard(stack)] == [1, 2]


def test_a_step_that_starts_again_after_our_own_completion_is_told_again(
    stack: WorkerStack,
) -> None:
    tell(stack, STARTED)
    echoes(stack).expect(SUB_STEP, "completed")
    tell(stack, COMPLETED, "d2")
    stack.sleep(3600)
    again = message(stack, STARTED, "d3")

    # CMP shows what the bus was told last: that may be a replica that is behind.
    assert stack.work(again) != []
    stack.sleep(SURELY)
    assert stack.work(again) == []

    told = [(detail["id"], detail["sequence"]) for _, detail in heard(stack)]
    assert told == [("d1.0", 1), ("d3.0", 2)]


@pytest.mark.parametrize(
    ("assignee", "title", "count"),
    [
        ("user-2", "Legal review", 0),
        ("user-3", "Legal review", 1),
        ("user-2", "Renamed", 1),
    ],
    ids=["as told", "assigned to another", "renamed as well"],
)
def test_an_assignment_of_ours_is_told_if_somebody_changed_something(
    stack: WorkerStack, assignee: str, title: str, count: int
) -> None:
    tell(stack, STARTED)
    echoes(stack).expect(SUB_STEP, "modified", {"assignee_id": "user-2"})
    change(stack, SUB_STEP, assignee_id=assignee, title=title)

    tell(stack, MODIFIED, "d2")

    assert len(heard(stack)) == 1 + count


def test_assignments_of_ours_in_a_row_are_echoes_and_the_way_back_is_told(
    stack: WorkerStack,
) -> None:
    tell(stack, STARTED)
    for number, assignee in enumerate(["user-2", "user-3"]):
        stack.sleep(60)
        echoes(stack).expect(SUB_STEP, "modified", {"assignee_id": assignee})
        change(stack, SUB_STEP, assignee_id=assignee)
        tell(stack, MODIFIED, f"echo-{number}")
    change(stack, SUB_STEP, assignee_id="user-1")
    tell(stack, MODIFIED, "d2", at=stack.clock() - library.FRESHNESS_MARGIN)

    assert [detail["id"] for _, detail in heard(stack)] == ["d1.0", "d2.0"]


def test_a_new_due_date_is_told_though_an_assignment_without_effect_was_told_to_cmp(
    stack: WorkerStack,
) -> None:
    tell(stack, STARTED)
    echoes(stack).expect(SUB_STEP, "modified", {"assignee_id": "user-1"})
    later = {"id": "step-1", "title": "Approval", "due_at": "2026-11-30T00:00:00Z"}
    change(stack, TASK, steps=[later])

    tell(stack, MODIFIED, "d2")

    (_, (_, detail)) = heard(stack)
    assert detail["step"]["due_at"] == "2026-11-30T00:00:00.000Z"


def test_an_assignment_by_a_person_is_no_echo_after_another_was_told(stack: WorkerStack) -> None:
    tell(stack, STARTED)
    echoes(stack).expect(SUB_STEP, "modified", {"assignee_id": "user-2"})
    for assignee in ("user-3", "user-2"):
        stack.sleep(60)
        change(stack, SUB_STEP, assignee_id=assignee)
        tell(stack, MODIFIED, assignee)

    assert [detail["sub_step"]["assignee_id"] for _, detail in heard(stack)] == [
        "user-1",
        "user-3",
        "user-2",
    ]


@pytest.mark.parametrize(
    ("error", "completed", "outcome", "told"),
    [
        (ForbiddenError("PATCH: 403", status=403), False, "dead_lettered", True),
        (NotFoundError("PATCH: 404", status=404), False, "dead_lettered", True),
        (RequestRefusedError("PATCH: 422", status=422), False, "dead_lettered", True),
        (RequestRefusedError("PATCH: 422", status=422), True, "applied", True),
        (RateLimitedError("PATCH: 429", retry_after=60), False, None, True),
        (UnavailableError("PATCH: ReadTimeout"), False, None, False),
    ],
    ids=["forbidden", "not found", "refused", "done by a person", "too early", "no answer"],
)
def test_a_completion_is_an_echo_if_cmp_may_have_done_what_it_was_told(
    stack: WorkerStack, error: Exception, *, completed: bool, outcome: str | None, told: bool
) -> None:
    refuse(stack, error)
    change(stack, SUB_STEP, is_completed=completed)
    complete(stack)
    stack.sleep(120)
    stack.announced()

    tell(stack, COMPLETED)

    assert [name for name, _ in heard(stack)] == ["ExternalWorkCompleted"] * told
    assert stack.outcomes()["command.c-1"] == outcome


def refuse(
    stack: WorkerStack, error: Exception, method: str = "PATCH", link: str = SUB_STEP
) -> None:
    def write(_: object) -> Mapping[str, Any]:
        raise error

    stack.api.writes[method, link] = write


def complete(stack: WorkerStack) -> None:
    give(stack, "complete", sub_step_link=SUB_STEP)


def give(stack: WorkerStack, name: str, **arguments: str) -> None:
    command = {
        "schema": 1,
        "command_id": "c-1",
        "command": name,
        "issued_at": "2026-11-21T12:00:00Z",
        "arguments": arguments,
    }
    stack.command_worker().handle(stack.event(json.dumps(command)), CONTEXT)


@pytest.mark.parametrize(
    "error",
    [
        AppointmentError("the breaker is open", delay=30),
        ForbiddenError("PATCH: 403", status=403),
        RequestRefusedError("PATCH: 422", status=422),
    ],
    ids=["too early", "forbidden", "done before"],
)
def test_a_completion_whose_answer_was_lost_is_an_echo_whatever_the_next_attempt_finds(
    stack: WorkerStack, error: Exception
) -> None:
    refuse(stack, UnavailableError("PATCH: 504", status=504))
    complete(stack)
    change(stack, SUB_STEP, is_completed=True)
    stack.sleep(20)
    refuse(stack, error)
    complete(stack)
    stack.announced()

    tell(stack, COMPLETED)

    assert heard(stack) == []


@pytest.mark.parametrize(
    ("error", "count"),
    [
        (RequestRefusedError("POST: 422", status=422), 1),
        (ForbiddenError("POST: 403", status=403), 1),
        (NotFoundError("POST: 404", status=404), 1),
        (QuotaError("the month has none left", delay=60), 1),
        (UnavailableError("POST: 504", status=504), 0),
        (AppointmentError("the breaker is open", delay=30), 0),
    ],
    ids=["refused", "forbidden", "not found", "no quota", "no answer", "perhaps no answer"],
)
def test_a_comment_with_the_mark_of_one_that_cmp_did_not_write_is_told(
    stack: WorkerStack, error: Exception, count: int
) -> None:
    refuse(stack, error, "POST", COMMENTS)
    give(stack, "comment", comments_link=COMMENTS, text="Done.")
    stack.announced()
    change(stack, COMMENT, value=marks.add("Stop!", marks.of("c-1")))

    tell(stack, ADDED)

    assert len(heard(stack)) == count


def our_comment(stack: WorkerStack, comment_id: str | None) -> None:
    mark = marks.of("command-1")
    echoes(stack).expect_comment(mark, "command-1", COMMENTS)
    if comment_id:
        echoes(stack).note_comment(mark, comment_id)
    change(stack, COMMENT, value=marks.add("Done.", mark))


@pytest.mark.parametrize(
    ("comment_id", "asked"), [("comment-1", []), (None, [COMMENT])], ids=["known", "unknown"]
)
def test_a_comment_of_ours_is_not_told(
    stack: WorkerStack, comment_id: str | None, asked: list[str]
) -> None:
    our_comment(stack, comment_id)

    tell(stack, ADDED)

    assert heard(stack) == []
    assert stack.api.asked == asked
    assert stack.outcomes() == {"d1.0": "superseded"}


@pytest.mark.parametrize("event_name", [ADDED, CHANGED])
def test_somebody_elses_copy_and_change_of_a_comment_are_told(
    stack: WorkerStack, event_name: str
) -> None:
    our_comment(stack, "another" if event_name == ADDED else "comment-1")

    tell(stack, event_name)

    assert len(heard(stack)) == 1


def test_a_mark_that_the_relay_never_wrote_is_none(stack: WorkerStack) -> None:
    change(stack, COMMENT, value=marks.add("Hello.", "0123456789abcdef"))

    tell(stack, ADDED)

    assert len(heard(stack)) == 1


# What CMP does not show


@pytest.mark.parametrize(("event_name", "link"), [(COMPLETED, SUB_STEP), (ADDED, COMMENT)])
def test_what_is_gone_is_asked_for_once_more_and_told_as_it_was_delivered(
    stack: WorkerStack, event_name: str, link: str
) -> None:
    del stack.api.resources[link]
    gone = message(stack, event_name)

    assert stack.work(gone) != []
    assert stack.visibilities == [60]
    stack.sleep(60)
    assert stack.work(gone) == []

    ((_, detail),) = heard(stack)
    assert not detail["found"]
    assert detail["task"]["title"] == "Summer campaign"
    if event_name == COMPLETED:
        assert detail["sub_step"]["link"] == SUB_STEP
        assert detail["sub_step"]["is_completed"] is None
    else:
        assert (detail["comment"]["id"], detail["comment"]["value"]) == ("comment-1", None)
    assert endings(stack)["d1.0"] == ("applied", "CMP does not show it")


@pytest.mark.parametrize(
    "error", [ForbiddenError("GET: 403", status=403), RequestRefusedError("GET: 400", status=400)]
)
def test_what_is_not_for_us_is_told_as_it_was_delivered(
    stack: WorkerStack, error: Exception
) -> None:
    stack.api.resources.update(dict.fromkeys([SUB_STEP, WORK, TASK, ASSETS], error))

    tell(stack, STARTED)

    ((_, detail),) = heard(stack)
    assert not detail["found"]
    assert detail["assets"] is None
    assert detail["external_work"]["external_system"] == "Jira"


def test_a_step_that_nobody_links_is_told_as_it_was_delivered(stack: WorkerStack) -> None:
    body = json.loads(external_steps.body(STARTED))
    for part in body["data"].values():
        part["links"] = {}
    (bare,) = stack.deliver(json.dumps(body).encode(), receipt("d1", NOON))

    assert stack.work(bare) == []

    ((_, detail),) = heard(stack)
    assert (detail["found"], detail["assets"]) == (False, None)
    assert (detail["sub_step"]["id"], detail["sub_step"]["comments_link"]) == ("sub-1", None)
    assert stack.api.asked == []


def test_a_step_that_cmp_cannot_show_now_is_told_later(stack: WorkerStack) -> None:
    stack.api.resources[TASK] = UnavailableError("GET: 503", status=503)
    started = message(stack, STARTED)

    assert stack.work(started) != []
    stack.api.resources.update(RESOURCES)
    assert stack.work(started) == []

    assert [detail["found"] for _, detail in heard(stack)] == [True]


# Assets


def page(number: int, following: str | None) -> Mapping[str, Any]:
    data = [{"id": f"image-{number}", "type": "image", "title": "T" * 100}, "no asset"]
    return {"data": data, "pagination": {"next": following}}


def test_assets_are_read_page_by_page_up_to_ten(stack: WorkerStack) -> None:
    for number in range(11):
        link = f"{ASSETS}?offset={number}" if number else ASSETS
        stack.api.resources[link] = page(number, f"{ASSETS}?offset={number + 1}")

    tell(stack, STARTED)

    ((_, detail),) = heard(stack)
    assert [asset["id"] for asset in detail["assets"]] == [f"image-{n}" for n in range(10)]


def test_a_page_that_leads_back_ends_the_list(stack: WorkerStack) -> None:
    stack.api.resources[ASSETS] = page(0, ASSETS)

    tell(stack, STARTED)

    ((_, detail),) = heard(stack)
    assert [asset["id"] for asset in detail["assets"]] == ["image-0"]


def test_too_many_assets_for_the_bus_are_left_in_cmp(stack: WorkerStack) -> None:
    data = [{"id": f"image-{n}", "type": "image", "title": "T" * 1000} for n in range(300)]
    stack.api.resources[ASSETS] = {"data": data}

    tell(stack, STARTED)

    ((_, detail),) = heard(stack)
    assert detail["assets"] is None
    assert detail["truncated"]["archive_key"].endswith("d1.json")
    assert detail["task"]["title"] == "Summer campaign"


def test_words_that_are_too_long_for_the_bus_are_left_in_cmp(stack: WorkerStack) -> None:
    change(stack, COMMENT, value="x" * 300_000)

    tell(stack, ADDED)
    tell(stack, REMOVED, "d2")

    (_, added), (_, removed) = heard(stack)
    assert (added["comment"]["value"], added["comment"]["link"]) == (None, COMMENT)
    assert (added["task"]["title"], added["task"]["id"]) == (None, "task-1")
    assert removed["comment"]["value"] is None


# Tickets


class Heard(Tickets):
    def __init__(self) -> None:
        self.offers: list[tuple[str, Mapping[str, Any]]] = []

    def offer(self, job: ExternalWorkJob, event: Mapping[str, Any]) -> None:
        self.offers.append((job.job_id, event))


class Deaf(Tickets):
    def offer(self, job: ExternalWorkJob, event: Mapping[str, Any]) -> None:
        raise UnavailableError("nobody there")


def test_a_ticket_system_hears_of_what_the_bus_was_told(stack: WorkerStack) -> None:
    tickets = Heard()

    event = stack.event(message(stack, STARTED))
    stack.external_work_worker(tickets).handle(event, CONTEXT)

    ((_, detail),) = heard(stack)
    assert tickets.offers == [("d1.0", detail)]


def test_a_ticket_system_that_did_not_hear_hears_from_the_next_job(stack: WorkerStack) -> None:
    tickets = Heard()
    event = stack.event(message(stack, STARTED))
    answer = stack.external_work_worker(Deaf()).handle(event, CONTEXT)
    assert answer["batchItemFailures"]

    change(stack, SUB_STEP, is_completed=True)
    event = stack.event(message(stack, COMPLETED, "d2"))
    stack.external_work_worker(tickets).handle(event, CONTEXT)

    assert [job_id for job_id, _ in tickets.offers] == ["d1.0", "d2.0"]
    told = [event["detail"]["id"] for event in stack.announced()]
    assert list(dict.fromkeys(told)) == ["d1.0", "d2.0"]


def test_every_event_of_an_external_step_has_a_detail_type(stack: WorkerStack) -> None:
    for number, name in enumerate(work_events.DETAIL_TYPES):
        tell(stack, name, f"d{number}", at=NOON - library.FRESHNESS_MARGIN)

    assert [name for name, _ in heard(stack)] == list(work_events.DETAIL_TYPES.values())
