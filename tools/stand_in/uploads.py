"""Uploads: forms that CMP hands out, and the storage that takes them with a file as the last field.

The storage is another host than the Open API's and is shown no token; its answers are those of S3.
"""

from __future__ import annotations

import time
from base64 import b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from mimetypes import guess_type
from secrets import token_hex
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tools.stand_in.contents import Given
from tools.stand_in.files import UNTOLD
from tools.stand_in.form_data import Part, parts
from tools.stand_in.records import UploadRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

PATH = "/uploads"
HOUR = 3600.0


class UploadRules(BaseModel):
    """How long (s) a form is good, and how many of the next uploads fail."""

    model_config = ConfigDict(extra="forbid")

    seconds: float = HOUR
    failures: int = Field(default=0, ge=0)


@dataclass(frozen=True)
class Upload:
    """A file that was uploaded and can be made an asset or a version of one."""

    content: Given
    mime_type: str
    extension: str | None

    @property
    def kind(self) -> str:
        """Tell which kind of asset it becomes."""
        family = self.mime_type.partition("/")[0]
        return family if family in ("image", "video") else "raw_file"


@dataclass
class Uploads:
    """The forms handed out with the end (s) of each, and the files that came, by key."""

    files_origin: str
    rules: UploadRules = field(default_factory=UploadRules)
    now: Callable[[], float] = time.time
    forms: dict[str, tuple[dict[str, str], float]] = field(default_factory=dict)
    by_key: dict[str, Upload] = field(default_factory=dict)
    records: list[UploadRecord] = field(default_factory=list)

    def clear(self) -> None:
        """Forget every form and every file, and go back to the rules of the start."""
        self.rules = UploadRules()
        for one in (self.forms, self.by_key, self.records):
            one.clear()

    def routes(self) -> list[Route]:
        """List the routes of the Open API."""
        return [Route("/v3/upload-url", self.upload_url, methods=["GET"])]

    def storage(self) -> list[Route]:
        """List the routes of the storage."""
        return [Route(PATH, self.upload, methods=["POST"])]

    async def upload_url(self, _: Request) -> Response:
        """Hand out a form."""
        key = token_hex(16)
        form = {
            "key": key,
            "policy": b64encode(f'{{"conditions": [{{"key": "{key}"}}]}}'.encode()).decode(),
            "x-amz-algorithm": "AWS4-HMAC-SHA256",
            "x-amz-credential": "stand-in/20261122/us-east-1/s3/aws4_request",
            "x-amz-date": "20261122T050000Z",
            "x-amz-security-token": token_hex(32),
            "x-amz-signature": token_hex(32),
        }
        self.forms[key] = (form, self.now() + self.rules.seconds)
        return JSONResponse({"url": self.files_origin + PATH, "upload_meta_fields": form})

    async def upload(self, request: Request) -> Response:
        """Take a file with the fields of a form before it, in the form's order."""
        told = parts(request.headers.get("content-type", ""), await request.body())
        *fields, file = told or [Part("", b"", None, None)]
        values = {one.name: one.content.decode(errors="replace") for one in fields}
        answer = self._answer(values, file)
        if answer.status_code == 204:
            self.by_key[values["key"]] = _upload(file)
        record = UploadRecord(
            key=values.get("key"),
            size=len(file.content),
            sha256=sha256(file.content).hexdigest(),
            authorization="authorization" in request.headers,
            status=answer.status_code,
        )
        self.records.append(record)
        return answer

    def _answer(self, values: dict[str, str], file: Part) -> Response:
        if self.rules.failures:
            self.rules.failures -= 1
            return PlainTextResponse("SlowDown", 503)
        if file.name != "file":
            return PlainTextResponse("POST requires exactly one file upload per request", 400)
        form, ends_at = self.forms.get(values.get("key", ""), ({}, 0.0))
        if [*values.items()] != [*form.items()] or self.now() >= ends_at:
            return PlainTextResponse("AccessDenied", 403)
        return Response(None, 204)


def _upload(file: Part) -> Upload:
    name = file.filename or ""
    mime_type = file.mime_type or guess_type(name)[0] or UNTOLD
    _, dot, extension = name.rpartition(".")
    return Upload(Given.of(file.content), mime_type, extension.lower() if dot else None)
