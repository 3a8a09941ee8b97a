"""CMP's access token as workers see it: cached here, stored in Secrets Manager, renewed elsewhere.

Workers never see the client credentials: who needs another token asks the function refresh_token
(rule 8 of the design). The token's value is in no log line, error or repr.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from cmp_relay.errors import CredentialsError, PostponedError, UnavailableError
from cmp_relay.exchanges import is_bearer
from cmp_relay.json_secrets import JsonSecret

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

EXPIRY_MARGIN_SECONDS = 60
BUSY_SECONDS = 2
CREDENTIALS_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and the version of the secret that holds it; moments are epoch seconds."""

    value: str = field(repr=False)
    version: str
    expires_at: float
    obtained_at: float = 0.0
    forced_at: tuple[float, ...] = ()


class TokenSecret:
    """The stored token; who holds the lease `refresh_token` alone writes it."""

    def __init__(self, client: "SecretsManagerClient", arn: str) -> None:
        """Name the secret."""
        self._secret = JsonSecret(client, arn)

    def read(self) -> Token | None:
        """Return the stored token, None if there is none or nothing that can be read as one."""
        found = self._secret.read()
        if found is None:
            return None
        content, version = found
        value = content.get("access_token")
        if not is_bearer(value):
            return None
        forced = content.get("forced_at")
        return Token(
            value,
            version,
            expires_at=_moment(content.get("expires_at")),
            obtained_at=_moment(content.get("obtained_at")),
            forced_at=tuple(map(_moment, forced)) if isinstance(forced, list) else (),
        )

    def write(self, token: Token) -> Token:
        """Store the token and return it with the version that it got."""
        content = {
            "access_token": token.value,
            "expires_at": token.expires_at,
            "obtained_at": token.obtained_at,
            "forced_at": list(token.forced_at),
        }
        return replace(token, version=self._secret.write(content))


class TokenSource:
    """Where a worker gets its token; `now` is epoch seconds."""

    def __init__(
        self,
        secrets_client: "SecretsManagerClient",
        lambda_client: "Callable[[], LambdaClient]",
        secret_arn: str,
        refresh_function: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Keep the clients; the one of Lambda is made when it is needed, and must not retry."""
        self._secret = TokenSecret(secrets_client, secret_arn)
        self._lambda = lambda_client
        self._function = refresh_function
        self._now = now
        self._cached: Token | None = None
        self._refused_until = 0.0

    def current(self) -> Token:
        """Return a token that has not expired; raises PostponedError or UnavailableError."""
        if self._cached and self._cached.expires_at - EXPIRY_MARGIN_SECONDS > self._now():
            return self._cached
        return self._usable(None)

    def replace(self, failed: Token) -> Token:
        """Return another token than the one that CMP refused; raises as `current` does."""
        self._cached = None
        return self._usable(failed.version)

    def _usable(self, failed_version: str | None) -> Token:
        stored = self._secret.read()
        if not self._is_usable(stored, failed_version):
            self._ask_for_another(stored.version if stored else None)
            stored = self._secret.read()
        if stored is None or not self._is_usable(stored, failed_version):
            # Secrets Manager can show the older version for a moment.
            raise PostponedError("the new token is not visible yet", delay=BUSY_SECONDS)
        self._cached = stored
        return stored

    def _is_usable(self, token: Token | None, failed_version: str | None) -> bool:
        if token is None or token.version == failed_version:
            return False
        return token.expires_at > self._now()

    def _ask_for_another(self, failed_version: str | None) -> None:
        # Each job of a backlog would ask in vain until a person has repaired the credentials.
        waiting = self._refused_until - self._now()
        if waiting > 0:
            raise CredentialsError("refresh_token was refused lately", delay=waiting)
        answer = self._invoke({"failed_version": failed_version})
        status = answer.get("status")
        if status in {"refreshed", "current"}:
            return
        if status == "in_progress":
            raise PostponedError("the token is being refreshed", delay=BUSY_SECONDS)
        if status not in {"refused", "credentials"}:
            raise UnavailableError("refresh_token gave an answer that we do not know")
        self._refused_until = self._now() + CREDENTIALS_SECONDS
        message = f"refresh_token: {status}: {answer.get('reason')}"
        raise CredentialsError(message, delay=CREDENTIALS_SECONDS)

    def _invoke(self, event: Mapping[str, object]) -> Mapping[str, object]:
        try:
            response = self._lambda().invoke(FunctionName=self._function, Payload=json.dumps(event))
            payload = json.loads(response["Payload"].read())
        except (BotoCoreError, ClientError, ValueError) as error:
            raise UnavailableError(f"refresh_token not reached: {type(error).__name__}") from error
        if "FunctionError" in response or not isinstance(payload, dict):
            raise UnavailableError("refresh_token failed; its log says why")
        return payload


def _moment(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
