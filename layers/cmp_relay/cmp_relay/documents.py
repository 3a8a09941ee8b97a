"""JSON documents in the asset bucket, of which a newer one is never replaced by an older one.

Every object carries its `order` (a number that grows with what it says) in its metadata. A write is
conditional on the object that it replaces, so that a slow worker cannot write last (design.md rule
4).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from botocore.exceptions import ClientError

from cmp_relay.errors import ConflictError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MISSING = {"NoSuchKey", "404"}
LOST = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409", *MISSING}
TRIES = 4


@dataclass(frozen=True, slots=True)
class Stored:
    """What a key holds now; `newer` tells that it is not what was to be written."""

    etag: str
    newer: bool = False


class Documents:
    """The JSON documents of one bucket."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        """Use `bucket` through `client`."""
        self._client = client
        self.bucket = bucket

    def put(self, key: str, document: Mapping[str, Any], *, order: int, etag: str | None) -> Stored:
        """Write a document unless something of a higher order is there.

        `etag` is that of the object last known under the key, None for none; a wrong one costs a
        look at what is there. Raises ConflictError if others keep writing.
        """
        body = json.dumps(document, ensure_ascii=False).encode("utf-8", "backslashreplace")
        for _ in range(TRIES):
            condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
            try:
                answer = self._client.put_object(
                    Bucket=self.bucket,
                    Key=key,
                    Body=body,
                    ContentType="application/json",
                    Metadata={"order": str(order)},
                    **condition,  # type: ignore[arg-type]
                )
            except ClientError as error:
                if error.response["Error"]["Code"] not in LOST:
                    raise
            else:
                return Stored(answer["ETag"])
            etag, there = self._look(key)
            if etag and there > order:
                return Stored(etag, newer=True)
        raise ConflictError("others keep writing the same document")

    def get(self, key: str) -> Mapping[str, Any]:
        """Read a document that is known to be there."""
        answer = self._client.get_object(Bucket=self.bucket, Key=key)
        document: Mapping[str, Any] = json.loads(answer["Body"].read())
        return document

    def _look(self, key: str) -> tuple[str | None, int]:
        try:
            found = self._client.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None, 0
            raise
        return found["ETag"], int(found["Metadata"].get("order", "0"))


def details_key(asset_type: str, asset_id: str) -> str:
    """Name the document that holds what CMP tells of an asset."""
    return f"assets/{quote(asset_type, safe='')}/{quote(asset_id, safe='')}/details.json"


def entry_key(asset_type: str, asset_id: str, publishing_event_id: str) -> str:
    """Name the document that holds what was published, as it was delivered."""
    event = quote(publishing_event_id, safe="")
    return (
        f"assets/{quote(asset_type, safe='')}/{quote(asset_id, safe='')}/publications/{event}.json"
    )
