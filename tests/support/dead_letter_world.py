"""Dead letters as a worker leaves them: a JOB item with its outcome and a message beside it."""

import json
from collections.abc import Iterable, Iterator

from moto.sqs.models import sqs_backends

from cmp_relay.dead_letters import DeadLetters
from cmp_relay.jobs import Job
from cmp_relay_cli.stack import Stack
from tests.support import environment

EVENT, QUEUE = "task_added", "OtherEvent"


def job(name: str, *, delivery: str = "d", event_name: str = EVENT) -> Job:
    """Return a job of an event without a worker of its own."""
    return Job.model_validate(
        {
            "schema": 1,
            "job_id": name,
            "delivery_id": delivery,
            "received_at": 1_763_700_000_000,
            "event_name": event_name,
            "channel": "default",
            "archive_key": f"deliveries/2026/11/21/{delivery}.json",
            "entry": "/data",
        }
    )


def bury(
    stack: Stack, jobs: Iterable[Job], *, reason: str = "unavailable", queue: str = QUEUE
) -> None:
    """Let each job become a dead letter, each a second after the one before."""
    letters = DeadLetters(stack.sqs, stack.dead_letter_queue(queue))
    for number, each in enumerate(jobs):
        body = each.model_dump_json(by_alias=True, exclude_none=True)
        letters.send(body, reason=reason, detail="five times", job=each, attempts=5)
        # In one write: moto copies whole tables for the transaction that a worker makes.
        stack.dynamodb.put_item(
            TableName=stack.table,
            Item={
                "pk": {"S": f"JOB#{each.job_id}"},
                "sk": {"S": "JOB"},
                "delivery_id": {"S": each.delivery_id},
                "event_name": {"S": each.event_name},
                "cause": {"S": each.cause},
                "received_at": {"N": str(each.received_at)},
                "archive_key": {"S": each.archive_key or "-"},
                "asset_id": {"NULL": True},
                "attempts": {"N": "5"},
                "outcome": {"S": "dead_lettered"},
                "reason": {"S": f"{reason}: five times"},
                "ended_at": {"N": str(each.received_at + 1000 * number)},
            },
        )


def visible(stack: Stack, url: str) -> int:
    """Return how many messages of a queue can be received now."""
    answer = stack.sqs.get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def show_again(queue: str = QUEUE) -> None:
    """Let the time be over for which whoever was killed has hidden messages."""
    backend = sqs_backends[environment.ACCOUNT][environment.REGION]
    for message in backend.queues[f"{queue}DeadLetter"]._messages:
        message.change_visibility(0)


def taken(stack: Stack, url: str) -> Iterator[str]:
    """Take every message off a queue and yield its job's id."""
    while messages := stack.sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    ).get("Messages"):
        for message in messages:
            stack.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            assert message["MessageAttributes"]["reason"]["StringValue"]
            yield json.loads(message["Body"])["job_id"]
