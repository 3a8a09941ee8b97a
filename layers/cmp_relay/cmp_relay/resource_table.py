"""What CMP showed behind links, kept for a while: one request serves every event of a burst."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

KEPT_SECONDS = 86_400
TOO_LARGE = "too_large"
"""Why there is no resource: the bus would not take it."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What a link led to: a body that was asked for at `began_at` (ms), or the reason for none."""

    body: Mapping[str, object] | None = None
    began_at: int | None = None
    error: str | None = None


class ResourceTable:
    """The RESOURCE items of the catalogue table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use `table` through `client`."""
        self._client = client
        self._table = table

    def read(self, href: str) -> Resource | None:
        """Return what was kept of a link last."""
        answer = self._client.get_item(TableName=self._table, Key=_key(href), ConsistentRead=True)
        item = answer.get("Item")
        if item is None:
            return None
        return Resource(json.loads(item["body"]["S"]), int(item["began_at"]["N"]))

    def keep(self, href: str, body: Mapping[str, object], began_at: int) -> None:
        """Keep what was asked for then (ms)."""
        self._client.update_item(
            TableName=self._table,
            Key=_key(href),
            UpdateExpression="SET body = :body, began_at = :began, expires_at = :expires",
            ExpressionAttributeValues={
                ":body": {"S": json.dumps(body)},
                ":began": {"N": str(began_at)},
                ":expires": {"N": str(began_at // 1000 + KEPT_SECONDS)},
            },
        )


def name(href: str) -> str:
    """Name what is at a link: that has no limit, and its query may hold what nobody is to read."""
    return sha256(href.encode()).hexdigest()


def _key(href: str) -> dict[str, "AttributeValueTypeDef"]:
    return {"pk": {"S": f"RESOURCE#{name(href)}"}, "sk": {"S": "RESOURCE"}}
