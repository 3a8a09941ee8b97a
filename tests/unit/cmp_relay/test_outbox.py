import json
from dataclasses import dataclass, field

import pytest

from cmp_relay import outbox
from cmp_relay.errors import StorageError


@dataclass
class Queue:
    """A queue that refuses the messages of each round that it is told to."""

    refusals: list[set[int]] = field(default_factory=list)
    batches: list[list[int]] = field(default_factory=list)
    largest: int = 0

    def send_messages(self, queue_url: str, entries: list[dict[str, str]]) -> set[str]:
        assert len({entry["Id"] for entry in entries}) == len(entries)
        numbers = {entry["Id"]: json.loads(entry["MessageBody"])["n"] for entry in entries}
        self.batches.append(list(numbers.values()))
        self.largest = max(self.largest, sum(len(entry["MessageBody"]) for entry in entries))
        refused = self.refusals.pop(0) if self.refusals else set()
        return {name for name, number in numbers.items() if number in refused}


def numbered(count: int, size: int = 0) -> list[dict[str, object]]:
    return [{"n": number, "text": "x" * size} for number in range(count)]


def test_sends_ten_messages_at_a_time() -> None:
    queue = Queue()

    outbox.send(queue, "url", numbered(23))

    assert queue.batches == [list(range(10)), list(range(10, 20)), [20, 21, 22]]


def test_a_batch_stays_under_what_sqs_takes() -> None:
    queue = Queue()

    outbox.send(queue, "url", numbered(7, size=100 * 1024))

    assert queue.batches == [[0, 1], [2, 3], [4, 5], [6]]
    assert queue.largest <= 240 * 1024


def test_nothing_to_send_is_no_request() -> None:
    queue = Queue()

    outbox.send(queue, "url", [])

    assert not queue.batches


def test_only_what_failed_is_sent_again() -> None:
    queue = Queue(refusals=[{1, 3}, {3}])

    outbox.send(queue, "url", numbered(4))

    assert queue.batches == [[0, 1, 2, 3], [1, 3], [3]]


def test_gives_up_after_the_third_refusal() -> None:
    queue = Queue(refusals=[{1}, {1}, {1}])

    with pytest.raises(StorageError):
        outbox.send(queue, "url", numbered(2))

    assert queue.batches == [[0, 1], [1], [1]]
