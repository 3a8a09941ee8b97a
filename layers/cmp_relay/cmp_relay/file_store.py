"""Files in a bucket: streams of any length, of which no more than two parts are ever in memory.

S3 checks every part against its SHA-256 and shows an object only once it is whole. An upload that
stops half-way stays there for the next visit; what is not the announced file leaves nothing.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import ClientError

from cmp_relay.downloads import UNKNOWN_TYPE, Download, check_size, check_type
from cmp_relay.errors import FileError, FileLengthError, PostponedError, UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PART_BYTES = 8 * 1024 * 1024
GONE = {"NoSuchUpload", "404"}


class Announced(Protocol):
    """What CMP tells of a file (`file_sources.Source`)."""

    @property
    def mime_type(self) -> str | None:
        """Return its type, None if CMP tells none."""

    @property
    def size(self) -> int | None:
        """Return its length in bytes, None if CMP tells none."""

    @property
    def version(self) -> str:
        """Return what changes whenever its bytes do."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An upload that was begun; `size` is that of the whole file, None if nobody told."""

    key: str
    upload_id: str
    version: str
    mime_type: str
    validator: str | None
    size: int | None

    @property
    def can_go_on(self) -> bool:
        """Tell whether its host can be asked for the rest of the very same file."""
        return self.validator is not None and self.size is not None


@dataclass(frozen=True, slots=True)
class Part:
    """A part that S3 has; `checksum` is its SHA-256 as base64."""

    etag: str
    checksum: str
    size: int


@dataclass(frozen=True, slots=True)
class Begun:
    """An upload to go on with, and its parts from the first one on, without a gap."""

    unfinished: Unfinished
    parts: tuple[Part, ...]

    @property
    def start(self) -> int:
        """Return the first byte that is missing."""
        return sum(part.size for part in self.parts)


@dataclass(frozen=True, slots=True)
class Stored:
    """An object that is whole.

    `checksum` is the SHA-256 of its bytes as base64, or of its parts' digests with `-` and their
    number, as S3 does it.
    """

    key: str
    etag: str
    size: int
    checksum: str
    mime_type: str


@dataclass(slots=True)
class _Upload:
    """A multipart upload on its way."""

    client: "S3Client"
    bucket: str
    unfinished: Unfinished
    parts: list[Part]
    added: int = field(default=0, init=False)

    def add(self, body: bytes) -> None:
        """Store the next part."""
        checksum = _base64_sha256(body)
        answer = self.client.upload_part(
            Bucket=self.bucket,
            Key=self.unfinished.key,
            UploadId=self.unfinished.upload_id,
            PartNumber=len(self.parts) + 1,
            Body=body,
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=checksum,
        )
        self.parts.append(Part(answer["ETag"], checksum, len(body)))
        self.added += 1

    def finish(self, body: bytes) -> Stored:
        """Store the last part and make all of them an object."""
        self.add(body)
        answer = self.client.complete_multipart_upload(
            Bucket=self.bucket,
            Key=self.unfinished.key,
            UploadId=self.unfinished.upload_id,
            MultipartUpload={
                "Parts": [
                    {"PartNumber": number, "ETag": part.etag, "ChecksumSHA256": part.checksum}
                    for number, part in enumerate(self.parts, start=1)
                ]
            },
        )
        return Stored(
            key=self.unfinished.key,
            etag=answer["ETag"],
            size=sum(part.size for part in self.parts),
            checksum=_composite(self.parts),
            mime_type=self.unfinished.mime_type,
        )


class FileStore:
    """The files of one bucket."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        """Use `bucket` through `client`."""
        self._client = client
        self.bucket = bucket

    def resume(self, unfinished: Unfinished) -> Begun | None:
        """Look how far an upload has come; None if its file has to be fetched from the start.

        The download that goes on with it begins at `Begun.start` and names the validator.
        """
        parts = self._parts(unfinished) if unfinished.can_go_on else []
        if parts:
            return Begun(unfinished, tuple(parts))
        self.discard(unfinished)
        return None

    def receive(
        self,
        download: Download,
        source: Announced,
        key: str,
        *,
        keep: Callable[[Unfinished], object],
        go_on: Callable[[], bool],
        begun: Begun | None = None,
    ) -> Stored:
        """Store what is downloaded under the key if it is what the source announces.

        `keep` is handed an upload as soon as there is one. Once `go_on` says no, PostponedError
        leaves it to the next visit; UnavailableError, which counts, if that would begin anew.
        """
        if not go_on():
            raise PostponedError("no time is left to begin a download", delay=0)
        upload = self._continued(begun, download, source, key)
        is_anew = begun is not None and upload is None
        buffer = bytearray()
        try:
            for chunk in _announced(download, source):
                buffer += chunk
                while len(buffer) > PART_BYTES:
                    upload = upload or self._begin(key, source, download, keep)
                    upload.add(_take(buffer))
                if not go_on():
                    raise _interrupted(download, upload, is_anew=is_anew)
        except FileError:
            if upload:
                self.discard(upload.unfinished)
            raise
        if upload:
            return upload.finish(bytes(buffer))
        return self._put(key, _mime_type(source, download), bytes(buffer))

    def copy(self, key: str, bucket: str, to: str) -> None:
        """Copy a file of at most 5 GiB, with its type, to a key of a bucket."""
        self._client.copy_object(
            Bucket=bucket,
            Key=to,
            CopySource={"Bucket": self.bucket, "Key": key},
            ChecksumAlgorithm="SHA256",
        )

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object, if there is one."""
        self._client.delete_object(Bucket=bucket, Key=key)

    def discard(self, unfinished: Unfinished) -> None:
        """End an upload and what it has stored, if it is still there."""
        try:
            self._client.abort_multipart_upload(
                Bucket=self.bucket, Key=unfinished.key, UploadId=unfinished.upload_id
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in GONE:
                raise

    def _continued(
        self, begun: Begun | None, download: Download, source: Announced, key: str
    ) -> _Upload | None:
        """Return the upload to which the download is the rest; one that it is not is ended."""
        if begun:
            known = begun.unfinished
            of_this = (known.key, known.version, known.size) == (key, source.version, download.size)
            if of_this and download.start == begun.start:
                return _Upload(self._client, self.bucket, known, list(begun.parts))
            self.discard(known)
        if download.start:
            raise UnavailableError(f"{download.name}: the rest of another file")
        return None

    def _begin(
        self,
        key: str,
        source: Announced,
        download: Download,
        keep: Callable[[Unfinished], object],
    ) -> _Upload:
        mime_type = _mime_type(source, download)
        answer = self._client.create_multipart_upload(
            Bucket=self.bucket, Key=key, ContentType=mime_type, ChecksumAlgorithm="SHA256"
        )
        unfinished = Unfinished(
            key=key,
            upload_id=answer["UploadId"],
            version=source.version,
            mime_type=mime_type,
            validator=download.validator,
            size=download.size,
        )
        keep(unfinished)
        return _Upload(self._client, self.bucket, unfinished, [])

    def _put(self, key: str, mime_type: str, body: bytes) -> Stored:
        checksum = _base64_sha256(body)
        answer = self._client.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=body,
            ContentType=mime_type,
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=checksum,
        )
        return Stored(key, answer["ETag"], len(body), checksum, mime_type)

    def _parts(self, unfinished: Unfinished) -> list[Part]:
        """List the whole parts from the first one on; a page of 1,000 holds more than 8 GB."""
        try:
            answer = self._client.list_parts(
                Bucket=self.bucket, Key=unfinished.key, UploadId=unfinished.upload_id
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in GONE:
                return []
            raise
        parts: list[Part] = []
        for told in answer.get("Parts", []):
            is_next = told["PartNumber"] == len(parts) + 1 and told["Size"] == PART_BYTES
            leaves_some = (len(parts) + 1) * PART_BYTES < (unfinished.size or 0)
            if not (is_next and leaves_some and "ChecksumSHA256" in told):
                break
            parts.append(Part(told["ETag"], told["ChecksumSHA256"], told["Size"]))
        return parts


def _interrupted(
    download: Download, upload: _Upload | None, *, is_anew: bool
) -> PostponedError | UnavailableError:
    """Return the error of a stop: coming back for nothing has to count, or it would never end.

    So it has if the host, asked for the rest, has sent all of it anew.
    """
    if upload and upload.added and upload.unfinished.can_go_on and not is_anew:
        return PostponedError(f"{download.name}: goes on in the next visit", delay=0)
    return UnavailableError(f"{download.name}: too slow to come in one visit")


def _announced(download: Download, source: Announced) -> Iterator[bytes]:
    """Yield what comes as long as it is what was announced; raises FileDiffersError."""
    check_type(source.mime_type, download.mime_type)
    check_size(source.size, download.size)
    size = download.start
    for chunk in download.chunks():
        size += len(chunk)
        if source.size is not None and size > source.size:
            raise FileLengthError(f"more than the {source.size} bytes that were announced came")
        yield chunk
    check_size(source.size, size)


def _mime_type(source: Announced, download: Download) -> str:
    """Return what the object is to be served as."""
    if download.mime_type == UNKNOWN_TYPE and source.mime_type:
        return source.mime_type
    return download.mime_type


def _take(buffer: bytearray) -> bytes:
    with memoryview(buffer) as view, view[:PART_BYTES] as first:
        part = bytes(first)
    del buffer[:PART_BYTES]
    return part


def _composite(parts: Sequence[Part]) -> str:
    """Return the checksum that S3 gives to an object of these parts."""
    digests = b"".join(b64decode(part.checksum) for part in parts)
    return f"{_base64_sha256(digests)}-{len(parts)}"


def _base64_sha256(data: bytes) -> str:
    return b64encode(sha256(data).digest()).decode()
