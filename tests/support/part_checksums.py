"""What moto leaves out of S3: ListParts tells the checksum that came with each part."""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from mypy_boto3_s3 import S3Client

Place = tuple[str, int]


def tell_part_checksums(client: "S3Client") -> dict[Place, str]:
    """Let this client's ListParts tell them; returns all that it sent, by upload and number."""
    sent: dict[Place, str] = {}

    def remember(request: "AWSPreparedRequest", **_: object) -> None:
        number = re.search(r"partNumber=(\d+)", request.url)
        upload = re.search(r"uploadId=([^&]+)", request.url)
        if number and upload:
            told = request.headers["x-amz-checksum-sha256"]
            sent[upload[1], int(number[1])] = told.decode() if isinstance(told, bytes) else told

    def tell(parsed: dict[str, Any], **_: object) -> None:
        for part in parsed.get("Parts", []):
            part["ChecksumSHA256"] = sent[parsed["UploadId"], part["PartNumber"]]

    client.meta.events.register_first("before-send.s3.UploadPart", remember)
    client.meta.events.register("after-call.s3.ListParts", tell)
    return sent
