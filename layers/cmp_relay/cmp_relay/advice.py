"""What the caller should do about an answer that CMP gives instead of what was asked for.

The table is that of Optimizely's tutorial (seed 001; facts.md 8): the official specification has
the same statuses but for 429, and no advice.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from cmp_relay.errors import ApiError, CredentialsError, RateLimitedError

ADVICE = {
    400: "check the body and the query parameters of the request",
    401: "the access token is refused, a fresh one too: check the app that it belongs to",
    403: "verify what the app may do: its role, and the scopes of its token",
    404: "check the id",
    410: "check the id",
    422: "what CMP says of the request tells what to change",
    429: "wait and ask again with exponential back-off",
}
CREDENTIALS = "check the client id and the client secret of the app"


@contextmanager
def advising() -> Iterator[None]:
    """Add to the message of an error what the caller should do about it."""
    try:
        yield
    except ApiError as error:
        advice = ADVICE.get(error.status or 0)
        if isinstance(error, RateLimitedError) and error.retry_after is not None:
            advice = f"{advice}, not before {error.retry_after:.0f} s"
        if advice:
            error.args = (f"{error}; {advice}",)
        raise
    except CredentialsError as error:
        error.args = (f"{error}; {CREDENTIALS}",)
        raise
