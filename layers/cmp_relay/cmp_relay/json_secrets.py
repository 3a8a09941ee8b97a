"""A secret of Secrets Manager that holds one JSON object."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


CURRENT = "AWSCURRENT"


class JsonSecret:
    """One secret, read and written as a whole."""

    def __init__(self, client: "SecretsManagerClient", arn: str) -> None:
        """Name the secret."""
        self._client = client
        self._arn = arn

    def read(self) -> tuple[Mapping[str, object], str] | None:
        """Return the content and its version, None for a secret that has no value yet.

        A value that is not a JSON object reads as an empty one: every key of it is missing.
        """
        try:
            answer = self._client.get_secret_value(SecretId=self._arn)
        except self._client.exceptions.ResourceNotFoundException:
            return None
        return _object(answer.get("SecretString", "")), answer["VersionId"]

    def write(self, content: Mapping[str, object], label: str = CURRENT) -> str:
        """Store the content as the version of this label, and return that version.

        With another label the current version stays what it is, unless there is none yet.
        """
        text = json.dumps(content)
        answer = self._client.put_secret_value(
            SecretId=self._arn, SecretString=text, VersionStages=[label]
        )
        return answer["VersionId"]


def _object(text: str) -> Mapping[str, object]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
