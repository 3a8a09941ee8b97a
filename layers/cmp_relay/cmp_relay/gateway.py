"""The HTTP API's side: what its event holds (payload format 2.0), and the answers that it takes.

The body stays untouched until somebody asks for it.
"""

import json
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import quote

ROUTES = frozenset({"POST /webhooks/cmp", "POST /webhooks/cmp/{channel}"})
TICKET_ROUTE = "POST /webhooks/jira"
DEFAULT_CHANNEL = "default"
LONGEST_CHANNEL = 64
DIGEST = 16

Answer = dict[str, Any]


class Request:
    """One request as the gateway hands it to us."""

    def __init__(self, event: Mapping[str, Any]) -> None:
        """Keep the event; nothing is decoded yet."""
        self._event = event

    @property
    def is_webhook(self) -> bool:
        """Tell whether the gateway matched one of our routes."""
        return self._event.get("routeKey") in ROUTES

    @property
    def is_ticket_webhook(self) -> bool:
        """Tell whether the gateway matched the route of the ticket system."""
        return self._event.get("routeKey") == TICKET_ROUTE

    @property
    def request_id(self) -> str:
        """Return the gateway's own id of the request, which it also logs."""
        return str(self._event.get("requestContext", {}).get("requestId", ""))

    @property
    def channel(self) -> str:
        """Return the channel from the path as a part of a key: quoted, at most 64 characters."""
        given = (self._event.get("pathParameters") or {}).get("channel") or DEFAULT_CHANNEL
        channel = quote(given, safe="", errors="replace")
        if len(channel) <= LONGEST_CHANNEL:
            return channel
        digest = sha256(channel.encode()).hexdigest()[:DIGEST]
        return f"{channel[: LONGEST_CHANNEL - DIGEST - 1]}~{digest}"

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers with their names in lower case."""
        return {name.lower(): value for name, value in (self._event.get("headers") or {}).items()}

    def query(self, name: str) -> str:
        """Return a query parameter, empty without it."""
        return str((self._event.get("queryStringParameters") or {}).get(name, ""))

    def body(self) -> bytes:
        """Return the body exactly as it was sent."""
        body: str = self._event.get("body") or ""
        raw = body.encode("utf-8", "surrogatepass")
        if not self._event.get("isBase64Encoded"):
            return raw
        try:
            return b64decode(raw, validate=True)
        except Base64Error:
            return raw


def answer(status: int, document: Mapping[str, object]) -> Answer:
    """Return the function's answer: JSON with a status."""
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(document),
    }


def accepted(delivery_id: str, jobs: int) -> Answer:
    """Tell CMP that the delivery is ours now; it takes 200 and 202 alone for that."""
    return answer(202, {"delivery_id": delivery_id, "jobs": jobs})


def unauthorized() -> Answer:
    """Tell nothing but that the caller is not CMP."""
    return answer(401, {"message": "Unauthorized"})


def not_found() -> Answer:
    """Tell that we have no such route."""
    return answer(404, {"message": "Not Found"})


def too_large() -> Answer:
    """Tell that the body is larger than what is taken."""
    return answer(413, {"message": "Payload Too Large"})


def unavailable() -> Answer:
    """Ask the caller to send it again later."""
    return answer(503, {"message": "Service Unavailable"})
