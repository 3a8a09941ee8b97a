"""The receiver's way to AWS: four requests, signed by botocore and sent without its clients.

A botocore client loads the description and the endpoint rules of its whole service:
docs/decisions/0001 has what that costs a cold start. Two promises hold here: an attempt takes 3 s
at most and none begins later than the deadline allows; an error names the operation and AWS's code,
never what was sent.
"""

import json
import re
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol, Self
from urllib.parse import quote

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session

from cmp_relay.errors import StorageError

ATTEMPTS = 2
ATTEMPT_SECONDS = 3.0
CONNECTION: dict[str, Any] = {
    "timeout": (1.0, 2.0),  # seconds to connect and to read
    # botocore sets it in its clients alone; without it each request waits 40 ms for the
    # acknowledgement of its headers
    "socket_options": [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
}
THROTTLING = ("Throttl", "RequestLimitExceeded", "ProvisionedThroughputExceeded", "TooManyRequests")


class Credentials(NamedTuple):
    """The execution role's keys, with the names that botocore's signer reads."""

    access_key: str
    secret_key: str
    token: str | None


class Transport(Protocol):
    """What sends a signed request."""

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """Return the answer whatever its status; raises BotoCoreError if there is none."""


class Operation(NamedTuple):
    """One operation of AWS's JSON protocols."""

    service: str
    target: str
    version: str


GET_SECRET_VALUE = Operation("secretsmanager", "secretsmanager.GetSecretValue", "1.1")
PUT_ITEM = Operation("dynamodb", "DynamoDB_20120810.PutItem", "1.0")
SEND_MESSAGE_BATCH = Operation("sqs", "AmazonSQS.SendMessageBatch", "1.0")


@dataclass(frozen=True)
class Aws:
    """AWS as one execution role sees it; `endpoint` replaces every service's own, None for AWS."""

    credentials: Credentials = field(repr=False)
    region: str
    endpoint: str | None = None
    transport: Transport = field(default_factory=lambda: URLLib3Session(**CONNECTION))
    clock: Callable[[], float] = time.monotonic
    deadline: float = float("inf")

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Read the role's keys, region and endpoint from the variables that Lambda sets."""
        return cls(
            Credentials(
                environment["AWS_ACCESS_KEY_ID"],
                environment["AWS_SECRET_ACCESS_KEY"],
                environment.get("AWS_SESSION_TOKEN"),
            ),
            environment["AWS_REGION"],
            environment.get("AWS_ENDPOINT_URL", "").rstrip("/") or None,
        )

    def within(self, seconds: float) -> Self:
        """Return the same AWS with a deadline: every request has ended `seconds` from now."""
        return replace(self, deadline=self.clock() + seconds)

    def secret(self, arn: str) -> str:
        """Return the current value of a secret; raises StorageError without one."""
        value = self._call(GET_SECRET_VALUE, {"SecretId": arn}).get("SecretString")
        if not isinstance(value, str):
            raise StorageError("secretsmanager.GetSecretValue: no text")
        return value

    def send_messages(self, queue_url: str, entries: list[dict[str, str]]) -> set[str]:
        """Send one batch to a queue and return the ids of the entries that SQS did not take."""
        answer = self._call(SEND_MESSAGE_BATCH, {"QueueUrl": queue_url, "Entries": entries})
        taken = {entry["Id"] for entry in answer.get("Successful") or ()}
        return {entry["Id"] for entry in entries} - taken

    def put_item(self, table: str, item: dict[str, dict[str, Any]]) -> None:
        """Write an item to a table, its values in DynamoDB's typed form."""
        self._call(PUT_ITEM, {"TableName": table, "Item": item})

    def put_object(self, bucket: str, key: str, body: bytes, content_type: str) -> None:
        """Write an object to a bucket."""
        host = f"https://{bucket}.s3.{self.region}.{self._suffix}"
        url = f"{f'{self.endpoint}/{bucket}' if self.endpoint else host}/{quote(key)}"
        request = AWSRequest("PUT", url, {"Content-Type": content_type}, body)
        self._send("s3.PutObject", request, self._signer(S3SigV4Auth, "s3"))

    @property
    def _suffix(self) -> str:
        return "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"

    def _signer(self, kind: type[SigV4Auth], service: str) -> SigV4Auth:
        # The signer reads the three attributes; botocore's own class would import its whole chain
        return kind(self.credentials, service, self.region)  # type: ignore[arg-type]

    def _call(self, operation: Operation, body: Mapping[str, object]) -> dict[str, Any]:
        service, target, version = operation
        url = self.endpoint or f"https://{service}.{self.region}.{self._suffix}"
        headers = {"Content-Type": f"application/x-amz-json-{version}", "X-Amz-Target": target}
        request = AWSRequest("POST", f"{url}/", headers, json.dumps(body).encode())
        answer = self._send(target, request, self._signer(SigV4Auth, service))
        try:
            document = json.loads(answer)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise StorageError(f"{target}: the answer is not an object")
        return document

    def _send(self, name: str, request: AWSRequest, signer: SigV4Auth) -> bytes:
        """Return the body of a 200, asking again once if that can help."""
        problem = "no time left"
        for _ in range(ATTEMPTS):
            if self.clock() + ATTEMPT_SECONDS > self.deadline:
                break
            signer.add_auth(request)
            try:
                answer = self.transport.send(request.prepare())
            except BotoCoreError as error:
                problem = type(error).__name__
                continue
            if answer.status_code == 200:
                return answer.content
            problem = f"{answer.status_code} {_code(answer)}"
            if answer.status_code < 500 and not any(sign in problem for sign in THROTTLING):
                break
        raise StorageError(f"{name}: {problem}")


def _code(answer: AWSResponse) -> str:
    """Return AWS's own name for an error; S3 tells it in XML, the others in a JSON `__type`."""
    text = answer.content.decode(errors="replace")
    found = re.search(r'(?:__type"\s*:\s*"(?:[^"#]*#)?|<Code>)(\w+)', text)
    return found[1] if found else "without a code"
