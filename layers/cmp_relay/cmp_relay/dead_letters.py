"""The dead-letter queue of a worker: jobs that cannot succeed, each with its reason."""

from typing import TYPE_CHECKING

from cmp_relay.jobs import Job

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef

LONGEST_DETAIL = 500


class DeadLetters:
    """One dead-letter queue."""

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        """Send to `queue_url` through `client`."""
        self._client = client
        self._queue_url = queue_url

    def send(self, body: str, *, reason: str, detail: str, job: Job | None, attempts: int) -> None:
        """Send a message there with why, and which job it is if that could be read."""
        facts = {"reason": reason, "detail": detail[:LONGEST_DETAIL], "attempts": str(attempts)}
        if job:
            facts |= {
                "job_id": job.job_id,
                "delivery_id": job.delivery_id,
                "event_name": job.event_name,
            }
        attributes: dict[str, MessageAttributeValueTypeDef] = {
            name: {"DataType": "String", "StringValue": value or "-"}
            for name, value in facts.items()
        }
        self._client.send_message(
            QueueUrl=self._queue_url, MessageBody=body, MessageAttributes=attributes
        )
