"""The queue of commands, for those that the relay gives itself."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class CommandQueue:
    """One queue of commands."""

    client: "SQSClient"
    queue_url: str

    def put(self, command: Mapping[str, Any]) -> None:
        """Put a command's message (`commands.message`) into the queue."""
        self.client.send_message(QueueUrl=self.queue_url, MessageBody=json.dumps(command))
