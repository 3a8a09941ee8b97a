"""Everything that receive_webhook writes to, in moto, and what is to be found there afterwards."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.httpsession import URLLib3Session
from moto import mock_aws
from moto.core.models import botocore_stubber

from tests.support import catalogue_table, environment

SECRET = "current-secret-0123456789abcdef"  # noqa: S105
OLD_SECRET = "accepted-secret-0123456789abcde"  # noqa: S105
QUEUES = (
    *("asset-published", "asset-synced", "asset-unpublished"),
    *("library-asset", "other-event", "quarantine", "ticket"),
)


def send_through_moto(_session: URLLib3Session, request: AWSPreparedRequest) -> AWSResponse:
    """Answer a signed request that no botocore client made, as moto answers those of clients."""
    answer: AWSResponse | None = botocore_stubber("before-send", request)
    if answer is None:
        pytest.fail(f"a request would have left the process: {request.method} {request.url}")
    return answer


class ReceiverStack:
    """The receiver's queues, archive, table and secret."""

    def __init__(self) -> None:
        """Create them all, empty but for the secrets."""
        self.sqs = boto3.client("sqs")
        self.s3 = boto3.client("s3")
        self.dynamodb = boto3.client("dynamodb")
        self.secrets = boto3.client("secretsmanager")
        for name in QUEUES:
            self.sqs.create_queue(QueueName=name)
        self.s3.create_bucket(
            Bucket="archive", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        catalogue_table.create(self.dynamodb)
        secret = json.dumps({"current": SECRET, "accepted": [OLD_SECRET, ""]})
        for name in ("jira-webhook", "webhook"):
            self.secrets.create_secret(Name=name, SecretString=secret)

    def messages(self, queue: str) -> list[dict[str, Any]]:
        """Return and remove what is in a queue."""
        found: list[dict[str, Any]] = []
        url = environment.queue_url(queue)
        while batch := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in batch:
                found.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def archived(self) -> list[dict[str, Any]]:
        """Return every object of the archive."""
        objects = self.s3.list_objects_v2(Bucket="archive").get("Contents", [])
        return [self.archived_at(each["Key"]) for each in objects]

    def archived_at(self, key: str) -> dict[str, Any]:
        """Return one object of the archive."""
        body = self.s3.get_object(Bucket="archive", Key=key)["Body"].read()
        document: dict[str, Any] = json.loads(body)
        return document

    def items(self) -> list[dict[str, Any]]:
        """Return every item of the catalogue."""
        return list(self.dynamodb.scan(TableName="catalogue")["Items"])

    def is_empty(self) -> bool:
        """Tell whether nothing at all was stored."""
        return not any((self.archived(), self.items(), *map(self.messages, QUEUES)))


@contextmanager
def receiver_stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReceiverStack]:
    """Yield a fresh stack that signed requests reach as well as boto3's clients."""
    with mock_aws():
        monkeypatch.setattr(URLLib3Session, "send", send_through_moto)
        yield ReceiverStack()
