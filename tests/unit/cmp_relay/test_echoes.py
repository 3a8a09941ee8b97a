import pytest

from cmp_relay.echoes import AWAITED_SECONDS, Echoes, ExpectedComment, Move, What
from tests.support.clock import NOON
from tests.support.worker_stack import WorkerStack

MARK = "0123456789abcdef"
SUB_STEP = "https://api.cmp.optimizely.com/v3/tasks/t/steps/s/sub-steps/ss"
OLD_HOST = SUB_STEP.replace("cmp.optimizely", "welcomesoftware")
COMMENTS = f"{SUB_STEP}/comments"
LIMIT = NOON + AWAITED_SECONDS * 1000


@pytest.fixture
def echoes(stack: WorkerStack) -> Echoes:
    return Echoes(stack.dynamodb, "catalogue", stack.clock)


def test_a_mark_that_nobody_wrote_stands_for_nothing(echoes: Echoes) -> None:
    assert echoes.comment(MARK) is None


def test_a_comment_is_noted_once_and_keeps_its_id(echoes: Echoes) -> None:
    assert not echoes.expect_comment(MARK, "command-1", COMMENTS)
    echoes.note_comment(MARK, "comment-1")

    assert echoes.expect_comment(MARK, "command-1", COMMENTS)
    assert echoes.comment(MARK) == ExpectedComment(
        "command-1", "/v3/tasks/t/steps/s/sub-steps/ss/comments", "comment-1"
    )


@pytest.mark.parametrize(
    ("comment_id", "link", "is_ours"),
    [
        ("comment-1", COMMENTS, True),
        ("comment-1", f"{OLD_HOST}/comments", True),
        ("comment-1", f"{COMMENTS}/?page=1", True),
        ("a copy", COMMENTS, False),
        ("comment-1", COMMENTS.replace("/ss/", "/another/"), False),
    ],
)
def test_a_copy_of_a_comment_is_somebody_elses(
    echoes: Echoes, comment_id: str, link: str, *, is_ours: bool
) -> None:
    echoes.expect_comment(MARK, "command-1", COMMENTS)
    echoes.note_comment(MARK, "comment-1")

    expected = echoes.comment(MARK)

    assert expected is not None
    assert expected.is_met_by(comment_id, link) is is_ours


def test_a_comment_that_cmp_has_answered_for_is_known_by_its_id(echoes: Echoes) -> None:
    echoes.expect_comment(MARK, "command-1", COMMENTS)
    assert not echoes.wrote(COMMENTS, "comment-1")

    echoes.note_comment(MARK, "comment-1")

    assert echoes.wrote(f"{OLD_HOST}/comments", "comment-1")
    assert not echoes.wrote(COMMENTS, "comment-2")
    assert not echoes.wrote(COMMENTS.replace("/ss/", "/another/"), "comment-1")


def test_a_comment_whose_id_is_not_known_yet_is_ours(echoes: Echoes) -> None:
    echoes.expect_comment(MARK, "command-1", COMMENTS)

    expected = echoes.comment(MARK)

    assert expected is not None
    assert expected.is_met_by("comment-1", COMMENTS)


def consume(
    echoes: Echoes, job_id: str = "job-1", at: int = NOON, what: What = "completed"
) -> bool:
    return echoes.consume(OLD_HOST, what, job_id, at, {"assignee_id": "user-1"})


def test_nothing_is_an_echo_of_nothing(echoes: Echoes) -> None:
    assert not consume(echoes)


def test_the_first_event_is_the_echo_however_often_it_is_looked_at(echoes: Echoes) -> None:
    echoes.expect(SUB_STEP, "completed")

    assert consume(echoes)
    assert consume(echoes)
    assert not consume(echoes, "job-2")


@pytest.mark.parametrize(
    ("at", "is_echo"), [(NOON - 1, False), (NOON, True), (LIMIT, True), (LIMIT + 1, False)]
)
def test_an_echo_comes_within_an_hour(echoes: Echoes, at: int, *, is_echo: bool) -> None:
    echoes.expect(SUB_STEP, "completed")

    assert consume(echoes, at=at) is is_echo


@pytest.mark.parametrize(
    ("at", "told_at", "is_echo"),
    [
        (NOON, NOON - 1, True),
        (LIMIT, 0, True),
        (LIMIT + 1, 0, False),
        (NOON - 1, 0, False),
        (NOON, NOON, False),
    ],
    ids=["at once", "an hour later", "too late", "before the change", "after an event was told"],
)
def test_an_echo_comes_again_within_an_hour_unless_something_was_told(
    echoes: Echoes, at: int, told_at: int, *, is_echo: bool
) -> None:
    echoes.expect(SUB_STEP, "completed")
    assert not echoes.came_again(OLD_HOST, "completed", at, told_at)
    assert consume(echoes)

    assert echoes.came_again(OLD_HOST, "completed", at, told_at) is is_echo


@pytest.mark.parametrize(("first", "second"), [("started", "completed"), ("completed", "started")])
def test_only_the_echo_of_what_cmp_was_told_last_comes_again(
    echoes: Echoes, stack: WorkerStack, first: Move, second: Move
) -> None:
    for what in (first, second):
        echoes.expect(SUB_STEP, what)
        assert consume(echoes, at=stack.clock(), what=what)
        stack.clock.advance(1)

    assert not echoes.came_again(SUB_STEP, first, stack.clock(), 0)
    assert echoes.came_again(SUB_STEP, second, stack.clock(), 0)


def test_an_echo_is_of_the_same_kind_and_sub_step(echoes: Echoes) -> None:
    echoes.expect(SUB_STEP, "started")
    echoes.expect(f"{SUB_STEP}2", "completed")

    assert not consume(echoes)


def test_what_cmp_refused_has_no_echo(echoes: Echoes) -> None:
    echoes.expect(SUB_STEP, "completed")
    echoes.forget(SUB_STEP, "completed")

    assert not consume(echoes)


@pytest.mark.parametrize(("at", "is_awaited"), [(NOON - 1, True), (NOON, False)])
def test_an_echo_is_given_up_once_an_event_after_the_change_is_told(
    echoes: Echoes, at: int, *, is_awaited: bool
) -> None:
    echoes.expect(SUB_STEP, "completed")
    echoes.give_up(SUB_STEP, "completed", at)

    assert consume(echoes) is is_awaited


def test_an_echo_that_came_is_not_given_up(echoes: Echoes) -> None:
    echoes.expect(SUB_STEP, "completed")
    assert consume(echoes)
    echoes.give_up(SUB_STEP, "completed", NOON)

    assert consume(echoes)


@pytest.mark.parametrize("refused", [False, True])
def test_a_job_that_met_an_echo_meets_it_again_whatever_cmp_was_told_since(
    echoes: Echoes, *, refused: bool
) -> None:
    echoes.expect(SUB_STEP, "started")
    assert echoes.consume(SUB_STEP, "started", "job-1", NOON, None)  # and is killed

    assert not echoes.expect(SUB_STEP, "started")  # the command's answer was lost
    if refused:
        echoes.forget(SUB_STEP, "started")

    assert echoes.consume(SUB_STEP, "started", "job-1", NOON, None)
    assert echoes.consume(SUB_STEP, "started", "job-2", NOON, None) is not refused
    assert echoes.consume(SUB_STEP, "started", "job-1", NOON, None)


def test_a_repeated_attempt_waits_for_the_echo_of_the_first(
    echoes: Echoes, stack: WorkerStack
) -> None:
    assert not echoes.expect(SUB_STEP, "completed")
    stack.clock.advance(60)
    assert echoes.expect(SUB_STEP, "completed")

    assert consume(echoes, at=NOON + 1)


@pytest.mark.parametrize("is_heard", [True, False], ids=["after its echo", "after an hour"])
def test_another_command_waits_for_an_echo_of_its_own(
    echoes: Echoes, stack: WorkerStack, *, is_heard: bool
) -> None:
    echoes.expect(SUB_STEP, "completed")
    if is_heard:
        assert consume(echoes)
    stack.clock.advance(AWAITED_SECONDS + 1)
    assert not echoes.expect(SUB_STEP, "completed")

    assert not consume(echoes, "job-2", at=NOON + 1)
    assert consume(echoes, "job-2", at=stack.clock())


@pytest.mark.parametrize(
    ("shown", "is_echo"),
    [
        ({"assignee_id": "user-1", "title": "Review"}, True),
        ({"assignee_id": "user-2"}, False),
        (None, False),
    ],
    ids=["as told", "changed since", "not to be seen"],
)
def test_a_modification_is_an_echo_if_cmp_shows_what_it_was_told(
    echoes: Echoes, shown: dict[str, object] | None, *, is_echo: bool
) -> None:
    echoes.expect(SUB_STEP, "modified", {"assignee_id": "user-1"})

    assert echoes.consume(SUB_STEP, "modified", "job-1", NOON, shown) is is_echo


def overtake(echoes: Echoes, monkeypatch: pytest.MonkeyPatch, job_id: str) -> None:
    """Let a job meet the echo right after what is expected was read the next time."""
    read = echoes._item

    def overtaken(name: str) -> dict[str, object] | None:
        monkeypatch.setattr(echoes, "_item", read)
        item = read(name)
        assert consume(echoes, job_id)
        return item

    monkeypatch.setattr(echoes, "_item", overtaken)


def test_two_jobs_cannot_both_be_the_echo(echoes: Echoes, monkeypatch: pytest.MonkeyPatch) -> None:
    echoes.expect(SUB_STEP, "completed")
    overtake(echoes, monkeypatch, "job-2")

    assert not consume(echoes, "job-1")


def test_an_echo_that_comes_while_another_attempt_begins_is_the_one_that_was_awaited(
    echoes: Echoes, monkeypatch: pytest.MonkeyPatch
) -> None:
    echoes.expect(SUB_STEP, "completed")
    overtake(echoes, monkeypatch, "job-1")

    assert not echoes.expect(SUB_STEP, "completed")
    echoes.forget(SUB_STEP, "completed")
    assert consume(echoes, "job-1")
    assert not consume(echoes, "job-2")
