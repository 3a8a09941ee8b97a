"""What the reconciliation reads of the catalogue table: assets by id and listing, and jobs."""

import random
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from boto3.dynamodb.types import TypeDeserializer

from cmp_relay import library, times
from cmp_relay.catalogue import EXPIRING, NEVER_MODIFIED
from cmp_relay.errors import StorageError
from cmp_relay.gaps import Known

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LARGEST_BATCH = 100
ROUNDS = 8
STATES = (library.PRESENT, library.ARCHIVED, "published")
"""The listings that can hold an asset of the library; a published one need not be there."""


class Expiry(NamedTuple):
    """An asset whose time was over at a moment (ms)."""

    asset_id: str
    expired_at: int


class ReconcileTable:
    """The catalogue table, read by many keys at a time."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use `table` through `client`."""
        self._client = client
        self._table = table
        self._read = TypeDeserializer()

    def known(self, asset_ids: Iterable[str]) -> dict[str, Known]:
        """Return what is known of these assets, read consistently."""
        found = self._items(
            [(f"ASSET#{asset_id}", "ASSET") for asset_id in asset_ids],
            "asset_id, #type, library, modified_at, seen_at, removed_at, href, organization_id",
            {"#type": "type"},
        )
        return {item["asset_id"]: _known(item) for item in found}

    def listed(self, types: Iterable[str]) -> Iterator[str]:
        """Yield the ids of all assets of these types that may be in CMP's library."""
        for kind in sorted(types):
            for state in STATES:
                for item in self._listing(f"{state}#{kind}"):
                    yield item["asset_id"]

    def outcomes(self, job_ids: Iterable[str]) -> dict[str, tuple[str, str | None]]:
        """Return outcome and reason of those of the jobs that have ended."""
        found = self._items(
            [(f"JOB#{job_id}", "JOB") for job_id in job_ids],
            "pk, #outcome, reason",
            {"#outcome": "outcome"},
        )
        return {
            item["pk"].removeprefix("JOB#"): (item["outcome"], item.get("reason"))
            for item in found
            if "outcome" in item
        }

    def expired(self, now: int) -> list[Expiry]:
        """List what was to expire until now (ms), the earliest first, a few hundred at most."""
        answer = self._client.query(
            TableName=self._table,
            IndexName="listing",
            KeyConditionExpression="listing = :listing AND modified_at <= :now",
            ExpressionAttributeValues={
                ":listing": {"S": EXPIRING},
                ":now": {"S": times.iso(now)},
            },
            Limit=500,
        )
        items = [self._plain(item) for item in answer["Items"]]
        return [Expiry(item["asset_id"], times.read(item["modified_at"]) or 0) for item in items]

    def told(self, expiry: Expiry) -> None:
        """Take an expiry out of the listing, unless the asset was given another time since."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": f"EXPIRY#{expiry.asset_id}"}, "sk": {"S": "EXPIRY"}},
                UpdateExpression="REMOVE listing",
                ConditionExpression="modified_at = :at",
                ExpressionAttributeValues={":at": {"S": times.iso(expiry.expired_at)}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def _listing(self, name: str) -> Iterator[dict[str, Any]]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="listing",
            KeyConditionExpression="listing = :listing",
            ProjectionExpression="asset_id",
            ExpressionAttributeValues={":listing": {"S": name}},
        )
        for page in pages:
            yield from map(self._plain, page["Items"])

    def _items(
        self, keys: list[tuple[str, str]], projection: str, names: Mapping[str, str]
    ) -> Iterator[dict[str, Any]]:
        for start in range(0, len(keys), LARGEST_BATCH):
            chunk = keys[start : start + LARGEST_BATCH]
            yield from self._batch(
                {
                    "Keys": [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in chunk],
                    "ConsistentRead": True,
                    "ProjectionExpression": projection,
                    "ExpressionAttributeNames": dict(names),
                }
            )

    def _batch(self, wanted: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - boto3's
        for number in range(ROUNDS):
            answer = self._client.batch_get_item(RequestItems={self._table: wanted})
            yield from map(self._plain, answer["Responses"].get(self._table, ()))
            wanted = answer.get("UnprocessedKeys", {}).get(self._table)
            if not wanted:
                return
            time.sleep(random.uniform(0, 0.05 * 2**number))  # noqa: S311 - not a secret
        raise StorageError("dynamodb: items were not given again and again")

    def _plain(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._read.deserialize(value) for name, value in item.items()}


def _known(item: Mapping[str, Any]) -> Known:
    modified_at = item["modified_at"]
    return Known(
        asset_id=item["asset_id"],
        type=item["type"],
        library=item.get("library"),
        modified_at=None if modified_at == NEVER_MODIFIED else times.read(modified_at),
        seen_at=int(item["seen_at"]) if "seen_at" in item else None,
        removed_at=int(item["removed_at"]) if "removed_at" in item else None,
        href=item.get("href"),
        organization_id=item.get("organization_id"),
    )
