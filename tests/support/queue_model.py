"""One SQS queue with its event source mapping, in virtual time: what the workers' waiting rests on.

Standard queue, batches of ten, partial batch responses, visibility by ChangeMessageVisibility (at
most twelve hours after the receive), receive counts, retention. What SQS gives up or deletes by
itself is `lost`: the relay must never let it come to that.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from cmp_relay.worker import Worker
from tests.support.context import LambdaContext as FakeContext
from tests.support.virtual_time import VirtualTime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_sqs import SQSClient

BATCH = 10
TIMEOUT = 60_000
"""Of the function, in ms."""
VISIBILITY = 6 * TIMEOUT
LONGEST_VISIBILITY = 12 * 3600 * 1000
RETENTION = 10 * 24 * 3600 * 1000
MOST_RECEIVES = 1000

Parts = dict[str, Any]


@dataclass
class Message:
    """One message; times in ms. `visibilities` are the seconds that workers asked for."""

    number: int
    body: str
    sent_at: int
    visible_at: int
    received_at: int = 0
    receives: int = 0
    visibilities: list[int] = field(default_factory=list)

    @property
    def record(self) -> Parts:
        """Return the message as Lambda hands it to a worker."""
        return {
            "messageId": str(self.number),
            "receiptHandle": str(self.number),
            "body": self.body,
            "attributes": {
                "ApproximateReceiveCount": str(self.receives),
                "SentTimestamp": str(self.sent_at),
            },
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }


@dataclass(frozen=True)
class TimedContext(FakeContext):
    """The context of an invocation whose time runs out with the clock."""

    time_left: Callable[[], int] = lambda: TIMEOUT

    def get_remaining_time_in_millis(self) -> int:
        """Return the time left in ms."""
        return max(0, self.time_left())


class QueueModel:
    """The queue, which is its workers' client of SQS too; each worker is an environment.

    `batches` tells of each how many messages it had and how many of them came back.
    """

    def __init__(self, time: VirtualTime, workers: list[Worker[Any]]) -> None:
        """Let workers wait for messages."""
        self.messages: dict[int, Message] = {}
        self.lost: list[Message] = []
        self.done: list[Message] = []
        self.batches: list[tuple[int, int]] = []
        self._sent = 0
        self._time = time
        self._idle = [replace(worker, client=cast("SQSClient", self)) for worker in workers]

    def send(self, body: str) -> None:
        """Take in a message."""
        now = self._time.now()
        self._sent += 1
        self.messages[self._sent] = Message(self._sent, body, now, now)

    def next_receive(self) -> int | None:
        """Return when (ms) a batch can be received, None if no worker or no message is left."""
        if not (self._idle and self.messages):
            return None
        return min(message.visible_at for message in self.messages.values())

    def receive(self) -> None:
        """Let an idle worker begin with a batch."""
        batch = self._receive()
        if batch:
            worker = self._idle.pop()
            self._time.start(lambda: self._work(worker, batch))

    def change_message_visibility(
        self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int
    ) -> None:
        """Do what SQS does, with its limit."""
        message = self.messages[int(ReceiptHandle)]
        visible_at = self._time.now() + VisibilityTimeout * 1000
        if visible_at - message.received_at > LONGEST_VISIBILITY:
            raise ClientError(
                {"Error": {"Code": "InvalidParameterValue", "Message": QueueUrl}},
                "ChangeMessageVisibility",
            )
        message.visibilities.append(VisibilityTimeout)
        message.visible_at = visible_at

    def _receive(self) -> list[Message]:
        now = self._time.now()
        self._give_up(now)
        waiting = [each for each in self.messages.values() if each.visible_at <= now]
        batch = sorted(waiting, key=lambda each: each.visible_at)[:BATCH]
        for message in batch:
            message.receives += 1
            message.received_at, message.visible_at = now, now + VISIBILITY
        return batch

    def _give_up(self, now: int) -> None:
        for message in list(self.messages.values()):
            redriven = message.receives >= MOST_RECEIVES and message.visible_at <= now
            if redriven or now - message.sent_at > RETENTION:
                self.lost.append(self.messages.pop(message.number))

    def _work(self, worker: Worker[Any], batch: list[Message]) -> None:
        ends_at = self._time.now() + TIMEOUT
        context = TimedContext(time_left=lambda: ends_at - self._time.now())
        event: Mapping[str, Any] = {"Records": [message.record for message in batch]}
        answer = worker.handle(dict(event), cast("LambdaContext", context))
        failed = {int(str(each["itemIdentifier"])) for each in answer["batchItemFailures"]}
        self.batches.append((len(batch), len(failed)))
        self.done += [
            self.messages.pop(message.number) for message in batch if message.number not in failed
        ]
        assert self._time.now() <= ends_at, "Lambda would have ended the function before"
        self._idle.append(worker)
