"""The rows of CMP's listing that are kept, and how far it has been read (`library_rows`)."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cmp_relay.fields import at
from cmp_relay.listing import Page

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import WriteRequestTypeDef

LARGEST_ROW = 300_000
"""Bytes of JSON: an item holds 400 KB."""
KEPT_SECONDS = 86_400
BATCH = 25


class RowTable:
    """The ROW items and the LISTING item of the catalogue table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use `table` through `client`."""
        self._client = client
        self._table = table

    def row(self, asset_id: str) -> tuple[int, Mapping[str, Any]] | None:
        """Return when an asset's row was asked for (ms), and the row."""
        item = self._item(f"ROW#{asset_id}", "ROW")
        return item and (int(item["began_at"]["N"]), json.loads(item["row"]["S"]))

    def put(self, page: Page, began_at: int) -> None:
        """Keep the rows of a page that was asked for then (ms)."""
        expires = {"N": str(began_at // 1000 + KEPT_SECONDS)}
        items: list[WriteRequestTypeDef] = [
            {
                "PutRequest": {
                    "Item": {
                        "pk": {"S": f"ROW#{asset_id}"},
                        "sk": {"S": "ROW"},
                        "began_at": {"N": str(began_at)},
                        "row": {"S": text},
                        "expires_at": expires,
                    }
                }
            }
            for asset_id, row in page.rows.items()
            if (text := _text(row.body)) is not None
        ]
        for start in range(0, len(items), BATCH):
            self._write(items[start : start + BATCH])

    def listed_at(self) -> int | None:
        """Return when the newest listing began (ms), None before the first one."""
        item = self._item("LISTING", "LISTING")
        return item and int(item["began_at"]["N"])

    def note(self, began_at: int) -> None:
        """Note that a listing is complete which began then (ms)."""
        self._client.put_item(
            TableName=self._table,
            Item={
                "pk": {"S": "LISTING"},
                "sk": {"S": "LISTING"},
                "began_at": {"N": str(began_at)},
            },
        )

    def _item(self, pk: str, sk: str) -> Any:  # noqa: ANN401 - an item, or None
        key = {"pk": {"S": pk}, "sk": {"S": sk}}
        answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return answer.get("Item")

    def _write(self, items: Sequence["WriteRequestTypeDef"]) -> None:
        """Write a batch; what the table does not take at once is not kept, which costs a look."""
        self._client.batch_write_item(RequestItems={self._table: items})


def _text(body: Mapping[str, Any]) -> str | None:
    """Return a row as an item can hold it, None if it cannot: its asset costs a look of its own.

    A page of HTML may be too long for it, and goes.
    """
    text = json.dumps(body)
    if len(text) > LARGEST_ROW:
        text = json.dumps({**body, "content": {"type": at(body, "content", "type"), "value": None}})
    return text if len(text) <= LARGEST_ROW else None
