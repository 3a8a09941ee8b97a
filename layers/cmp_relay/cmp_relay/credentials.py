"""CMP's client credentials, which a person fills in and refresh_token alone reads in the stack.

Reasons name keys of the secret, never their values.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cmp_relay.errors import CredentialsError
from cmp_relay.json_secrets import JsonSecret

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

RETRY_SECONDS = 300
REHEARSED = "CMP_RELAY_REHEARSED"
"""The label of a version that nobody reads; AWSPENDING would belong to AWS's own rotation."""

_PLACEHOLDER = re.compile(r"replace.*|<.*>|changeme", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the token endpoint wants to see; `refresh_token` only for the grant of that name."""

    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)


class CredentialsSecret:
    """The secret `{"client_id", "client_secret", "refresh_token"?}`; other keys of it survive."""

    def __init__(self, client: "SecretsManagerClient", arn: str, grant_type: str) -> None:
        """Name the secret and the grant that it is for."""
        self._secret = JsonSecret(client, arn)
        self._rotates = grant_type == "refresh_token"

    def read(self) -> Credentials:
        """Return the credentials; raises CredentialsError with what a person has to fill in."""
        found = self._secret.read()
        if found is None:
            raise _problem("the credentials secret has no value")
        content, _ = found
        return Credentials(
            _filled_in(content, "client_id"),
            _filled_in(content, "client_secret"),
            _filled_in(content, "refresh_token") if self._rotates else None,
        )

    def rotate(self, used: Credentials, refresh_token: str | None) -> None:
        """Store the refresh token that replaces the one used; None means that CMP gave no other."""
        if not self._rotates or refresh_token in {None, used.refresh_token}:
            return
        found = self._secret.read()
        content = found[0] if found else {}
        # A person who put in another one meanwhile is right: ours belongs to what was there before.
        if content and _filled_in(content, "refresh_token") == used.refresh_token:
            self._secret.write({**content, "refresh_token": refresh_token})

    def store(self, credentials: Credentials) -> None:
        """Store what a person's login led to: the client, and the refresh token that is its own."""
        found = self._secret.read()
        given = {
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
            "refresh_token": credentials.refresh_token,
        }
        self._secret.write({**(found[0] if found else {}), **given})

    def rehearse(self) -> None:
        """Store what there is beside itself: who may not write finds out before it matters."""
        found = self._secret.read()
        if found and found[0]:
            self._secret.write(found[0], REHEARSED)


def _filled_in(content: Mapping[str, object], key: str) -> str:
    value = content.get(key)
    if not isinstance(value, str) or not value.strip():
        raise _problem(f"{key} is missing in the credentials secret")
    if _PLACEHOLDER.fullmatch(value.strip()):
        raise _problem(f"{key} in the credentials secret is still a placeholder")
    return value.strip()


def _problem(message: str) -> CredentialsError:
    return CredentialsError(message, delay=RETRY_SECONDS)
