"""What the receiver signs and sends itself is what botocore's clients would have sent."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from cmp_relay.aws import Aws

ENTRIES = [{"Id": "0", "MessageBody": '{"a":"ä"}'}]
ITEM = {"pk": {"S": "QUARANTINE#1"}, "sk": {"S": "QUARANTINE"}, "received_at": {"N": "1"}}
KEY = "deliveries/2026/11/21/00000000-0000-4000-8000-000000000000.json"
QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/queue"


class Answer(BytesIO):
    """The raw body of an answer."""

    def stream(self) -> list[bytes]:
        return [self.read()]


class Recorder:
    """Takes requests in place of AWS, and answers what every operation can read."""

    def send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        self.request = request
        content = b'{"SecretString": "text", "Successful": [{"Id": "0"}]}'
        if request.method == "PUT":
            content = b""
        return AWSResponse(request.url, 200, {}, Answer(content))  # type: ignore[arg-type]


def ours(act: Callable[[Aws], object], region: str) -> AWSPreparedRequest:
    recorder = Recorder()
    environment = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_REGION": region,
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
    act(Aws(Aws.of(environment).credentials, region, transport=recorder))
    return recorder.request


def theirs(service: str, operation: str, region: str, **given: object) -> AWSPreparedRequest:
    recorder = Recorder()
    client = boto3.client(service, region_name=region)  # type: ignore[call-overload]
    client.meta.events.register("before-send", recorder.send)
    getattr(client, operation)(**given)
    return recorder.request


def shape(request: AWSPreparedRequest) -> dict[str, Any]:
    """Return what decides how AWS takes a request."""
    headers = {name.lower(): _text(value) for name, value in request.headers.items()}
    scope = headers["authorization"].split(",")[0].split("/", 2)[2]  # region, service, protocol
    body = request.body if isinstance(request.body, bytes) else b""
    return {
        "method": request.method,
        "url": request.url,
        "scope": scope,
        "content-type": headers.get("content-type"),
        "target": headers.get("x-amz-target"),
        "body": json.loads(body) if headers.get("x-amz-target") else None,
    }


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


# Not us-east-1: for S3 the clients still name it by its first, global name there
@pytest.mark.parametrize("region", ["eu-west-1", "us-west-2", "cn-north-1"])
@pytest.mark.parametrize(
    ("act", "service", "operation", "given"),
    [
        (
            lambda aws: aws.secret("arn"),
            "secretsmanager",
            "get_secret_value",
            {"SecretId": "arn"},
        ),
        (
            lambda aws: aws.send_messages(QUEUE, ENTRIES),
            "sqs",
            "send_message_batch",
            {"QueueUrl": QUEUE, "Entries": ENTRIES},
        ),
        (
            lambda aws: aws.put_item("catalogue", ITEM),
            "dynamodb",
            "put_item",
            {"TableName": "catalogue", "Item": ITEM},
        ),
        (
            lambda aws: aws.put_object("archive", KEY, b"{}", "application/json"),
            "s3",
            "put_object",
            {"Bucket": "archive", "Key": KEY, "Body": b"{}", "ContentType": "application/json"},
        ),
    ],
    ids=["GetSecretValue", "SendMessageBatch", "PutItem", "PutObject"],
)
def test_a_signed_request_has_the_shape_of_the_clients(
    act: Callable[[Aws], object],
    service: str,
    operation: str,
    given: dict[str, object],
    region: str,
) -> None:
    assert shape(ours(act, region)) == shape(theirs(service, operation, region, **given))
