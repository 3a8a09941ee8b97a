"""Archived deliveries: found by their id or by when they came, and split into jobs again."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from cmp_relay import archive, deliveries, times
from cmp_relay.deliveries import Receipt
from cmp_relay.errors import UnreadableDeliveryError
from cmp_relay_cli.stack import Stack

DAY = 24 * 3600 * 1000
ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})


@dataclass(frozen=True, slots=True)
class Archived:
    """A delivery as it was received; `jobs` are as the receiver made them (design.md 5)."""

    receipt: Receipt
    event_name: str | None
    jobs: list[dict[str, Any]] = field(default_factory=list)


def load(stack: Stack, key: str) -> Archived | None:
    """Read one delivery, None if it is not in the archive any more."""
    try:
        answer = stack.s3.get_object(Bucket=stack.archive, Key=key)
    except ClientError as error:
        if error.response["Error"].get("Code") in ABSENT:
            return None
        raise
    kept = json.loads(answer["Body"].read())
    receipt = Receipt(kept["delivery_id"], kept["received_at"], kept["channel"], key)
    try:
        delivery = deliveries.read(archive.raw_body(kept))
    except UnreadableDeliveryError:
        return Archived(receipt, None)
    try:
        jobs = deliveries.split(delivery, receipt).jobs
    except UnreadableDeliveryError:
        jobs = []
    return Archived(receipt, delivery.event_name, jobs)


def find(stack: Stack, delivery_id: str, now: int) -> str | None:
    """Return the key of a delivery that was received within the archive's time before `now`."""
    for days in range(stack.number("ArchiveRetentionDays") + 1):
        key = archive.key(delivery_id, now - days * DAY)
        answer = stack.s3.list_objects_v2(Bucket=stack.archive, Prefix=key, MaxKeys=1)
        if answer.get("KeyCount"):
            return key
    return None


def span(stack: Stack, since: int | None, until: int | None, now: int) -> tuple[int, int]:
    """Return the part of a span of time (ms) that the archive can hold deliveries of at `now`.

    Of an end that is None that is all. S3 may delete a day later than it has to.
    """
    oldest = now - (stack.number("ArchiveRetentionDays") + 1) * DAY
    return (
        oldest if since is None else max(since, oldest),
        now if until is None else min(until, now),
    )


def keys(stack: Stack, since: int, until: int) -> Iterator[str]:
    """Yield the keys of all deliveries of the days (UTC) that a span of time (ms) touches."""
    pages = stack.s3.get_paginator("list_objects_v2")
    day = since - since % DAY
    while day < until:
        prefix = f"deliveries/{times.day(day).replace('-', '/')}/"
        for page in pages.paginate(Bucket=stack.archive, Prefix=prefix):
            yield from (found["Key"] for found in page.get("Contents", []))
        day += DAY
