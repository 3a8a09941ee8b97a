"""The outbox: messages on their way to queues, until SQS says that it has each of them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from cmp_relay.errors import StorageError

ROUNDS = 3
MOST_MESSAGES = 10
MOST_BYTES = 240 * 1024  # a batch may have 256 KiB


class Queues(Protocol):
    """What takes messages."""

    def send_messages(self, queue_url: str, entries: list[dict[str, str]]) -> set[str]:
        """Return the ids of the entries that were not taken; raises StorageError if none were."""


def send(queues: Queues, queue_url: str, messages: Iterable[Mapping[str, Any]]) -> None:
    """Put every message into a queue; raises StorageError if one is not there."""
    for batch in _batches(messages):
        left = batch
        for _ in range(ROUNDS):
            failed = queues.send_messages(queue_url, left)
            left = [entry for entry in left if entry["Id"] in failed]
            if not left:
                break
        else:
            raise StorageError("sqs: messages were refused again and again")


def _batches(messages: Iterable[Mapping[str, Any]]) -> Iterator[list[dict[str, str]]]:
    batch: list[dict[str, str]] = []
    size = 0
    for message in messages:
        body = json.dumps(message, separators=(",", ":"))  # ASCII: a character is a byte
        if batch and (len(batch) == MOST_MESSAGES or size + len(body) > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append({"Id": str(len(batch)), "MessageBody": body})
        size += len(body)
    if batch:
        yield batch
