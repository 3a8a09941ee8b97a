"""Our own clients of AWS: how long they wait, how often they try, and one of each kind.

A client costs 10 to 70 ms of CPU to make, so the parts of a function share them.
"""

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

CONFIG = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
)
"""A call of AWS that fails has failed within about 20 s, well before a worker's time is over."""

# S3 answers a copy or the end of an upload of gigabytes only when it is done.
FILE_CONFIG = Config(
    connect_timeout=2, read_timeout=120, retries={"mode": "standard", "total_max_attempts": 3}
)

INVOKE_SECONDS = 30  # refresh_token's own time-out is 25
# Asking twice would count as two forced refreshes.
INVOKE_CONFIG = Config(
    connect_timeout=3, read_timeout=INVOKE_SECONDS, retries={"total_max_attempts": 1}
)


@cache
def dynamodb() -> "DynamoDBClient":
    """Return the client of the catalogue's service."""
    return boto3.client("dynamodb", config=CONFIG)


@cache
def events() -> "EventBridgeClient":
    """Return the client of the bus's service."""
    return boto3.client("events", config=CONFIG)


@cache
def files() -> "S3Client":
    """Return the client of the buckets' service for large objects."""
    return boto3.client("s3", config=FILE_CONFIG)


@cache
def invoking() -> "LambdaClient":
    """Return a Lambda client that waits for refresh_token to end and never asks twice."""
    return boto3.client("lambda", config=INVOKE_CONFIG)


@cache
def s3() -> "S3Client":
    """Return the client of the buckets' service."""
    return boto3.client("s3", config=CONFIG)


@cache
def secrets() -> "SecretsManagerClient":
    """Return the client of the secrets' service."""
    return boto3.client("secretsmanager", config=CONFIG)


@cache
def sqs() -> "SQSClient":
    """Return the client of the queues' service."""
    return boto3.client("sqs", config=CONFIG)
