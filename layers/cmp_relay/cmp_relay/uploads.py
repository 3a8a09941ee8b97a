"""Uploads: an object of ours becomes a file that CMP knows by a key (facts.md 7)."""

from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from cmp_relay.errors import InvalidCommandError
from cmp_relay.open_api import OpenApi
from cmp_relay.storage import Storage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LARGEST = 200_000_000
"""Bytes: an upload has to fit into the time of one invocation."""
UPLOAD_SECONDS = 30
MISSING = {"NoSuchKey", "404"}


@dataclass(frozen=True, slots=True)
class Uploads:
    """Uploads objects of one bucket to CMP's storage."""

    objects: "S3Client"
    bucket: str
    storage: Storage
    base: str

    def size(self, key: str) -> int:
        """Return the bytes of an object; raises InvalidCommandError if it cannot be sent."""
        try:
            found = self.objects.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                raise InvalidCommandError("key: there is no such object") from None
            raise
        size = found["ContentLength"]
        if size > LARGEST:
            raise InvalidCommandError(f"key: the object has more than {LARGEST} bytes")
        return size

    def send(self, api: OpenApi, key: str) -> str:
        """Send an object and return CMP's key for it; raises ApiErrors."""
        form = api.get(f"{self.base.rstrip('/')}/upload-url")
        with TemporaryFile() as file:
            self.objects.download_fileobj(self.bucket, key, file)
            file.seek(0)
            return self.storage.send(form, key.rpartition("/")[2], file, UPLOAD_SECONDS)
