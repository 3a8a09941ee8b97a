"""A walk through a queue: SQS cannot be asked for some of its messages, so all are looked at.

What was seen stays hidden while the walk lasts, half a minute at a time, and is shown again at its
end. A walk that is killed hides it no longer than that, and the next one waits for what it lacks.
"""

import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from cmp_relay_cli import status
from cmp_relay_cli.errors import OperatorError
from cmp_relay_cli.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

Value = TypeVar("Value")

HIDDEN_SECONDS = 30
"""How long messages are hidden at a time; the walk renews that when half of it is over."""
RENEWED_PER_SECOND = 50
"""A second more for so many messages: to renew it takes a request for each ten of them."""
WAIT_SECONDS = 1
"""How long a receive waits for messages: with none, SQS asks only some of its servers."""
IDLE_RECEIVES = 3
"""So often a queue may show nothing new before it is taken to be empty.

Once as many were seen as it held at first, more of them count as nothing new: jobs can fail as fast
as their dead letters are looked at, and a walk has to end.
"""
MOST_MESSAGES = 10


class QueueWalk:
    """One walk through one queue, and the messages that it hides from others."""

    def __init__(self, stack: Stack, url: str) -> None:
        """Begin with nothing seen."""
        self._stack = stack
        self._url = url
        self._handles: dict[str, str] = {}
        self._deleted: set[str] = set()
        self._renew_at = 0.0
        self.saw_all = False
        """Whether the queue held nothing in the end that this walk has not seen."""

    def messages(self, lacks: Callable[[], bool]) -> Generator[list["MessageTypeDef"], None, None]:
        """Yield the messages, each once; in the end show those again that were not deleted.

        While the caller `lacks` any, it waits as long as a walk that was killed may have hidden it.
        """
        idle, patient_until = 0, math.inf
        try:
            held = sum(status.counts(self._stack, self._url))
            while idle < IDLE_RECEIVES or (time.monotonic() < patient_until and lacks()):
                fresh = self._receive()
                if fresh:
                    yield fresh
                if fresh and len(self._handles) <= held:
                    idle = 0
                    continue
                idle += 1
                if idle == IDLE_RECEIVES:
                    patient_until = time.monotonic() + self._longest_hidden()
            left = len(self._handles) - len(self._deleted)
            self.saw_all = sum(status.counts(self._stack, self._url)) <= left
        finally:
            self._hide(0)

    def delete(self, messages: Sequence["MessageTypeDef"]) -> None:
        """Delete messages; raises OperatorError if one was not."""
        for batch in _tens(messages):
            answer = self._stack.sqs.delete_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(batch)
                ],
            )
            if answer.get("Failed"):
                raise OperatorError("SQS did not delete every dead letter: repeat the command")
            self._deleted |= {message["MessageId"] for message in batch}

    def _receive(self) -> list["MessageTypeDef"]:
        """Receive messages and return those that this walk has not seen."""
        answer = self._stack.sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=MOST_MESSAGES,
            VisibilityTimeout=self._seconds(len(self._handles)),
            WaitTimeSeconds=WAIT_SECONDS,
            MessageAttributeNames=["All"],
        )
        messages = answer.get("Messages", [])
        fresh = [each for each in messages if each["MessageId"] not in self._handles]
        self._handles |= {each["MessageId"]: each["ReceiptHandle"] for each in messages}
        # Also at once: who may not do it is to learn that before anything is moved.
        if time.monotonic() >= self._renew_at:
            self._hide(self._seconds(len(self._handles)))
        return fresh

    def _hide(self, seconds: int) -> None:
        """Hide what was seen and not deleted for so long from now on; 0 shows it."""
        began = time.monotonic()
        left = [handle for name, handle in self._handles.items() if name not in self._deleted]
        for batch in _tens(left):
            self._stack.sqs.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
                    for number, handle in enumerate(batch)
                ],
            )
        self._renew_at = began + seconds / 2

    def _longest_hidden(self) -> int:
        """Return how long (s) a walk that was killed may hide messages of this queue."""
        count = sum(status.counts(self._stack, self._url))
        return self._seconds(count) if count else 0

    @staticmethod
    def _seconds(count: int) -> int:
        return HIDDEN_SECONDS + count // RENEWED_PER_SECOND


def _tens(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    """Yield what fits into one request."""
    for start in range(0, len(values), MOST_MESSAGES):
        yield values[start : start + MOST_MESSAGES]
