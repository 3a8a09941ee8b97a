"""The archive: every verified delivery as it came, for the workers, for replays and as proof.

An object holds the raw body and the headers, without those that authenticate anybody and without
the query of the URL, which may hold the secret.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from cmp_relay.deliveries import Receipt

SCHEMA = 1
SECRET_HEADERS = frozenset(
    {
        "authorization",
        "callback-secret",
        "cookie",
        "proxy-authorization",
        "x-amz-security-token",
    }
)


class ObjectStore(Protocol):
    """What keeps objects."""

    def put_object(self, bucket: str, key: str, body: bytes, content_type: str) -> None:
        """Write an object; raises StorageError if it is not durable."""


def key(delivery_id: str, received_at: int, folder: str = "deliveries") -> str:
    """Return the key of a delivery that was received at `received_at` (ms UTC)."""
    day = datetime.fromtimestamp(received_at / 1000, UTC)
    return f"{folder}/{day:%Y/%m/%d}/{delivery_id}.json"


def document(
    receipt: Receipt, raw: bytes, *, request_id: str, headers: Mapping[str, str]
) -> dict[str, Any]:
    """Return the archived form of a delivery; a body that is not UTF-8 is kept as base64."""
    try:
        encoding, body = "utf-8", raw.decode()
    except UnicodeDecodeError:
        encoding, body = "base64", b64encode(raw).decode()
    return {
        "schema": SCHEMA,
        "delivery_id": receipt.delivery_id,
        "received_at": receipt.received_at,
        "channel": receipt.channel,
        "request_id": request_id,
        "headers": dict(headers),
        "encoding": encoding,
        "body": body,
    }


def raw_body(archived: Mapping[str, Any]) -> bytes:
    """Return the body of an archived delivery exactly as it was sent."""
    body: str = archived["body"]
    return b64decode(body) if archived["encoding"] == "base64" else body.encode()


def harmless(headers: Mapping[str, str], is_secret: Callable[[str], bool]) -> dict[str, str]:
    """Return the headers that authenticate nobody, whatever their names are."""
    return {
        name: value
        for name, value in headers.items()
        if name not in SECRET_HEADERS and not is_secret(value)
    }


def store(objects: ObjectStore, bucket: str, receipt: Receipt, archived: Mapping[str, Any]) -> None:
    """Write a delivery to the archive; raises StorageError if it is not durable."""
    body = json.dumps(archived, separators=(",", ":")).encode()
    objects.put_object(bucket, receipt.archive_key, body, "application/json")
