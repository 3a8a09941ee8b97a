import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from cmp_relay.errors import StorageError
from cmp_relay.library_queue import LibraryQueue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class Choosy:
    """A queue that takes the first message of a batch, or none."""

    def __init__(self, *, takes: int) -> None:
        self.takes = takes
        self.taken: list[dict[str, Any]] = []

    def send_message_batch(
        self,
        QueueUrl: str,
        Entries: list[dict[str, str]],
    ) -> dict[str, Any]:
        taken, refused = Entries[: self.takes], Entries[self.takes :]
        self.taken += [{"url": QueueUrl, **json.loads(entry["MessageBody"])} for entry in taken]
        failed = [{"Id": entry["Id"]} for entry in refused]
        return {"Successful": [{}], **({"Failed": failed} if failed else {})}


def test_what_sqs_refuses_is_sent_again() -> None:
    queue = Choosy(takes=1)

    LibraryQueue(cast("SQSClient", queue), "url").send({"job_id": str(n)} for n in range(3))

    assert queue.taken == [{"url": "url", "job_id": str(number)} for number in range(3)]


def test_what_sqs_refuses_again_and_again_is_an_error() -> None:
    with pytest.raises(StorageError):
        LibraryQueue(cast("SQSClient", Choosy(takes=0)), "url").send([{"job_id": "1"}])
