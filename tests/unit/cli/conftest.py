"""A stack in moto, as the command line finds one."""

import logging
from collections.abc import Callable, Iterator
from typing import NamedTuple

import boto3
import pytest
from moto import mock_aws

from cmp_relay.telemetry import logger
from cmp_relay_cli.app import main
from cmp_relay_cli.stack import Stack
from tests.support import catalogue_table

WORK = ("AssetPublished", "LibraryAsset", "OtherEvent")
PARAMETERS = {
    "AllowUrlSecret": "false",
    "ApiRequestsPerMinute": "100",
    "ApiRequestsPerMonth": "200000",
    "ArchiveRetentionDays": "30",
}


class Ended(NamedTuple):
    """What a command has left behind."""

    code: object
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return the program itself, to be run with words."""

    def ended(*words: str) -> Ended:
        monkeypatch.setattr("sys.argv", ["cmp-relay", *words])
        with pytest.raises(SystemExit) as end:
            main()
        return Ended(end.value.code, *capsys.readouterr())

    return ended


@pytest.fixture(autouse=True)
def silence() -> None:
    """Log nothing, as the program does from its start."""
    logger.setLevel(logging.CRITICAL)


@pytest.fixture
def stack() -> Iterator[Stack]:
    with mock_aws():
        yield made()


def made() -> Stack:
    session = boto3.Session()
    sqs, outputs = session.client("sqs"), {}
    for name in (*WORK, *(f"{each}DeadLetter" for each in WORK), "Quarantine"):
        outputs[f"{name}QueueUrl"] = sqs.create_queue(QueueName=name)["QueueUrl"]
    session.client("s3").create_bucket(
        Bucket="archive", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    catalogue_table.create(session.client("dynamodb"))
    secret = session.client("secretsmanager").create_secret(Name="token")
    outputs |= {
        "CatalogueTable": "catalogue",
        "ArchiveBucket": "archive",
        "TokenSecretArn": secret["ARN"],
    }
    return Stack("relay", session, None, outputs, PARAMETERS)
