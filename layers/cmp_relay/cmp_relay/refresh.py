"""When and how CMP's access token is renewed (rule 8 of the design): the work of refresh_token.

Schedule and workers ask; one refresh runs at a time; no answer holds a token. A rotated refresh
token is stored before the access token that came with it, since CMP may take the old one only once.
"""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from cmp_relay.errors import CredentialsError, LeaseHeldError
from cmp_relay.telemetry import logger
from cmp_relay.tokens import Token

if TYPE_CHECKING:
    from cmp_relay.credentials import CredentialsSecret
    from cmp_relay.leases import Leases
    from cmp_relay.oauth import TokenEndpoint
    from cmp_relay.tokens import TokenSecret

LEASE = "refresh_token"
LEASE_SECONDS = 40  # longer than the function's time-out: who is killed keeps nobody out for long
YOUNG_SECONDS = 60
# Secrets Manager keeps every version of a day, 100 of them at most; the schedule makes 48.
FORCED_PER_HOUR = 6
FORCED_PER_DAY = 40
HOUR = 3600
DAY = 24 * HOUR

Reply = dict[str, str]


class Refresh:
    """Renews the stored token; `now` is epoch seconds, `record` takes metric name, unit, value."""

    def __init__(
        self,
        token: "TokenSecret",
        credentials: "CredentialsSecret",
        leases: "Leases",
        endpoint: "TokenEndpoint",
        *,
        record: Callable[[str, str, float], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        """Keep the parts."""
        self._token = token
        self._credentials = credentials
        self._leases = leases
        self._endpoint = endpoint
        self._record = record
        self._now = now

    def run(self, event: Mapping[str, object], owner: str) -> Reply:
        """Renew the token if the event calls for it, and reply with a `status`, maybe a `reason`.

        An event with `failed_version` is a worker's, any other one the schedule's. Raises what the
        token endpoint raises, except CredentialsError: to try that again is in vain.
        """
        token = self._token.read()
        try:
            token, reply = self._renew(token, event, owner)
        finally:
            left = token.expires_at - self._now() if token else 0.0
            self._record("TokenSecondsLeft", "Seconds", max(0.0, left))
        if reply["status"] == "refused":
            logger.error("CMP refuses one token after the other", reason=reply["reason"])
            self._record("CredentialsRefused", "Count", 1)
        return reply

    def _renew(
        self, token: Token | None, event: Mapping[str, object], owner: str
    ) -> tuple[Token | None, Reply]:
        reply = self._needless(token, event)
        if reply:
            return token, reply
        try:
            with self._leases.held(LEASE, owner, LEASE_SECONDS):
                return self._renew_alone(event)
        except LeaseHeldError:
            return token, {"status": "in_progress"}
        except CredentialsError as error:
            logger.error("credentials need a person", reason=str(error))
            self._record("CredentialsRefused", "Count", 1)
            return token, {"status": "credentials", "reason": str(error)}

    def _renew_alone(self, event: Mapping[str, object]) -> tuple[Token | None, Reply]:
        token = self._token.read()  # who held the lease before may have done it
        reply = self._needless(token, event)
        if reply:
            return token, reply
        began = self._now()  # counted from before the request: rather too short than too long
        credentials = self._credentials.read()
        grant = self._endpoint.request(credentials)
        self._credentials.rotate(credentials, grant.refresh_token)
        forced = (*self._forced(token, DAY), *((began,) if _is_forced(event) else ()))
        expires_at = began + grant.expires_in
        token = self._token.write(Token(grant.access_token, "", expires_at, began, forced))
        self._record("TokenRefreshed", "Count", 1)
        logger.info("token refreshed", version=token.version, expires_in=grant.expires_in)
        return token, {"status": "refreshed"}

    def _needless(self, token: Token | None, event: Mapping[str, object]) -> Reply | None:
        if token is None:
            return None
        left = token.expires_at - self._now()
        if not _is_forced(event):
            half = (token.expires_at - token.obtained_at) / 2
            return {"status": "current"} if left >= half else None
        if token.version != event["failed_version"] and left > 0:
            return {"status": "current"}
        if left > 0 and self._now() - token.obtained_at < YOUNG_SECONDS:
            return {"status": "refused", "reason": "the token that failed is too young"}
        if len(self._forced(token, HOUR)) >= FORCED_PER_HOUR:
            return {"status": "refused", "reason": "too many forced refreshes in an hour"}
        if len(self._forced(token, DAY)) >= FORCED_PER_DAY:
            return {"status": "refused", "reason": "too many forced refreshes in a day"}
        return None

    def _forced(self, token: Token | None, seconds: int) -> tuple[float, ...]:
        forced = token.forced_at if token else ()
        return tuple(moment for moment in forced if self._now() - moment < seconds)


def _is_forced(event: Mapping[str, object]) -> bool:
    return "failed_version" in event
