"""Everything that a run touches: the stack behind the proxy, the stand-in CMP, the bus."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.chaos.aws_faults import AwsFaults
from tools.chaos.aws_proxy import AwsProxy
from tools.chaos.file_truth import FOLDER_RULES
from tools.local_stack.bus_tap import BusTap
from tools.local_stack.errors import StackError
from tools.local_stack.jira import LABEL, PATH
from tools.local_stack.stack import WEBHOOK_PATH, LocalStack
from tools.stand_in.client import StandIn
from tools.stand_in_jira.client import StandInJira

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_sqs.literals import QueueAttributeNameType

    from tools.local_stack.progress import Progress

STACK = "chaos"
# Wide apart enough (137 ms) that a slot may be 1 s late, as in production (docs/decisions/0011).
LIMITS = {"per_second": 20, "per_minute": 450}
PARAMETERS = {
    "ApiRequestsPerMinute": str(LIMITS["per_minute"]),
    "ApiRequestsPerSecond": str(LIMITS["per_second"]),
    "CmpGrantType": "refresh_token",
    "FolderRules": FOLDER_RULES,
    "GoneRecheckSeconds": "1",
    "RetrySeconds": "1",
    "WorkerConcurrency": "3",
}
# A dead worker's messages come back soon after the end of its lease.
VISIBILITY_SECONDS = 45
WEBHOOK = {"retry_base_seconds": 0.5, "attempts": 9, "timeout_seconds": 30.0}
AGED_SECONDS = 120.0
DEPTHS: tuple[QueueAttributeNameType, ...] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
QUARANTINE = "QUARANTINE"
# Jira waits for minutes; as long as CMP's webhook does, so that nothing that fails outlasts it.
JIRA_RETRY_SECONDS = 3.0
CLAIM_SECONDS = 20
"""After that long a claim of a ticket is made to look older than Jira's search is late (300 s)."""


@dataclass(frozen=True)
class World:
    """One running stack with all that surrounds it."""

    stack: LocalStack
    cmp: StandIn
    jira: StandInJira
    tap: BusTap
    aws_faults: AwsFaults

    def queue_urls(self) -> dict[str, str]:
        """Return the URLs of all queues by their names, such as `ASSET_PUBLISHED_DEAD_LETTER`."""
        suffix = "_QUEUE_URL"
        return {
            name.removesuffix(suffix): url
            for name, url in self.stack.env.items()
            if name.endswith(suffix)
        }

    def work_queues(self) -> list[str]:
        """Return the names of the queues that a worker of ours takes jobs from."""
        names = self.queue_urls()
        return [name for name in names if f"{name}_DEAD_LETTER" in names]

    def waiting(self) -> int:
        """Count the messages of all work queues, visible or not."""
        return sum(self._depth(name) for name in self.work_queues())

    def age_token(self) -> None:
        """Make the stored token old enough for another one to be asked for (60 s)."""
        with self.secret("TokenSecretArn") as document:
            document["obtained_at"] -= AGED_SECONDS

    def uploads(self) -> dict[str, int]:
        """Return the parts of each key's uploads that have begun and not ended."""
        s3, bucket = self.stack.boto("s3"), self.stack.env["ASSET_BUCKET"]
        parts: Counter[str] = Counter()
        for one in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
            key, upload_id = one["Key"], one["UploadId"]
            with contextlib.suppress(s3.exceptions.NoSuchUpload):  # it has ended meanwhile
                answer = s3.list_parts(Bucket=bucket, Key=key, UploadId=upload_id)
                parts[key] += len(answer.get("Parts", []))
        return dict(parts)

    def end_leases(self, prefix: str, *, until: float) -> None:
        """End the leases with such names that end by then: those who took later ones are alive."""
        dynamodb, table = self.stack.boto("dynamodb"), self.stack.env["CATALOGUE_TABLE"]
        held = dynamodb.scan(
            TableName=table,
            ConsistentRead=True,
            FilterExpression="begins_with(pk, :prefix) AND ends_at BETWEEN :one AND :until",
            ExpressionAttributeValues={
                ":prefix": {"S": f"LEASE#{prefix}"},
                ":one": {"N": "1"},
                ":until": {"N": str(int(until * 1000))},
            },
        )
        for item in held["Items"]:
            with contextlib.suppress(dynamodb.exceptions.ConditionalCheckFailedException):
                dynamodb.update_item(
                    TableName=table,
                    Key={"pk": item["pk"], "sk": item["sk"]},
                    UpdateExpression="SET ends_at = :now",
                    ConditionExpression="#owner = :owner",
                    ExpressionAttributeNames={"#owner": "owner"},
                    ExpressionAttributeValues={":now": {"N": "0"}, ":owner": item["owner"]},
                )

    def age_claims(self) -> None:
        """Make claims of tickets that were never opened old enough for another attempt."""
        dynamodb, table = self.stack.boto("dynamodb"), self.stack.env["CATALOGUE_TABLE"]
        claims = dynamodb.scan(
            TableName=table,
            ConsistentRead=True,
            FilterExpression=(
                "sk = :ticket AND attribute_not_exists(ticket_id) AND claimed_at < :old"
            ),
            ExpressionAttributeValues={
                ":ticket": {"S": "TICKET"},
                ":old": {"N": str(int((time.time() - CLAIM_SECONDS) * 1000))},
            },
        )
        for item in claims["Items"]:
            with contextlib.suppress(dynamodb.exceptions.ConditionalCheckFailedException):
                dynamodb.update_item(
                    TableName=table,
                    Key={"pk": item["pk"], "sk": item["sk"]},
                    UpdateExpression="SET claimed_at = :long_ago",
                    ConditionExpression="claimed_at = :claimed_at",
                    ExpressionAttributeValues={
                        ":long_ago": {"N": "0"},
                        ":claimed_at": item["claimed_at"],
                    },
                )

    def ticket_of(self, sub_step_id: str) -> str | None:
        """Return the id of a sub-step's ticket, None until the relay has it on record."""
        answer = self.stack.boto("dynamodb").get_item(
            TableName=self.stack.env["CATALOGUE_TABLE"],
            Key={"pk": {"S": f"TICKET#{sub_step_id}"}, "sk": {"S": "TICKET"}},
            ConsistentRead=True,
        )
        return answer.get("Item", {}).get("ticket_id", {}).get("S")

    def is_at_work(self, queue: str) -> bool:
        """Tell whether a worker has taken messages out of a queue and not ended them yet."""
        url = self.queue_urls()[queue]
        answer = self.stack.boto("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return int(answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"]) > 0

    @contextmanager
    def secret(self, output: str) -> Iterator[dict[str, Any]]:
        """Read a secret's document and store it again as it is after the block."""
        secrets, arn = self.stack.boto("secretsmanager"), self.stack.outputs[output]
        document = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])
        yield document
        secrets.put_secret_value(SecretId=arn, SecretString=json.dumps(document))

    def _depth(self, queue: str) -> int:
        answer = self.stack.boto("sqs").get_queue_attributes(
            QueueUrl=self.queue_urls()[queue], AttributeNames=["All"]
        )
        return sum(int(answer["Attributes"][kind]) for kind in DEPTHS)


@contextmanager
def started(progress: Progress) -> Iterator[World]:
    """Start a stack whose functions reach AWS through the proxy; end it with the context."""
    faults = AwsFaults()
    proxy = AwsProxy(faults)
    try:
        with (
            LocalStack.start(
                name=STACK, parameters=PARAMETERS, between=proxy.start, progress=progress
            ) as stack,
            StandIn(stack.cmp_url) as cmp,
            StandInJira(stack.jira_url) as jira,
        ):
            tap = BusTap.on(stack.boto, stack.env["EVENT_BUS"], name="chaos")
            world = World(stack, cmp, jira, tap, faults)
            _prepare(world)
            yield world
    finally:
        proxy.stop()


def _prepare(world: World) -> None:
    """Do what is left to people and to the passing of time."""
    world.cmp.register_webhook(world.stack.webhook_url, world.stack.webhook_secret, **WEBHOOK)
    world.cmp.set_limits(**LIMITS)
    with world.secret("JiraWebhookSecretArn") as signed:
        world.jira.register(
            f"{world.stack.webhook_url.removesuffix(WEBHOOK_PATH)}{PATH}",
            secret=signed["current"],
            label=LABEL,
            retry_seconds=JIRA_RETRY_SECONDS,
        )
    with world.secret("CredentialsSecretArn") as document:
        document["refresh_token"] = world.cmp.new_refresh_token()
    answer = world.stack.functions.invoke("refresh_token", {})
    if json.loads(answer.payload).get("status") != "refreshed":
        message = f"there is no token to begin with: {answer.payload}"
        raise StackError(message)
    for name in world.work_queues():
        world.stack.boto("sqs").set_queue_attributes(
            QueueUrl=world.queue_urls()[name],
            Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS)},
        )
    world.cmp.clear_requests()
