"""What the stand-in's logs hold: requests, downloads and deliveries, never a secret's value."""

from __future__ import annotations

from typing import Any, TypedDict


class RequestRecord(TypedDict):
    """A request to the public side; `status` is None while no whole answer was sent."""

    at: float
    method: str
    path: str
    query_keys: list[str]
    status: int | None
    bearer: str
    fault: str | None
    authorization_sha256: str | None


class DownloadRecord(TypedDict):
    """A request to the file host; `whole` once the answer was sent to its end."""

    at: float
    path: str
    asset_id: str | None
    token: bool
    authorization: bool
    cookie: bool
    range: str | None
    status: int | None
    sent_bytes: int
    whole: bool
    fault: str | None


class UploadRecord(TypedDict):
    """A file sent to the storage of uploads; `key` is None if no form came with it."""

    key: str | None
    size: int
    sha256: str
    authorization: bool
    status: int


class DeliveryRecord(TypedDict):
    """One delivery with all its attempts; the last one's `status` is None if nobody answered."""

    at: float
    event_name: str | None
    channel: str | None
    delivered: bool
    status: int | None
    attempts: int
    response: Any


class ExternalStep(TypedDict):
    """A task's external step and where the Open API shows what belongs to it."""

    task_id: str
    step_id: str
    sub_step_id: str
    links: dict[str, str]


class Sent(TypedDict):
    """What a publish, sync or unpublish led to."""

    publishing_event_id: str
    deliveries: list[DeliveryRecord]
