from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from cmp_relay.json_secrets import JsonSecret

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


@pytest.fixture
def secrets() -> Iterator["SecretsManagerClient"]:
    with mock_aws():
        client = boto3.client("secretsmanager")
        client.create_secret(Name="secret")
        yield client


def test_a_secret_without_a_value_reads_as_none(secrets: "SecretsManagerClient") -> None:
    assert JsonSecret(secrets, "secret").read() is None


def test_reads_what_was_written_with_its_version(secrets: "SecretsManagerClient") -> None:
    secret = JsonSecret(secrets, "secret")

    first = secret.write({"a": 1})
    second = secret.write({"a": 2})

    assert secret.read() == ({"a": 2}, second)
    assert first != second


@pytest.mark.parametrize("text", ["text", "[1]", '"a"', "[" * 60_000])
def test_anything_but_an_object_reads_as_empty(secrets: "SecretsManagerClient", text: str) -> None:
    secrets.put_secret_value(SecretId="secret", SecretString=text)

    found = JsonSecret(secrets, "secret").read()

    assert found is not None
    assert found[0] == {}
