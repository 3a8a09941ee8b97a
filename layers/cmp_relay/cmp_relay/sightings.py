"""What a full run has seen of CMP's library, kept in the asset bucket until the run ends.

An object for each page, since a run may take hours and many ticks; named by the page, so that one
that is read again after a crash replaces itself. A lifecycle rule sweeps up what is left behind.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LARGEST_DELETION = 1000


class Sightings:
    """The sightings of all runs, under `reconcile/` in one bucket."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        """Use `bucket` through `client`."""
        self._client = client
        self._bucket = bucket

    def note(self, run_id: str, page: int, types: Mapping[str, str]) -> None:
        """Keep which assets a page has shown: their types by id."""
        self._put(f"{_pages(run_id)}{page:06d}.json", types)

    def all(self, run_id: str) -> dict[str, str]:
        """Return every asset that the run has seen: their types by id."""
        seen: dict[str, str] = {}
        for key in self._keys(_pages(run_id)):
            seen.update(self._get(key))
        return seen

    def keep_candidates(self, run_id: str, assets: Sequence[Mapping[str, object]]) -> None:
        """Keep the assets that may be gone, as jobs carry them."""
        self._put(_candidates(run_id), assets)

    def candidates(self, run_id: str) -> list[dict[str, Any]]:
        """Return the assets that may be gone."""
        found: list[dict[str, Any]] = self._get(_candidates(run_id))
        return found

    def forget(self, run_id: str) -> None:
        """Remove all that is kept of a run."""
        keys = list(self._keys(_of(run_id)))
        for start in range(0, len(keys), LARGEST_DELETION):
            chunk = keys[start : start + LARGEST_DELETION]
            self._client.delete_objects(
                Bucket=self._bucket,
                Delete={"Objects": [{"Key": key} for key in chunk], "Quiet": True},
            )

    def _keys(self, prefix: str) -> Iterator[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix
        )
        for page in pages:
            for found in page.get("Contents", ()):
                yield found["Key"]

    def _put(self, key: str, content: object) -> None:
        self._client.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=json.dumps(content).encode(),
            ContentType="application/json",
        )

    def _get(self, key: str) -> Any:  # noqa: ANN401 - JSON can be anything
        return json.loads(self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read())


def _of(run_id: str) -> str:
    return f"reconcile/{run_id}/"


def _pages(run_id: str) -> str:
    return f"{_of(run_id)}pages/"


def _candidates(run_id: str) -> str:
    return f"{_of(run_id)}candidates.json"
