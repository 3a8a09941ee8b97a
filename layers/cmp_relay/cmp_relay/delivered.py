"""What was delivered: the entry or the data of a job, read from the archived body."""

import json
from typing import TYPE_CHECKING, Any

from cmp_relay import archive, pointers
from cmp_relay.errors import ArchiveError
from cmp_relay.jobs import OtherEventJob, PublishJob

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
        entry = self._at(job.archive_key, job.entry)
        if not isinstance(entry, dict):
            raise ArchiveError("the archived entry is not an object")
        return entry

    def data(self, job: OtherEventJob) -> Any:  # noqa: ANN401 - JSON can be anything
        """Return the data of the job's event as CMP sent them; raises ArchiveError."""
        # A job that points at the whole body is that of a body without data.
        return self._at(job.archive_key, job.entry) if job.entry else None

    def _at(self, key: str, pointer: str) -> Any:  # noqa: ANN401 - JSON can be anything
        last, body = self._last
        if last != key:
            body = self._body(key)
            self._last = (key, body)
        try:
            return pointers.resolve(body, pointer)
        except LookupError:
            raise ArchiveError("the archived body has no such entry") from None

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
