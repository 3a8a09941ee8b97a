import json
from collections.abc import Iterator

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectTimeoutError

from cmp_relay.aws import Aws
from cmp_relay.errors import StorageError
from tests.support.stub_server import StubServer, stub_server

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKID",
    "AWS_SECRET_ACCESS_KEY": "signing-key",
    "AWS_SESSION_TOKEN": "session",
    "AWS_REGION": "eu-west-1",
}
ENTRIES = [{"Id": "0", "MessageBody": "a"}, {"Id": "1", "MessageBody": "b"}]


@pytest.fixture
def server() -> Iterator[StubServer]:
    with stub_server() as started:
        yield started


@pytest.fixture
def aws(server: StubServer) -> Aws:
    return Aws.of(ENVIRONMENT | {"AWS_ENDPOINT_URL": f"{server.url}/"})


class Recorder:
    """A transport that reaches nothing."""

    def __init__(self) -> None:
        self.urls: list[str] = []

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        self.urls.append(request.url)
        raise ConnectTimeoutError(endpoint_url=request.url)


@pytest.mark.parametrize("endpoint", [{}, {"AWS_ENDPOINT_URL": ""}], ids=["unset", "empty"])
@pytest.mark.parametrize(
    ("region", "suffix"), [("eu-west-1", "amazonaws.com"), ("cn-north-1", "amazonaws.com.cn")]
)
def test_without_an_endpoint_each_service_is_asked_at_its_own(
    endpoint: dict[str, str], region: str, suffix: str
) -> None:
    recorder = Recorder()
    aws = Aws.of(ENVIRONMENT | endpoint | {"AWS_REGION": region})
    aws = Aws(aws.credentials, aws.region, aws.endpoint, transport=recorder)

    with pytest.raises(StorageError):
        aws.secret("arn")
    with pytest.raises(StorageError):
        aws.put_object("archive", "deliveries/a b.json", b"", "application/json")

    assert recorder.urls[::2] == [
        f"https://secretsmanager.{region}.{suffix}/",
        f"https://archive.s3.{region}.{suffix}/deliveries/a%20b.json",
    ]


def test_an_object_is_signed_and_put_under_its_bucket(aws: Aws, server: StubServer) -> None:
    aws.put_object("archive", "deliveries/1.json", b"body", "application/json")

    [asked] = server.asked
    assert (asked.method, asked.path, asked.body) == ("PUT", "/archive/deliveries/1.json", b"body")
    assert asked.headers["content-type"] == "application/json"
    assert "Credential=AKID/" in asked.headers["authorization"]
    assert "/eu-west-1/s3/aws4_request" in asked.headers["authorization"]
    assert asked.headers["x-amz-security-token"] == "session"
    assert "signing-key" not in str(asked)


def test_an_operation_is_named_by_its_target(aws: Aws, server: StubServer) -> None:
    server.answers = [(200, b'{"SecretString": "text"}')]

    assert aws.secret("arn") == "text"

    [asked] = server.asked
    assert asked.headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert asked.headers["content-type"] == "application/x-amz-json-1.1"
    assert json.loads(asked.body) == {"SecretId": "arn"}


def test_a_secret_without_text_is_none(aws: Aws, server: StubServer) -> None:
    server.answers = [(200, b'{"SecretBinary": "AA=="}')]

    with pytest.raises(StorageError):
        aws.secret("arn")


def test_messages_that_sqs_does_not_confirm_have_failed(aws: Aws, server: StubServer) -> None:
    server.answers = [(200, b'{"Successful": [{"Id": "1"}], "Failed": [{"Id": "0"}]}')]

    assert aws.send_messages("http://queue", ENTRIES) == {"0"}


@pytest.mark.parametrize("status", [500, 503])
def test_a_failing_service_is_asked_once_more(aws: Aws, server: StubServer, status: int) -> None:
    server.answers = [(status, b""), (200, b"{}")]

    aws.put_item("table", {"pk": {"S": "a"}})

    assert len(server.asked) == 2


def test_throttling_is_worth_another_attempt(aws: Aws, server: StubServer) -> None:
    server.answers = [(400, b'{"__type": "com.amazonaws#ThrottlingException"}'), (200, b"{}")]

    aws.put_item("table", {"pk": {"S": "a"}})

    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"__type": "com.amazonaws.dynamodb#AccessDeniedException"}', "AccessDeniedException"),
        (b'{"__type": "ResourceNotFoundException"}', "ResourceNotFoundException"),
        (b"<Error><Code>NoSuchBucket</Code></Error>", "NoSuchBucket"),
        (b"private words \xff", "without a code"),
    ],
)
def test_a_refusal_is_final_and_told_by_its_code_alone(
    aws: Aws, server: StubServer, body: bytes, code: str
) -> None:
    server.answers = [(400, body)]

    with pytest.raises(StorageError) as raised:
        aws.put_item("table", {"pk": {"S": "private words"}})

    assert str(raised.value) == f"DynamoDB_20120810.PutItem: 400 {code}"
    assert len(server.asked) == 1


def test_an_unreachable_service_is_tried_twice_and_told_without_its_url() -> None:
    recorder = Recorder()
    aws = Aws(Aws.of(ENVIRONMENT).credentials, "eu-west-1", transport=recorder)

    with pytest.raises(StorageError) as raised:
        aws.put_object("archive", "key", b"", "text/plain")

    assert str(raised.value) == "s3.PutObject: ConnectTimeoutError"
    assert len(recorder.urls) == 2


def test_no_attempt_begins_that_could_outlast_the_deadline() -> None:
    now = [0.0]
    recorder = Recorder()
    credentials = Aws.of(ENVIRONMENT).credentials
    aws = Aws(credentials, "eu-west-1", transport=recorder, clock=lambda: now[0]).within(8.5)

    now[0] = 5.6  # an attempt takes 3 s
    with pytest.raises(StorageError, match="no time left"):
        aws.secret("arn")

    assert not recorder.urls


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"null"])
def test_an_answer_that_is_no_answer_is_a_failure(
    aws: Aws, server: StubServer, body: bytes
) -> None:
    server.answers = [(200, body)]

    with pytest.raises(StorageError):
        aws.secret("arn")
