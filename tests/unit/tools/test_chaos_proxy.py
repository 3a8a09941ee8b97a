"""The proxy between functions and AWS, with a client of botocore before it."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from tools.chaos.aws_faults import FILES, AwsFault, AwsFaults
from tools.chaos.aws_proxy import AwsProxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

pytestmark = pytest.mark.enable_socket
BODY = b"x" * 200_000


@pytest.fixture
def stored() -> list[bytes]:
    return []


@pytest.fixture
def endpoint(stored: list[bytes]) -> Iterator[str]:
    """An AWS that keeps every object it is given and answers 200."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            stored.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("ETag", '"1"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def faults() -> AwsFaults:
    return AwsFaults()


@pytest.fixture
def s3(endpoint: str, faults: AwsFaults) -> Iterator[S3Client]:
    proxy = AwsProxy(faults)
    client = boto3.client(
        "s3",
        endpoint_url=proxy.start(endpoint),
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - of nobody
        config=Config(retries={"total_max_attempts": 1}),
    )
    yield client
    client.close()
    proxy.stop()


def put(s3: S3Client, key: str = "details.json") -> None:
    s3.put_object(Bucket="bucket", Key=key, Body=BODY)


def test_a_call_without_a_fault_is_passed_on_whole(
    s3: S3Client, stored: list[bytes], faults: AwsFaults
) -> None:
    put(s3)

    assert stored == [BODY]
    assert faults.calls == {"s3": 1}


@pytest.mark.parametrize(("moment", "arrived"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("kind", ["throttled", "failing"])
def test_a_call_fails_before_or_after_it_was_done(
    s3: S3Client, stored: list[bytes], faults: AwsFaults, kind: str, moment: str, arrived: int
) -> None:
    faults.order(AwsFault("s3", kind, moment))  # type: ignore[arg-type]

    with pytest.raises(ClientError, match=r"SlowDown|InternalServerError"):
        put(s3)

    assert len(stored) == arrived
    assert faults.met == {f"s3 {kind} {moment}": 1}


@pytest.mark.parametrize(("moment", "arrived"), [("before", 0), ("after", 1)])
def test_a_connection_is_dropped_before_or_after_the_call_was_done(
    s3: S3Client, stored: list[bytes], faults: AwsFaults, moment: str, arrived: int
) -> None:
    faults.order(AwsFault("s3", "dropped", moment))  # type: ignore[arg-type]

    with pytest.raises(ConnectionClosedError):
        put(s3)

    assert len(stored) == arrived


def test_a_fault_befalls_its_own_service_and_as_many_calls_as_ordered(
    s3: S3Client, stored: list[bytes], faults: AwsFaults
) -> None:
    faults.order(AwsFault("sqs", "failing"))
    faults.order(AwsFault("s3", "failing", calls=2))

    for _ in range(2):
        with pytest.raises(ClientError):
            put(s3)
    put(s3)

    assert len(stored) == 1
    assert faults.met == {"s3 failing before": 2}


def test_a_fault_of_files_spares_documents(
    s3: S3Client, stored: list[bytes], faults: AwsFaults
) -> None:
    faults.order(AwsFault(FILES, "throttled"))

    put(s3)
    with pytest.raises(ClientError, match="SlowDown"):
        put(s3, "assets/image/a/1/Sample.jpg")

    assert len(stored) == 1
    assert faults.met == {"s3 files throttled before": 1}
