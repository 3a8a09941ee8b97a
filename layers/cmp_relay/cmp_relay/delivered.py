"""What was delivered: the entry of a job, read from the archived body."""

import json
from typing import TYPE_CHECKING, Any

from cmp_relay import archive, pointers
from cmp_relay.errors import ArchiveError
from cmp_relay.jobs import PublishJob

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Delivered:
    """The archived deliveries; keeps the last one, since its jobs tend to come together."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        """Read from `bucket` through `client`."""
        self._client = client
        self._bucket = bucket
        self._last: tuple[str, Any] = ("", None)

    def entry(self, job: PublishJob) -> dict[str, Any]:
        """Return the job's entry as CMP sent it; raises ArchiveError if it is not there."""
        key, body = self._last
        if key != job.archive_key:
            body = self._body(job.archive_key)
            self._last = (job.archive_key, body)
        try:
            entry = pointers.resolve(body, job.entry)
        except LookupError:
            raise ArchiveError("the archived body has no such entry") from None
        if not isinstance(entry, dict):
            raise ArchiveError("the archived entry is not an object")
        return entry

    def _body(self, key: str) -> Any:  # noqa: ANN401 - JSON can be anything
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
        except self._client.exceptions.NoSuchKey:
            raise ArchiveError("the archived delivery is gone") from None
        try:
            raw = archive.raw_body(json.loads(answer["Body"].read()))
            return json.loads(raw.decode("utf-8-sig"))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise ArchiveError("the archived delivery cannot be read") from None
