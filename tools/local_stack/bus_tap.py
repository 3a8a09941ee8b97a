"""Sees what the relay puts on its event bus, the way an organization's own system would."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tools.local_stack.aws import Aws

WAIT_SECONDS = 1


@dataclass(frozen=True)
class BusTap:
    """A queue behind a rule that matches every event of the relay."""

    aws: Aws
    queue_url: str

    @classmethod
    def on(cls, aws: Aws, event_bus: str, *, name: str = "bus-tap") -> BusTap:
        """Put the rule and its queue on the bus."""
        sqs, events = aws("sqs"), aws("events")
        queue_url = sqs.create_queue(QueueName=name)["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
        arn = attributes["Attributes"]["QueueArn"]
        pattern = json.dumps({"source": ["cmp-relay"]})
        rule = events.put_rule(Name=name, EventBusName=event_bus, EventPattern=pattern)
        policy = _policy(queue=arn, rule=rule["RuleArn"])
        sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": policy})
        events.put_targets(Rule=name, EventBusName=event_bus, Targets=[{"Id": name, "Arn": arn}])
        return cls(aws, queue_url)

    def take(self, *, count: int = 0, seconds: float = 10.0) -> list[dict[str, Any]]:
        """Return the events since the last time: all there are, waiting until there are `count`."""
        taken: list[dict[str, Any]] = []
        deadline = time.monotonic() + seconds
        while True:
            received = self._receive()
            taken += received
            if not received and (len(taken) >= count or time.monotonic() > deadline):
                return taken

    def _receive(self) -> list[dict[str, Any]]:
        sqs = self.aws("sqs")
        answer = sqs.receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=WAIT_SECONDS
        )
        messages = answer.get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]


def _policy(*, queue: str, rule: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
