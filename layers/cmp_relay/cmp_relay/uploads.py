"""Uploads: an object of ours becomes a file that CMP knows by a key (facts.md 7).

CMP gives a form and where to send it, which is storage of its own: no token goes there, and only
the origins that are listed are sent to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

import httpx
from botocore.exceptions import ClientError

from cmp_relay.errors import InvalidCommandError, UnavailableError
from cmp_relay.exchanges import Deadline, exchange
from cmp_relay.fields import at, text
from cmp_relay.open_api import OpenApi
from cmp_relay.origins import FileOrigins

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
    client: httpx.Client
    origins: FileOrigins
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
        url, fields = text(form.get("url")), at(form, "upload_meta_fields")
        name = text(at(fields, "key"))
        if url is None or name is None or not isinstance(fields, dict):
            raise UnavailableError("GET upload-url: no form")
        # In CMP's order, the file last: that is what its storage asks for.
        values = {key: value for key, value in fields.items() if isinstance(value, str)}
        with TemporaryFile() as file:
            self.objects.download_fileobj(self.bucket, key, file)
            file.seek(0)
            self._post(self.origins.trusted(url), values, key.rpartition("/")[2], file)
        return name

    def _post(self, url: httpx.URL, fields: Mapping[str, str], name: str, file: IO[bytes]) -> None:
        request = self.client.build_request(
            "POST", url, data=dict(fields), files={"file": (name, file)}
        )
        answer = exchange(self.client, request, Deadline(UPLOAD_SECONDS))
        if not 200 <= answer.status < 300:
            raise UnavailableError(f"{answer.name}: {answer.status}", status=answer.status)
