"""What CMP was told last of each external step's ticket: an item `LINK#{hash of its path}`.

Queues reorder commands. Of each field it is on record when the newest command was issued that set
it, so that an older one sets it no more.
"""

import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cmp_relay.echoes import place

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_SECONDS = 60 * 24 * 3600
"""How long an item is kept after its last command: longer than a dead letter can be sent back."""


class ToldLinks:
    """The LINK items of the catalogue table; `now` is in ms."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """Use `table` through `client`."""
        self._client = client
        self._table = table
        self._now = now

    def read(self, link: str) -> Mapping[str, int]:
        """Return when (ms) the newest command was issued that set each field."""
        answer = self._client.get_item(TableName=self._table, Key=_key(link), ConsistentRead=True)
        fields = answer.get("Item", {}).get("fields", {}).get("M", {})
        return {name: int(value["N"]) for name, value in fields.items()}

    def write(self, link: str, issued: Mapping[str, int]) -> None:
        """Write when each field was set; whoever writes holds the lease of the link."""
        fields: dict[str, Any] = {name: {"N": str(moment)} for name, moment in issued.items()}
        expires_at = self._now() // 1000 + KEPT_SECONDS
        self._client.put_item(
            TableName=self._table,
            Item={**_key(link), "fields": {"M": fields}, "expires_at": {"N": str(expires_at)}},
        )


def _key(link: str) -> dict[str, Any]:
    digest = sha256(place(link).encode()).hexdigest()
    return {"pk": {"S": f"LINK#{digest[:32]}"}, "sk": {"S": "LINK"}}
