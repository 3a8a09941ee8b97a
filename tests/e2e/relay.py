"""The running stack as a test sees it: CMP on one side, catalogue, bus and queues on the other."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import boto3.dynamodb.types
import httpx
import pytest

from cmp_relay.file_events import FILES_CHANGED
from tools.local_stack.bus_tap import BusTap
from tools.local_stack.stack import LocalStack
from tools.scenario import jobs
from tools.scenario.jobs import EndedJob
from tools.schemas import events
from tools.stand_in.client import StandIn

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.2
SETTLE_SECONDS = 3.0
"""How long a test waits for what must not come: longer than a redelivery after a held lease."""

Seen = TypeVar("Seen")
Item = dict[str, Any]


@dataclass
class Relay:
    """One stack with its CMP and a tap on its bus."""

    stack: LocalStack
    cmp: StandIn
    tap: BusTap
    _events: list[Item] = field(default_factory=list)

    def register_webhook(self) -> None:
        """Let CMP send its deliveries to the stack."""
        self.cmp.register_webhook(self.stack.webhook_url, self.stack.webhook_secret)

    def post(
        self,
        content: bytes | str,
        *,
        path: str = "",
        secret: str | None = None,
        headers: dict[str, str] | None = None,
        method: str = "POST",
    ) -> httpx.Response:
        """Send a request to the webhook's URL plus `path`; `secret` goes into Callback-Secret."""
        shown = {"Callback-Secret": secret} if secret is not None else {}
        with httpx.Client(trust_env=False, timeout=30) as client:
            url = f"{self.stack.webhook_url}{path}"
            return client.request(
                method, url, content=content, headers={**shown, **(headers or {})}
            )

    def ended(self, answer: dict[str, Any], seconds: float = PATIENCE_SECONDS) -> list[EndedJob]:
        """Wait until every job of an accepted delivery has its outcome and return them."""
        found = jobs.wait(self.stack, answer["delivery_id"], answer["jobs"], seconds)
        unfinished = [job for job in found if job.outcome is None]
        assert len(found) == answer["jobs"], "jobs that no worker has seen"
        assert not unfinished, unfinished
        return found

    def outcomes(self, sent: Any) -> list[str | None]:  # noqa: ANN401 - what StandIn answers
        """Wait for the jobs of all deliveries that a publish, sync or unpublish led to."""
        return [
            job.outcome
            for delivery in sent["deliveries"]
            for job in self.ended(delivery["response"])
        ]

    def state(self, asset_id: str) -> dict[str, Item]:
        """Return an asset's items by sort key."""
        answer = self.stack.boto("dynamodb").query(
            TableName=self.stack.env["CATALOGUE_TABLE"],
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"ASSET#{asset_id}"}},
        )
        return {item["sk"]: item for item in map(_plain, answer["Items"])}

    def asset(self, asset_id: str) -> Item:
        """Return an asset's own item."""
        return self.state(asset_id)["ASSET"]

    def item(self, pk: str, sk: str) -> Item | None:
        """Return any item of the catalogue table."""
        answer = self.stack.boto("dynamodb").get_item(
            TableName=self.stack.env["CATALOGUE_TABLE"],
            Key={"pk": {"S": pk}, "sk": {"S": sk}},
            ConsistentRead=True,
        )
        return _plain(answer["Item"]) if "Item" in answer else None

    def document(self, key: str) -> Any:  # noqa: ANN401 - JSON can be anything
        """Return a JSON document of the asset bucket."""
        answer = self.stack.boto("s3").get_object(Bucket=self.stack.env["ASSET_BUCKET"], Key=key)
        return json.loads(answer["Body"].read())

    def objects(self, prefix: str) -> dict[str, int]:
        """Return the sizes of the asset bucket's files under a prefix, by key."""
        pages = (
            self.stack.boto("s3")
            .get_paginator("list_objects_v2")
            .paginate(Bucket=self.stack.env["ASSET_BUCKET"], Prefix=prefix)
        )
        return {
            found["Key"]: found["Size"]
            for page in pages
            for found in page.get("Contents", [])
            if not found["Key"].endswith(".json")
        }

    def archived(self) -> set[str]:
        """Return the keys of all archived deliveries."""
        pages = (
            self.stack.boto("s3")
            .get_paginator("list_objects_v2")
            .paginate(Bucket=self.stack.env["ARCHIVE_BUCKET"])
        )
        return {found["Key"] for page in pages for found in page.get("Contents", [])}

    def events(self, asset_id: str, count: int = 0, *, of_files: bool = False) -> list[Item]:
        """Return the events of an asset, waiting for `count` of them, else for stragglers.

        Those of its files come in their own time, so they are asked for on their own.
        """
        return self.told(
            lambda one: (
                one["detail"].get("asset", {}).get("id") == asset_id
                and (one["detail-type"] == FILES_CHANGED) == of_files
            ),
            count,
        )

    def told(self, is_meant: Callable[[Item], bool], count: int = 0) -> list[Item]:
        """Return the events that are meant, waiting for `count` of them, else for stragglers.

        Raises ContractError if any event breaks its schema.
        """
        deadline = time.monotonic() + (PATIENCE_SECONDS if count else SETTLE_SECONDS)
        while True:
            fresh = self.tap.take(seconds=0)
            self._events += fresh
            for event in fresh:
                events.check(event["detail-type"], event["detail"])
            found = [one for one in self._events if is_meant(one)]
            if (count and len(found) >= count) or time.monotonic() > deadline:
                return found

    def every_event(self) -> list[Item]:
        """Return all that the bus has carried since the relay has been running."""
        self._events += self.tap.take(seconds=0)
        return list(self._events)

    def requests(self, asset_id: str) -> list[Any]:
        """Return the requests to CMP's API that concern an asset."""
        return [one for one in self.cmp.requests("/v3") if asset_id in one["path"]]

    def messages(self, queue: str, seconds: float = PATIENCE_SECONDS) -> Iterator[Item]:
        """Take messages off a queue (`QUARANTINE`, …) until none comes within the time."""
        sqs, url = self.stack.boto("sqs"), self.stack.env[f"{queue}_QUEUE_URL"]
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            answer = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=1,
                MessageAttributeNames=["All"],
            )
            for message in answer.get("Messages", []):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                yield dict(message)

    def message_of(self, queue: str, marker: str) -> Item:
        """Take messages off a queue until one holds the marker."""
        for message in self.messages(queue):
            if marker in message["Body"]:
                return message
        raise AssertionError(f"no message about {marker} in {queue}")

    def wait(self, look: Callable[[], Seen | None], what: str) -> Seen:
        """Look until something is seen."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            seen = look()
            if seen:
                return seen
            time.sleep(PAUSE_SECONDS)
        raise AssertionError(f"did not come: {what}")

    def restart(self, function: str) -> int:
        """Kill a function's execution environments in whatever they do; return how many."""
        killed = self.stack.functions.processes(function)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        # The local Lambda must have seen their end before it is handed more work.
        self.wait(lambda: not self.stack.functions.processes(function), "the workers' end")
        return len(killed)

    @contextmanager
    def denied(self, function: str, action: str) -> Iterator[None]:
        """Take a right away from a function's role while the block runs."""
        iam = self.stack.boto("iam")
        role = self.stack.resources.physical_id(
            "".join(word.capitalize() for word in function.split("_")) + "Role"
        )
        statement = {"Effect": "Deny", "Action": action, "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName=role, PolicyName="test-denies", PolicyDocument=policy)
        try:
            yield
        finally:
            iam.delete_role_policy(RoleName=role, PolicyName="test-denies")

    @contextmanager
    def environment(self, function: str, **variables: str) -> Iterator[None]:
        """Change a function's environment variables while the block runs."""
        functions = self.stack.boto("lambda")
        name = self.stack.functions.physical_name(function)
        before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": {**before, **variables}}
        )
        try:
            yield
        finally:
            functions.update_function_configuration(
                FunctionName=name, Environment={"Variables": before}
            )


def _plain(item: Item) -> Item:
    read = boto3.dynamodb.types.TypeDeserializer()
    return {name: read.deserialize(value) for name, value in item.items()}


@contextmanager
def started(name: str, parameters: dict[str, str], session: pytest.Session) -> Iterator[Relay]:
    """Yield a relay on a stack of its own; its logs stay if a test of the session has failed."""
    # The process in the name: two runs side by side must not end each other's stack.
    with (
        LocalStack.start(name=f"{name}-{os.getpid()}", parameters=parameters) as stack,
        StandIn(stack.cmp_url) as cmp,
    ):
        yield Relay(stack, cmp, BusTap.on(stack.boto, stack.env["EVENT_BUS"]))
    if not session.testsfailed:
        shutil.rmtree(stack.folder.root)
