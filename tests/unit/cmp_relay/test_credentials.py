import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from cmp_relay.credentials import Credentials, CredentialsSecret
from cmp_relay.errors import CredentialsError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

FILLED_IN = {"client_id": "id", "client_secret": "secret", "refresh_token": "r1", "note": "ours"}


@pytest.fixture
def secrets() -> Iterator["SecretsManagerClient"]:
    with mock_aws():
        client = boto3.client("secretsmanager")
        client.create_secret(Name="credentials")
        yield client


def fill_in(client: "SecretsManagerClient", content: object) -> None:
    client.put_secret_value(SecretId="credentials", SecretString=json.dumps(content))


def stored(client: "SecretsManagerClient") -> object:
    return json.loads(client.get_secret_value(SecretId="credentials")["SecretString"])


def test_reads_what_the_grant_needs(secrets: "SecretsManagerClient") -> None:
    fill_in(secrets, {**FILLED_IN, "client_id": " id\n"})

    by_client = CredentialsSecret(secrets, "credentials", "client_credentials").read()
    by_token = CredentialsSecret(secrets, "credentials", "refresh_token").read()

    assert by_client == Credentials("id", "secret")
    assert by_token == Credentials("id", "secret", "r1")
    assert "secret" not in repr(by_token).replace("client_secret", "")


def test_says_that_nothing_is_filled_in(secrets: "SecretsManagerClient") -> None:
    with pytest.raises(CredentialsError, match="has no value"):
        CredentialsSecret(secrets, "credentials", "client_credentials").read()


@pytest.mark.parametrize("key", ["client_id", "client_secret", "refresh_token"])
@pytest.mark.parametrize("value", ["", "  ", None, 7, "REPLACE_ME", "<your id>", "ChangeMe"])
def test_names_the_key_that_a_person_has_to_fill_in(
    secrets: "SecretsManagerClient", key: str, value: object
) -> None:
    fill_in(secrets, {**FILLED_IN, key: value})

    with pytest.raises(CredentialsError, match=f"^{key} "):
        CredentialsSecret(secrets, "credentials", "refresh_token").read()


def test_stores_a_rotated_refresh_token_beside_the_other_keys(
    secrets: "SecretsManagerClient",
) -> None:
    fill_in(secrets, FILLED_IN)
    secret = CredentialsSecret(secrets, "credentials", "refresh_token")

    secret.rotate(secret.read(), "r2")

    assert stored(secrets) == {**FILLED_IN, "refresh_token": "r2"}


@pytest.mark.parametrize("answered", [None, "r1"])
def test_keeps_the_refresh_token_that_cmp_did_not_replace(
    secrets: "SecretsManagerClient", answered: str | None
) -> None:
    fill_in(secrets, FILLED_IN)
    secret = CredentialsSecret(secrets, "credentials", "refresh_token")

    secret.rotate(secret.read(), answered)

    assert len(secrets.list_secret_version_ids(SecretId="credentials")["Versions"]) == 1


def test_keeps_the_refresh_token_that_a_person_put_in_meanwhile(
    secrets: "SecretsManagerClient",
) -> None:
    fill_in(secrets, FILLED_IN)
    secret = CredentialsSecret(secrets, "credentials", "refresh_token")
    used = secret.read()
    fill_in(secrets, {**FILLED_IN, "refresh_token": "from a person"})

    secret.rotate(used, "r2")

    assert stored(secrets) == {**FILLED_IN, "refresh_token": "from a person"}


def test_writes_nothing_for_client_credentials(secrets: "SecretsManagerClient") -> None:
    fill_in(secrets, FILLED_IN)
    secret = CredentialsSecret(secrets, "credentials", "client_credentials")

    secret.rotate(secret.read(), "r2")

    assert stored(secrets) == FILLED_IN


def test_stores_what_a_login_led_to_beside_the_other_keys(secrets: "SecretsManagerClient") -> None:
    login = Credentials("other id", "other secret", "r9")
    secret = CredentialsSecret(secrets, "credentials", "refresh_token")

    secret.store(login)
    assert secret.read() == login
    fill_in(secrets, FILLED_IN)
    secret.store(login)

    assert secret.read() == login
    assert stored(secrets) == {
        "client_id": "other id",
        "client_secret": "other secret",
        "refresh_token": "r9",
        "note": "ours",
    }


def test_rehearses_beside_what_there_is_and_not_at_all_where_nothing_is(
    secrets: "SecretsManagerClient",
) -> None:
    secret = CredentialsSecret(secrets, "credentials", "refresh_token")

    secret.rehearse()
    assert secrets.list_secret_version_ids(SecretId="credentials")["Versions"] == []
    fill_in(secrets, FILLED_IN)
    current = secrets.get_secret_value(SecretId="credentials")["VersionId"]
    for _ in range(2):
        secret.rehearse()

    found = secrets.get_secret_value(SecretId="credentials")
    assert (found["VersionId"], stored(secrets)) == (current, FILLED_IN)
    versions = secrets.list_secret_version_ids(SecretId="credentials")["Versions"]
    labels = [each["VersionStages"] for each in versions if each.get("VersionStages")]
    assert sorted(labels) == [["AWSCURRENT"], ["CMP_RELAY_REHEARSED"]]
