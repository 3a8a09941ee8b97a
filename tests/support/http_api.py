"""Events as an HTTP API hands them to a function (payload format 2.0)."""

from base64 import b64encode
from typing import Any


def http_api_event(
    body: bytes | str | None = None,
    *,
    channel: str | None = None,
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    base64: bool = False,
    route: str | None = None,
) -> dict[str, Any]:
    """Return the event of one POST to the webhook; bytes that are no text need `base64`."""
    raw = body.encode() if isinstance(body, str) else body
    path = "/webhooks/cmp" if channel is None else "/webhooks/cmp/{channel}"
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route or f"POST {path}",
        "rawPath": path.replace("{channel}", channel or ""),
        "rawQueryString": "&".join(f"{name}={value}" for name, value in (query or {}).items()),
        "headers": {"content-type": "application/json", "user-agent": "cmp", **(headers or {})},
        "requestContext": {
            "http": {"method": "POST", "path": path},
            "requestId": "JKJaXmPLvHcESHA=",
            "stage": "$default",
        },
        "isBase64Encoded": base64,
    }
    if raw is not None:
        event["body"] = b64encode(raw).decode() if base64 else raw.decode()
    if channel is not None:
        event["pathParameters"] = {"channel": channel}
    if query is not None:
        event["queryStringParameters"] = query
    return event
