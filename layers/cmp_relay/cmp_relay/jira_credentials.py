"""The credentials for Jira, which a person fills in; reasons name keys of the secret, never values.

`{"email", "api_token"}` is basic authentication, `{"token"}` is a bearer token.
"""

from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import MetricUnit

from cmp_relay.errors import CredentialsError
from cmp_relay.exchanges import is_bearer
from cmp_relay.json_secrets import JsonSecret
from cmp_relay.telemetry import metrics

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

RETRY_SECONDS = 660
"""So seldom that a job outlasts a week of it: SQS lets a message be received a thousand times."""


class JiraCredentials:
    """What the header Authorization holds, kept until Jira refuses it."""

    def __init__(self, client: "SecretsManagerClient", arn: str) -> None:
        """Name the secret; nothing is read yet."""
        self._secret = JsonSecret(client, arn)
        self._header: str | None = None

    def header(self) -> str:
        """Return the header's value; raises CredentialsError with what a person has to fill in."""
        if self._header is None:
            self._header = self._read()
        return self._header

    def replace(self, refused: str) -> str:
        """Return what is in the secret by now; raises CredentialsError if that was refused."""
        header = self._read()
        if header == refused:
            raise self.refused()
        self._header = header
        return header

    def refused(self) -> CredentialsError:
        """Return the error of credentials that Jira refuses, and keep them no longer."""
        self._header = None
        return _problem("Jira refuses the credentials in their secret")

    def _read(self) -> str:
        found = self._secret.read()
        if found is None:
            raise _problem("the secret of Jira's credentials has no value")
        content, _ = found
        if "token" in content:
            return f"Bearer {_filled_in(content, 'token')}"
        pair = f"{_filled_in(content, 'email')}:{_filled_in(content, 'api_token')}"
        return f"Basic {b64encode(pair.encode()).decode()}"


def _filled_in(content: Mapping[str, object], key: str) -> str:
    value = content.get(key)
    value = value.strip() if isinstance(value, str) else value
    # Both are single words; anything else would be a placeholder or break the header.
    if not is_bearer(value) or value.startswith("<"):
        raise _problem(f"{key} is missing in the secret of Jira's credentials")
    return value


def _problem(message: str) -> CredentialsError:
    metrics.add_metric(name="JiraCredentialsRefused", unit=MetricUnit.Count, value=1)
    return CredentialsError(message, delay=RETRY_SECONDS)
