"""One batch of jobs from SQS: each ends once, comes back later, or becomes a dead letter.

The queue deletes what is not reported as failed, so a record is left out of the failures only after
its outcome is written. Waiting is visibility, never sleep.
"""

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from cmp_relay.dead_letters import DeadLetters
from cmp_relay.errors import (
    AppointmentError,
    CmpRelayError,
    LeaseHeldError,
    PostponedError,
    QuotaError,
    UnreadableJobError,
)
from cmp_relay.jobs import Job
from cmp_relay.outcomes import MOST_ATTEMPTS, Attempt, Ending, Outcome, Outcomes
from cmp_relay.telemetry import logger, metrics

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

EXPIRY_SECONDS = 7 * 24 * 3600
"""After that long in its queue a job becomes a dead letter: SQS deletes silently after ten days."""
LONGEST_BACK_OFF = 45
"""In units of `retry_seconds`: with 20 of them, 15 minutes."""
LONGEST_LEASE_WAIT_SECONDS = 5
QUOTA = QuotaError.reason
METRICS: dict[Outcome, str] = {
    "applied": "JobsApplied",
    "superseded": "JobsSuperseded",
    "dead_lettered": "JobsDeadLettered",
}

AnyJob = TypeVar("AnyJob", bound=Job)


@dataclass(frozen=True, slots=True)
class Worker(Generic[AnyJob]):
    """The loop around `read` and `work`.

    `reserve_seconds` is the time that one job may need, `retry_seconds` the longest wait after its
    first failed attempt, `lease_seconds` the longest one for a lease that is held again and again.
    `announce` tells whoever waits for it how a job ends, before the job is closed.
    """

    read: Callable[[str], AnyJob]
    work: Callable[[AnyJob, Attempt], Ending]
    outcomes: Outcomes
    dead_letters: DeadLetters
    client: "SQSClient"
    queue_url: str
    reserve_seconds: float
    retry_seconds: int
    lease_seconds: int = LONGEST_LEASE_WAIT_SECONDS
    announce: Callable[[AnyJob, Ending], None] | None = None
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    processor: BatchProcessor = field(
        # A batch that has to wait is no error: Lambda would scale the mapping down.
        default_factory=lambda: BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    )

    def handle(self, event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
        """Work on a batch and report what has to come back."""
        return process_partial_response(
            event=event, record_handler=self.on_record, processor=self.processor, context=context
        )

    def on_record(self, record: SQSRecord, lambda_context: LambdaContext) -> None:
        """Work on one message; raises whatever has to keep it in the queue."""
        if lambda_context.get_remaining_time_in_millis() < self.reserve_seconds * 1000:
            self._come_back(record, 0)
            raise PostponedError("the function's time is nearly over", delay=0)
        try:
            job = self.read(record.body)
        except UnreadableJobError as error:
            self._bury(record, None, error.reason, str(error), attempts=1)
            return
        with logger.append_context_keys(
            job_id=job.job_id,
            delivery_id=job.delivery_id,
            event_name=job.event_name,
            channel=job.channel,
        ):
            self._on_job(record, job)

    def _on_job(self, record: SQSRecord, job: AnyJob) -> None:
        # A command may be repeated long after it was issued: it is as old as its message.
        is_command = job.cause == "command"
        since = int(record.attributes.sent_timestamp) if is_command else job.received_at
        age = max(0, self.now() - since) / 1000
        metrics.add_metric(name="JobAgeSeconds", unit=MetricUnit.Seconds, value=age)
        attempt = self._begin(record, job)
        if attempt.outcome:
            if attempt.outcome != "dead_lettered" or not _sent_back(record):
                logger.info("job has ended already", outcome=attempt.outcome)
                return
            self.outcomes.reopen(job)
            attempt = Attempt(number=1, receive=attempt.receive)
        if attempt.number > MOST_ATTEMPTS:
            detail = f"{MOST_ATTEMPTS} attempts began and none came to an end"
            self._bury(record, job, "crashed", detail, attempts=MOST_ATTEMPTS)
        elif self.now() - int(record.attributes.sent_timestamp) > EXPIRY_SECONDS * 1000:
            reason = QUOTA if attempt.waits_for == QUOTA else "expired"
            detail = f"waited for seven days without success, last for {attempt.waits_for}"
            self._bury(record, job, reason, detail, attempts=attempt.number)
        else:
            self._attempt(record, job, attempt)

    def _begin(self, record: SQSRecord, job: AnyJob) -> Attempt:
        receive = f"{record.message_id}#{record.attributes.approximate_receive_count}"
        try:
            return self.outcomes.begin(job, receive)
        except (BotoCoreError, ClientError):
            self._come_back(record, _back_off(1, self.retry_seconds))
            raise

    def _attempt(self, record: SQSRecord, job: AnyJob, attempt: Attempt) -> None:
        try:
            ending = self.work(job, attempt)
            self._close(job, ending)
        except PostponedError as error:
            self._postpone(record, job, attempt, error)
            raise
        except Exception as error:
            reason, detail, retryable = _explain(error)
            if retryable and attempt.number < MOST_ATTEMPTS:
                logger.warning(
                    "attempt failed", reason=reason, detail=detail, number=attempt.number
                )
                self._come_back(record, _back_off(attempt.number, self.retry_seconds))
                raise
            self._bury(record, job, reason, detail, attempts=attempt.number)

    def _postpone(
        self,
        record: SQSRecord,
        job: AnyJob,
        attempt: Attempt,
        error: PostponedError,
    ) -> None:
        try:
            self.outcomes.take_back(job.job_id, attempt, error.reason)
        except (BotoCoreError, ClientError) as failure:
            # It counts as a crash then, of which the job can stand a few.
            logger.warning("attempt not taken back", reason=_explain(failure)[1])
        delay = self._delay(record, error)
        logger.info("job postponed", reason=error.reason, detail=str(error), delay=delay)
        self._come_back(record, delay)

    def _delay(self, record: SQSRecord, error: PostponedError) -> float:
        """Return the seconds to wait."""
        if isinstance(error, AppointmentError):
            # Half a second to a second and a half early, to wait in the function, rather than late.
            return max(1, math.floor(error.delay - 0.5))
        if isinstance(error, LeaseHeldError):
            # A lease ends long before its time as a rule. If not, SQS counts the receives.
            receives = int(record.attributes.approximate_receive_count)
            longest = min(self.lease_seconds, LONGEST_LEASE_WAIT_SECONDS * receives)
            return min(error.delay, random.uniform(1, longest))  # noqa: S311 - not a secret
        return error.delay

    def _bury(
        self, record: SQSRecord, job: AnyJob | None, reason: str, detail: str, *, attempts: int
    ) -> None:
        """Send the dead letter before closing the job: a crash between loses nothing."""
        self.dead_letters.send(
            record.body, reason=reason, detail=detail, job=job, attempts=attempts
        )
        logger.error("job became a dead letter", reason=reason, detail=detail)
        if job:
            self._close(job, Ending("dead_lettered", f"{reason}: {detail}"))
        else:
            _count("dead_lettered")

    def _close(self, job: AnyJob, ending: Ending) -> None:
        if self.announce:
            self.announce(job, ending)
        self.outcomes.close(job, ending.outcome, ending.reason)
        _count(ending.outcome)
        logger.info("job ended", outcome=ending.outcome, reason=ending.reason)

    def _come_back(self, record: SQSRecord, delay: float) -> None:
        try:
            self.client.change_message_visibility(
                QueueUrl=self.queue_url,
                ReceiptHandle=record.receipt_handle,
                VisibilityTimeout=math.ceil(delay),
            )
        except (BotoCoreError, ClientError) as error:
            # It comes back all the same, when the queue's own visibility timeout ends.
            logger.warning("visibility not changed", reason=_explain(error)[1])


def _count(outcome: Outcome) -> None:
    metrics.add_metric(name=METRICS[outcome], unit=MetricUnit.Count, value=1)


def _explain(error: Exception) -> tuple[str, str, bool]:
    """Return reason, detail and whether to try again; a foreign error's text may hold a secret."""
    if isinstance(error, CmpRelayError):
        return error.reason, str(error), error.retryable
    if isinstance(error, ClientError):
        return "aws", f"{error.operation_name}: {error.response['Error']['Code']}", True
    if isinstance(error, BotoCoreError):
        return "aws", type(error).__name__, True
    logger.error("unexpected error", kind=type(error).__name__)
    return CmpRelayError.reason, type(error).__name__, True


def _sent_back(record: SQSRecord) -> bool:
    """Tell whether the message was a dead letter before: those carry their reason."""
    return "reason" in record.raw_event.get("messageAttributes", {})


def _back_off(attempt: int, unit: int) -> float:
    """Return a random wait; with a unit of 20 s, four of them make a quarter of an hour."""
    longest = unit * min(LONGEST_BACK_OFF, 1 << 3 * (attempt - 1))
    return random.uniform(1, longest)  # noqa: S311 - not a secret
