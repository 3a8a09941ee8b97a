"""What a backfill left behind: the catalogue, its jobs, dead letters and requests to CMP."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tools.backfill.standing import Standing
    from tools.backfill.stops import Stop
    from tools.backfill.world import World

SAMPLES = 20
"""Of so many assets the stored details are read."""


@dataclass(frozen=True)
class Kept:
    """What the catalogue has of an asset; `sequence` counts what its consumers were told."""

    library: str
    title: str
    sequence: int


@dataclass(frozen=True)
class Observation:
    """Everything that the verdict looks at; titles and `kept` by asset id.

    `jobs` counts those of the run by their outcome, and none of files.
    """

    titles: Mapping[str, str]
    kept: Mapping[str, Kept]
    jobs: Mapping[str, int]
    standing: Standing
    stops: Sequence[Stop]
    requests: int
    levels: frozenset[str] = frozenset()
    waiting: int = 0
    dead_letters: Mapping[str, int] = field(default_factory=dict)


def look(world: World, standing: Standing, stops: Sequence[Stop]) -> Observation:
    """Look at everything, once all is over."""
    requests = len(world.cmp.requests("/v3"))
    kept: dict[str, Kept] = {}
    keys: list[str] = []
    jobs: Counter[str] = Counter()
    for item in _items(world):
        if item.get("cause", {}).get("S") == "reconcile":
            jobs[item.get("outcome", {}).get("S", "in flight")] += 1
        elif item["sk"]["S"] == "ASSET":
            kept[item["asset_id"]["S"]] = _kept(item)
            keys.append(item["details_key"]["S"])
    return Observation(
        titles=world.titles,
        kept=kept,
        jobs=jobs,
        standing=standing,
        stops=stops,
        requests=requests,
        levels=frozenset(_levels(world, keys[:: max(1, len(keys) // SAMPLES)])),
        waiting=world.waiting(),
        dead_letters=world.dead_letters(),
    )


def _items(world: World) -> Iterator[dict[str, Any]]:
    """Yield what matters of all items of assets and jobs."""
    pages = (
        world.stack.boto("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=world.table,
            ConsistentRead=True,
            FilterExpression="sk IN (:asset, :job)",
            ProjectionExpression=(
                "sk, cause, asset_id, library, title, #sequence, details_key, #outcome"
            ),
            ExpressionAttributeNames={"#sequence": "sequence", "#outcome": "outcome"},
            ExpressionAttributeValues={":asset": {"S": "ASSET"}, ":job": {"S": "JOB"}},
        )
    )
    for page in pages:
        yield from page["Items"]


def _kept(item: Mapping[str, Any]) -> Kept:
    library, title = item.get("library", {}), item.get("title", {})
    return Kept(library.get("S", "unknown"), title.get("S", ""), int(item["sequence"]["N"]))


def _levels(world: World, keys: Sequence[str]) -> Iterator[str]:
    s3, bucket = world.stack.boto("s3"), world.stack.env["ASSET_BUCKET"]
    for key in keys:
        answer = s3.get_object(Bucket=bucket, Key=key)
        yield str(json.loads(answer["Body"].read()).get("level"))
