"""The queue of library jobs, for those that the relay gives itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from cmp_relay import outbox

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef


@dataclass(frozen=True, slots=True)
class LibraryQueue:
    """One queue of library jobs."""

    client: "SQSClient"
    queue_url: str

    def send(self, jobs: Iterable[Mapping[str, Any]]) -> None:
        """Put every job into the queue; raises StorageError if one is not there."""
        outbox.send(self, self.queue_url, jobs)

    def send_messages(self, queue_url: str, entries: list[dict[str, str]]) -> set[str]:
        """Send one batch and return the ids of the entries that SQS did not take."""
        batch = cast("list[SendMessageBatchRequestEntryTypeDef]", entries)
        answer = self.client.send_message_batch(QueueUrl=queue_url, Entries=batch)
        return {refused["Id"] for refused in answer.get("Failed", ())}
