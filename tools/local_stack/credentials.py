"""The secrets of the local stack: what CMP expects of us and what we expect of CMP."""

from __future__ import annotations

import json
import os
import secrets
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.local_stack.errors import DeploymentError

if TYPE_CHECKING:
    from tools.local_stack.aws import Aws
    from tools.local_stack.resources import Resources

CREDENTIALS_OUTPUT = "CredentialsSecretArn"
WEBHOOK_OUTPUT = "WebhookSecretArn"
REFRESH_OUTPUT = "RefreshTokenFunctionName"
LETTERS_AND_DIGITS = string.ascii_letters + string.digits


@dataclass(frozen=True)
class ClientCredentials:
    """What the relay asks CMP for tokens with."""

    client_id: str
    client_secret: str

    @classmethod
    def made_up(cls) -> ClientCredentials:
        """Return credentials that are unique, so that a search of the logs can find them."""
        return cls(f"client-{secrets.token_hex(8)}", secrets.token_urlsafe(24))

    @classmethod
    def from_environment(cls) -> ClientCredentials:
        """Return those of the CMP that a person named: `CMP_CLIENT_ID`, `CMP_CLIENT_SECRET`."""
        client_id = os.environ.get("CMP_CLIENT_ID") or "local"
        return cls(client_id, os.environ.get("CMP_CLIENT_SECRET") or "local")


def fill_in(aws: Aws, resources: Resources, credentials: ClientCredentials) -> None:
    """Do what a person does after a deployment: put the credentials into their secret."""
    value = {"client_id": credentials.client_id, "client_secret": credentials.client_secret}
    aws("secretsmanager").put_secret_value(
        SecretId=resources.output(CREDENTIALS_OUTPUT), SecretString=json.dumps(value)
    )


def webhook_secret(aws: Aws, resources: Resources) -> str:
    """Return the secret that CMP has to send, of letters and digits as AWS would generate it.

    MiniStack ignores `ExcludePunctuation` of `GenerateSecretString`, so its secret is replaced.
    """
    secret_id = resources.output(WEBHOOK_OUTPUT)
    value = json.loads(aws("secretsmanager").get_secret_value(SecretId=secret_id)["SecretString"])
    value["current"] = "".join(secrets.choice(LETTERS_AND_DIGITS) for _ in value["current"])
    aws("secretsmanager").put_secret_value(SecretId=secret_id, SecretString=json.dumps(value))
    current: str = value["current"]
    return current


def fetch_token(aws: Aws, resources: Resources) -> None:
    """Have the token fetched now rather than at the next schedule.

    Raises:
        DeploymentError: the function failed; with what it said.
    """
    answer = aws("lambda").invoke(FunctionName=resources.output(REFRESH_OUTPUT), Payload=b"{}")
    if "FunctionError" in answer:
        message = f"the token could not be fetched: {answer['Payload'].read().decode()}"
        raise DeploymentError(message)
