from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn, cast

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber

from cmp_relay.errors import (
    AnnouncementError,
    AppointmentError,
    CmpRelayError,
    LeaseHeldError,
    PostponedError,
    QuotaError,
    UnavailableError,
    UntrustedLinkError,
)
from cmp_relay.jobs import PublishJob
from cmp_relay.outcomes import MOST_ATTEMPTS, Attempt, Ending, Outcomes
from cmp_relay.telemetry import metrics
from cmp_relay.worker import (
    EXPIRY_SECONDS,
    LONGEST_LEASE_WAIT_SECONDS,
    Worker,
)
from tests.support.clock import NOON
from tests.support.context import LambdaContext as FakeContext
from tests.support.killer import ProcessKilled
from tests.support.log_lines import log_lines
from tests.support.publish_jobs import body, entry, jobs, receipt
from tests.support.worker_stack import CONTEXT, WorkerStack

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

PLANTED = "-".join(["must", "not", "show"])
Deed = BaseException | Ending
PublishWorker = Worker[PublishJob]


@dataclass
class Work:
    """Ends each job as it is told, by its id; what it was not told is applied."""

    deeds: dict[str, Deed] = field(default_factory=dict)
    done: list[tuple[str, int]] = field(default_factory=list)

    def __call__(self, job: PublishJob, attempt: Attempt) -> Ending:
        self.done.append((job.job_id, attempt.number))
        deed = self.deeds.get(job.job_id, Ending("applied"))
        if isinstance(deed, BaseException):
            raise deed
        return deed


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def worker(stack: WorkerStack, work: Work) -> PublishWorker:
    metrics.clear_metrics()
    return replace(stack.worker(), work=work)


def messages(count: int = 1, delivery_id: str = "d", received_at: int = NOON) -> list[str]:
    entries = [entry(f"image-{number}") for number in range(count)]
    return jobs(body("asset_published", entries), receipt(delivery_id, received_at))


def handle(worker: PublishWorker, event: dict[str, Any], context: object = CONTEXT) -> list[int]:
    """Let the worker have a batch and return the places of the records that come back."""
    ids = [record["messageId"] for record in event["Records"]]
    answer = worker.handle(event, cast("LambdaContext", context))
    return [ids.index(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]


def counted() -> dict[str, float]:
    return {name: sum(metric["Value"]) for name, metric in metrics.metric_set.items()}


# What becomes of a batch


def test_each_record_of_a_batch_goes_its_own_way(
    stack: WorkerStack, worker: PublishWorker, work: Work
) -> None:
    work.deeds = {
        "d.1": PostponedError("later", delay=7),
        "d.3": UnavailableError("503"),
        "d.5": UntrustedLinkError("elsewhere"),
        "d.7": Ending("superseded", "why"),
    }
    batch = messages(10)
    batch[9] = "not a job"

    came_back = handle(worker, stack.event(*batch))

    assert came_back == [1, 3]
    assert stack.outcomes() == {
        **{f"d.{number}": "applied" for number in (0, 2, 4, 6, 8)},
        **{"d.1": None, "d.3": None, "d.5": "dead_lettered", "d.7": "superseded"},
    }
    assert stack.counts() == {"applied": 5, "superseded": 1, "dead_lettered": 1}
    assert len(stack.dead_letters()) == 2
    assert {name: counted()[name] for name in counted() if name != "JobAgeSeconds"} == {
        "JobsApplied": 5,
        "JobsSuperseded": 1,
        "JobsDeadLettered": 2,
    }


def test_a_batch_that_has_to_wait_as_a_whole_is_no_error(
    stack: WorkerStack, worker: PublishWorker, work: Work
) -> None:
    work.deeds = {f"d.{number}": PostponedError("later", delay=7) for number in range(10)}

    came_back = handle(worker, stack.event(*messages(10)))

    assert came_back == list(range(10))
    assert stack.visibilities == [7] * 10


def test_a_job_that_has_ended_is_not_worked_on_again(
    stack: WorkerStack, worker: PublishWorker, work: Work
) -> None:
    (message,) = messages()
    handle(worker, stack.event(message))

    came_back = handle(worker, stack.event(message))

    assert came_back == []
    assert work.done == [("d.0", 1)]
    assert stack.counts() == {"applied": 1}


def test_the_age_of_each_job_is_measured(stack: WorkerStack, worker: PublishWorker) -> None:
    stack.clock.advance(90)

    handle(worker, stack.event(*messages()))

    assert counted()["JobAgeSeconds"] == 90


def test_a_clock_that_is_behind_makes_no_negative_age(
    stack: WorkerStack, worker: PublishWorker
) -> None:
    handle(worker, stack.event(*messages(received_at=NOON + 5000)))

    assert counted()["JobAgeSeconds"] == 0


# Dead letters


def test_what_cannot_be_read_becomes_a_dead_letter_as_it_is(
    stack: WorkerStack, worker: PublishWorker, work: Work
) -> None:
    came_back = handle(worker, stack.event('{"schema": 9}'))

    assert (came_back, work.done) == ([], [])
    ((letter, why),) = stack.dead_letters()
    assert letter == '{"schema": 9}'
    assert (why["reason"], why["attempts"]) == ("unreadable_job", "1")
    assert why["detail"].startswith("unreadable: archive_key, asset, ")


def test_what_is_in_vain_becomes_a_dead_letter_at_once(
    stack: WorkerStack, worker: PublishWorker, work: Work
) -> None:
    work.deeds["d.0"] = UntrustedLinkError("https://example.com/x is outside the trusted origins")
    (message,) = messages()

    came_back = handle(worker, stack.event(message))

    assert came_back == []
    assert stack.dead_letters() == [
        (
            message,
            {
                "reason": "untrusted_link",
                "detail": "https://example.com/x is outside the trusted origins",
                "job_id": "d.0",
                "delivery_id": "d",
                "event_name": "asset_published",
                "attempts": "1",
            },
        )
    ]
    (item,) = stack.items("JOB#")
    assert item["reason"] == (
        "untrusted_link: https://example.com/x is outside the trusted origins"
    )


def test_the_fifth_failure_is_the_last(
    stack: WorkerStack, worker: PublishWorker, work: Work
) -> None:
    work.deeds["d.0"] = UnavailableError("503")
    (message,) = messages()

    came_back = [handle(worker, stack.event(message)) for _ in range(MOST_ATTEMPTS)]

    assert came_back == [[0], [0], [0], [0], []]
    ((_, why),) = stack.dead_letters()
    assert (why["reason"], why["detail"], why["attempts"]) == ("unavailable", "503", "5")
    assert stack.outcomes() == {"d.0": "dead_lettered"}


def test_a_job_that_kills_its_worker_is_given_up_after_five_times(
    stack: WorkerStack, worker: PublishWorker, work: Work
) -> None:
    work.deeds["d.0"] = ProcessKilled()
    (message,) = messages()
    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(ProcessKilled):
            handle(worker, stack.event(message))

    came_back = handle(worker, stack.event(message))

    assert (came_back, len(work.done)) == ([], MOST_ATTEMPTS)
    ((_, why),) = stack.dead_letters()
    assert (why["reason"], why["attempts"]) == ("crashed", "5")


@pytest.mark.parametrize(
    ("waited", "expired"), [(EXPIRY_SECONDS, False), (EXPIRY_SECONDS + 1, True)]
)
def test_a_job_waits_in_its_queue_for_seven_days_at_most(
    stack: WorkerStack, worker: PublishWorker, work: Work, waited: int, expired: bool
) -> None:
    event = stack.event(*messages(), sent_at=NOON - waited * 1000)

    came_back = handle(worker, event)

    assert came_back == []
    assert (work.done == []) is expired
    assert [why["reason"] for _, why in stack.dead_letters()] == (["expired"] if expired else [])


def test_a_dead_letter_that_was_sent_back_starts_anew(
    stack: WorkerStack, worker: PublishWorker, work: Work
) -> None:
    work.deeds["d.0"] = UnavailableError("503")
    (message,) = messages()
    for _ in range(MOST_ATTEMPTS):
        handle(worker, stack.event(message))
    ((_, why),) = stack.dead_letters()
    del work.deeds["d.0"]

    came_back = handle(worker, stack.event(message, attributes=why))

    assert came_back == []
    assert work.done[-1] == ("d.0", 1)
    assert stack.counts() == {"applied": 1}


def test_a_late_copy_of_a_dead_letter_changes_nothing(
    stack: WorkerStack, worker: PublishWorker, work: Work
) -> None:
    work.deeds["d.0"] = UntrustedLinkError("elsewhere")
    (message,) = messages()
    handle(worker, stack.event(message))

    came_back = handle(worker, stack.event(message))

    assert (came_back, len(work.done)) == ([], 1)
    assert len(stack.dead_letters()) == 1


def test_the_dead_letter_is_sent_before_the_job_is_closed(
    stack: WorkerStack, worker: PublishWorker, work: Work
) -> None:
    work.deeds["d.0"] = UntrustedLinkError("elsewhere")
    stack.killer.kill_at("SendMessage", after=True)

    with pytest.raises(ProcessKilled):
        handle(worker, stack.event(*messages()))

    assert stack.outcomes() == {"d.0": None}
    assert len(stack.dead_letters()) == 1


# Waiting


def test_a_job_is_given_back_at_once_when_time_is_nearly_over(
    stack: WorkerStack, worker: PublishWorker, work: Work
) -> None:
    hurried = FakeContext(remaining_milliseconds=24_999)

    came_back = handle(worker, stack.event(*messages(2)), hurried)

    assert (came_back, work.done) == ([0, 1], [])
    assert stack.visibilities == [0, 0]
    assert stack.items("JOB#") == []


@pytest.mark.parametrize(
    ("error", "delay"),
    [
        (PostponedError("later", delay=60), 60),
        (PostponedError("later", delay=0.2), 1),
        (QuotaError("the month's requests are used up", delay=39_600), 39_600),
    ],
)
def test_a_postponed_job_comes_back_when_it_was_told_and_no_attempt_is_counted(
    stack: WorkerStack, worker: PublishWorker, work: Work, error: Exception, delay: int
) -> None:
    work.deeds["d.0"] = error
    (message,) = messages()

    came_back = [handle(worker, stack.event(message)) for _ in range(MOST_ATTEMPTS + 2)]

    assert came_back == [[0]] * (MOST_ATTEMPTS + 2)
    assert stack.visibilities == [delay] * (MOST_ATTEMPTS + 2)
    assert {number for _, number in work.done} == {1}


@pytest.mark.parametrize("receives", [1, 30])
def test_a_lease_is_looked_at_again_long_before_its_end(
    stack: WorkerStack, worker: PublishWorker, work: Work, receives: int
) -> None:
    work.deeds["d.0"] = LeaseHeldError("busy", delay=60)

    handle(worker, stack.event(*messages(), receives=receives))

    (delay,) = stack.visibilities
    assert 1 <= delay <= LONGEST_LEASE_WAIT_SECONDS


@pytest.mark.parametrize(("receives", "longest"), [(1, 5), (4, 20), (12, 60), (900, 60)])
def test_a_lease_that_is_held_for_long_is_looked_at_less_and_less(
    receives: int,
    longest: int,
    stack: WorkerStack,
    worker: PublishWorker,
    work: Work,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("random.uniform", lambda _, most: most)
    work.deeds["d.0"] = LeaseHeldError("busy", delay=900)

    event = stack.event(*messages(), receives=receives)
    assert handle(replace(worker, lease_seconds=60), event) == [0]

    assert stack.visibilities == [longest]


def test_a_lease_that_is_nearly_over_is_waited_for(
    stack: WorkerStack, worker: PublishWorker, work: Work
) -> None:
    work.deeds["d.0"] = LeaseHeldError("busy", delay=1)

    handle(worker, stack.event(*messages(), receives=30))

    assert stack.visibilities == [1]


def test_each_failure_waits_a_random_time_that_may_be_eight_times_as_long(
    stack: WorkerStack, worker: PublishWorker, work: Work
) -> None:
    work.deeds = {f"d.{number}": AnnouncementError("bus") for number in range(10)}
    batch = messages(10)

    for _ in range(MOST_ATTEMPTS - 1):
        handle(worker, stack.event(*batch))

    for number in range(MOST_ATTEMPTS - 1):
        delays = stack.visibilities[number * 10 : number * 10 + 10]
        assert all(1 <= delay <= min(900, 20 * 8**number) for delay in delays)
        assert len(set(delays)) > 1


def test_a_job_comes_back_even_if_its_visibility_cannot_be_changed(
    stack: WorkerStack, worker: PublishWorker, work: Work
) -> None:
    work.deeds["d.0"] = PostponedError("later", delay=60)
    client = boto3.client("sqs")
    event = stack.event(*messages())
    with Stubber(client) as stubber:
        stubber.add_client_error("change_message_visibility", "ReceiptHandleIsInvalid")

        came_back = handle(replace(worker, client=client), event)

    assert came_back == [0]


@pytest.mark.parametrize("receives", [1, 900])
@pytest.mark.parametrize(
    ("delay", "told"), [(7.9, 7), (7.4, 6), (1.2, 1), (0.3, 1), (39_600, 39_599)]
)
def test_an_appointment_is_come_back_for_a_little_early(
    stack: WorkerStack, worker: PublishWorker, work: Work, delay: float, told: int, receives: int
) -> None:
    work.deeds["d.0"] = AppointmentError("the next slot is not near", delay=delay)

    handle(worker, stack.event(*messages(), receives=receives))

    assert stack.visibilities == [told]


def test_a_job_that_waited_for_the_quota_to_the_end_says_so(
    stack: WorkerStack, worker: PublishWorker, work: Work
) -> None:
    work.deeds["d.0"] = QuotaError("used up", delay=3600)
    (message,) = messages()
    handle(worker, stack.event(message))

    handle(worker, stack.event(message, sent_at=NOON - (EXPIRY_SECONDS + 1) * 1000))

    ((_, why),) = stack.dead_letters()
    assert (why["reason"], why["attempts"]) == (QuotaError.reason, "1")
    assert stack.visibilities == [3600]


def unreachable(*_: object) -> NoReturn:
    raise EndpointConnectionError(endpoint_url=f"https://aws/{PLANTED}")


def test_a_job_that_cannot_begin_comes_back_soon(
    stack: WorkerStack, worker: PublishWorker, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Outcomes, "begin", unreachable)

    came_back = handle(worker, stack.event(*messages()))

    assert (came_back, work.done) == ([0], [])
    (delay,) = stack.visibilities
    assert 1 <= delay <= 20


def test_a_job_comes_back_in_its_time_even_if_its_attempt_cannot_be_taken_back(
    stack: WorkerStack, worker: PublishWorker, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Outcomes, "take_back", unreachable)
    work.deeds["d.0"] = AppointmentError("later", delay=60)

    with log_lines() as lines:
        came_back = handle(worker, stack.event(*messages()))

    assert (came_back, stack.visibilities) == ([0], [59])
    assert lines.named("attempt not taken back")[0]["reason"] == "EndpointConnectionError"
    assert PLANTED not in lines.text


# What is told


@pytest.mark.parametrize(
    ("error", "reason", "detail"),
    [
        (
            ClientError({"Error": {"Code": "Throttling", "Message": PLANTED}}, "PutItem"),
            "aws",
            "PutItem: Throttling",
        ),
        (
            EndpointConnectionError(endpoint_url=f"https://aws/{PLANTED}"),
            "aws",
            "EndpointConnectionError",
        ),
        (ValueError(PLANTED), CmpRelayError.reason, "ValueError"),
        (UnavailableError("GET https://api/x: 503"), "unavailable", "GET https://api/x: 503"),
    ],
)
def test_errors_are_told_without_what_they_may_hold(
    stack: WorkerStack,
    worker: PublishWorker,
    work: Work,
    error: Exception,
    reason: str,
    detail: str,
) -> None:
    work.deeds["d.0"] = error
    (message,) = messages()

    with log_lines() as lines:
        for _ in range(MOST_ATTEMPTS):
            handle(worker, stack.event(message))

    ((_, why),) = stack.dead_letters()
    assert (why["reason"], why["detail"]) == (reason, detail)
    assert len(lines.named("attempt failed")) == MOST_ATTEMPTS - 1
    assert lines.named("job became a dead letter")[0]["reason"] == reason
    assert PLANTED not in lines.text
    assert PLANTED not in str(stack.items(""))


def test_log_lines_name_the_job_that_they_are_about(
    stack: WorkerStack, worker: PublishWorker
) -> None:
    with log_lines() as lines:
        handle(worker, stack.event(*messages(), "not a job"))

    (ended,) = lines.named("job ended")
    (dead,) = lines.named("job became a dead letter")
    keys = ("job_id", "delivery_id", "event_name", "channel")
    assert [ended[key] for key in keys] == ["d.0", "d", "asset_published", "default"]
    assert not dead.keys() & set(keys)
