"""Tokens of a program that runs beside no stack: asked for with its own credentials.

A deployed stack has one token for all of its functions (`tokens`). Here it is in memory alone, and
renewed a minute before its end, by one thread for all of them.
"""

import time
from collections.abc import Callable
from threading import Lock

from cmp_relay.credentials import Credentials
from cmp_relay.oauth import TokenEndpoint
from cmp_relay.tokens import EXPIRY_MARGIN_SECONDS, Token


class ClientTokens:
    """The token of one app (client credentials, facts.md 3); `now` is epoch seconds."""

    def __init__(
        self,
        endpoint: TokenEndpoint,
        credentials: Credentials,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Keep the parts; nothing is asked before the first request."""
        self._endpoint = endpoint
        self._credentials = credentials
        self._now = now
        self._lock = Lock()
        self._cached: Token | None = None
        self._issued = 0

    def current(self) -> Token:
        """Return a token with time left; raises what the token endpoint raises."""
        with self._lock:
            cached = self._cached
            if cached and cached.expires_at - EXPIRY_MARGIN_SECONDS > self._now():
                return cached
            return self._renewed()

    def replace(self, failed: Token) -> Token:
        """Return another token than the one that was refused; raises as `current` does."""
        with self._lock:
            if self._cached and self._cached.version != failed.version:
                return self._cached
            return self._renewed()

    def _renewed(self) -> Token:
        began = self._now()  # counted from before the request: rather too short than too long
        grant = self._endpoint.request(self._credentials)
        self._issued += 1
        version = str(self._issued)
        self._cached = Token(grant.access_token, version, began + grant.expires_in, began)
        return self._cached
