"""Whether a caller is CMP: it shows a secret that we accept.

CMP sends the secret itself and signs nothing, so this is all there is to check. Nothing here tells
by its time or its text which secrets are accepted or how close a guess came.
"""

import hmac
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cmp_relay.errors import StorageError, UnverifiedCallerError

REFRESH_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Secrets:
    """The accepted secrets by the name that metrics show: `current`, `accepted-1`, …"""

    named: tuple[tuple[str, str], ...] = field(repr=False)

    @classmethod
    def of(cls, text: str) -> "Secrets":
        """Read `{"current": str, "accepted": [str, …]}`; raises StorageError for anything else."""
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise StorageError("the webhook secret is not a JSON object")
        current, accepted = document.get("current", ""), document.get("accepted", [])
        if not isinstance(accepted, list) or not all(
            isinstance(value, str) for value in (current, *accepted)
        ):
            raise StorageError("current is not a string or accepted not a list of strings")
        others = ((f"accepted-{n}", value) for n, value in enumerate(accepted, start=1))
        return cls((("current", current), *others))

    def appear_in(self, text: str) -> bool:
        """Tell whether a text contains one of the secrets."""
        return any(value and value in text for _, value in self.named)


def verify(shown: Sequence[str], secrets: Secrets) -> str:
    """Return the name of the accepted secret among those shown; raises UnverifiedCallerError.

    Every shown value is compared with every accepted one, also after a match.
    """
    matched = [
        name
        for value in shown
        for name, secret in secrets.named
        if _equal(value, secret) & bool(value) & bool(secret)
    ]
    if not matched:
        raise UnverifiedCallerError("no accepted secret")
    return matched[0]


def _equal(value: str, secret: str) -> bool:
    return hmac.compare_digest(
        value.encode("utf-8", "surrogatepass"), secret.encode("utf-8", "surrogatepass")
    )


class SecretCache:
    """The accepted secrets, read anew every minute; the last good ones outlive a failure."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without secrets."""
        self._clock = clock
        self._secrets: Secrets | None = None
        self._stale_at = float("-inf")

    def get(self, fetch: Callable[[], Secrets]) -> Secrets:
        """Return the secrets; raises what `fetch` raises if there have never been good ones."""
        if self._clock() < self._stale_at and self._secrets is not None:
            return self._secrets
        try:
            self._secrets = fetch()
        except StorageError:
            if self._secrets is None:
                raise
        # After a failure too: else each delivery of an outage would wait for the time-outs again
        self._stale_at = self._clock() + REFRESH_SECONDS
        return self._secrets
