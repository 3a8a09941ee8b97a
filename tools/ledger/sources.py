"""Where the ledger's three sources are: the archive bucket and the catalogue table."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cmp_relay import archive, deliveries, pointers
from cmp_relay.deliveries import Receipt
from cmp_relay.errors import UnreadableDeliveryError
from tools.ledger.ledger import OUTCOMES, Ledger, Received, Seen, draw_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tools.local_stack.stack import LocalStack


DELIVERY = "delivery"
TRIES = 20
"""So often the items are read again if a job ends meanwhile; a busy stack may need it."""


@dataclass(frozen=True)
class Sources:
    """The archive and the catalogue of one stack."""

    stack: LocalStack

    def ledger(self) -> Ledger:
        """Draw up the ledger as it is now."""
        began, seen, counted = self._ended()
        known = {item.job_id for item in seen}
        # The archive takes a while: what came meanwhile is left out, unless it is on record.
        received = [
            job for job in self.received() if job.received_at < began or job.job_id in known
        ]
        return draw_up(received, seen, counted)

    def _ended(self) -> tuple[int, list[Seen], dict[str, int]]:
        """Return a moment (ms), the items and the counts between which no job has ended."""
        for _ in range(TRIES):
            began = time.time_ns() // 1_000_000
            before, seen, after = self.counted(), list(self.seen()), self.counted()
            if before == after:
                break
        return began, seen, after

    def received(self) -> Iterator[Received]:
        """Yield the jobs of every archived delivery, split again as the receiver did."""
        s3, bucket = self.stack.boto("s3"), self.stack.env["ARCHIVE_BUCKET"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for found in page.get("Contents", []):
                answer = s3.get_object(Bucket=bucket, Key=found["Key"])
                yield from jobs_of(found["Key"], json.loads(answer["Body"].read()))

    def seen(self, cause: str = DELIVERY) -> Iterator[Seen]:
        """Yield every JOB item of a cause; the archive knows of what was delivered alone."""
        for item in self._items("JOB"):
            if item.get("cause", {}).get("S", DELIVERY) != cause:
                continue
            yield Seen(
                job_id=item["pk"]["S"].removeprefix("JOB#"),
                outcome=item.get("outcome", {}).get("S"),
                received_at=int(item["received_at"]["N"]),
            )

    def counted(self, cause: str = DELIVERY) -> dict[str, int]:
        """Return the sums of the COUNT items of a cause."""
        sums: Counter[str] = Counter()
        for item in self._items("COUNT" if cause == DELIVERY else f"COUNT#{cause}"):
            sums.update({name: int(item[name]["N"]) for name in OUTCOMES if name in item})
        return dict(sums)

    def _items(self, kind: str) -> Iterator[dict[str, Any]]:
        pages = (
            self.stack.boto("dynamodb")
            .get_paginator("scan")
            .paginate(
                TableName=self.stack.env["CATALOGUE_TABLE"],
                ConsistentRead=True,
                FilterExpression="sk = :kind",
                ExpressionAttributeValues={":kind": {"S": kind}},
            )
        )
        for page in pages:
            yield from page["Items"]


def jobs_of(key: str, archived: Mapping[str, Any]) -> list[Received]:
    """Return the jobs of one archived delivery, none if it could not be read."""
    raw = archive.raw_body(archived)
    receipt = Receipt(archived["delivery_id"], archived["received_at"], archived["channel"], key)
    try:
        split = deliveries.split(deliveries.read(raw), receipt)
    except UnreadableDeliveryError:
        return []
    fingerprint = hashlib.sha256(receipt.channel.encode() + b"\n" + raw).hexdigest()
    return [_received(job, fingerprint, raw) for job in split.jobs]


def _received(job: Mapping[str, Any], fingerprint: str, raw: bytes) -> Received:
    entry = pointers.resolve(json.loads(raw.decode("utf-8-sig")), job["entry"])
    return Received(
        job_id=job["job_id"],
        delivery_id=job["delivery_id"],
        event_name=job["event_name"],
        place=job["entry"],
        received_at=job["received_at"],
        fingerprint=fingerprint,
        asset_id=job.get("asset", {}).get("id"),
        publishing_event_id=job.get("publishing_event", {}).get("id"),
        announced=entry.get("modified_at") if isinstance(entry, dict) else None,
    )
