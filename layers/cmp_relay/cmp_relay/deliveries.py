"""The delivery: what CMP sent in one POST, and the jobs that it holds.

Nothing in a body is required beyond what a job cannot do without, and whatever the body holds,
reading it raises UnreadableDeliveryError or nothing. Problems are told as JSON pointers and
reasons, never as values. Jobs are plain dicts of the shape of `jobs.Job`: the receiver imports no
pydantic.
"""

import json
import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

from cmp_relay import external_entries, routing
from cmp_relay.entries import Entry, asset, entries, library_asset
from cmp_relay.errors import UnreadableDeliveryError
from cmp_relay.fields import at, identifier, text, without_none

JOB_SCHEMA = 1
LARGEST_JOB = 200 * 1024  # bytes; a queue takes 256 KiB

Job = dict[str, Any]


class Receipt(NamedTuple):
    """How we call a delivery; `received_at` is in ms UTC."""

    delivery_id: str
    received_at: int
    channel: str
    archive_key: str


class Delivery(NamedTuple):
    """A readable body: the event's name in the right spelling, its data or None."""

    event_name: str
    data: object


class Problem(NamedTuple):
    """What cannot become a job: where it stands and why."""

    pointer: str
    reason: str


@dataclass(slots=True)
class Split:
    """What a delivery holds; `whole` means that its problem is not that of an entry."""

    jobs: list[Job] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    whole: bool = False


def read(raw: bytes) -> Delivery:
    """Read a raw body; raises UnreadableDeliveryError if it is not an event."""
    try:
        document = json.loads(raw.decode("utf-8-sig"), parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        raise UnreadableDeliveryError("the body is not JSON") from None
    if not isinstance(document, dict):
        raise UnreadableDeliveryError("the body is not an object")
    name = document.get("event_name")
    event_name = identifier(name) if isinstance(name, str) else None
    if event_name is None:
        raise UnreadableDeliveryError("there is no usable event_name")
    return Delivery(routing.canonical(event_name), document.get("data"))


def split(delivery: Delivery, receipt: Receipt) -> Split:
    """Return the jobs of a delivery, numbered in the order of the body.

    Raises UnreadableDeliveryError if a publish event is in a shape that names no entries, if a
    library event names no asset, or one of an external step no sub-step.
    """
    common = _common(delivery, receipt)
    result = Split()
    if routing.is_publish(delivery.event_name):
        common |= _publishing(delivery.data)
        for entry in entries(_assets(delivery.data), "/data/assets"):
            _add(result, common, entry)
    elif routing.is_library(delivery.event_name):
        result.jobs.append(_library(common, delivery.data))
    elif routing.is_external(delivery.event_name):
        result.jobs.append(_external(common, delivery))
    else:
        # The pointer of a body without data leads to the whole body
        place = "" if delivery.data is None else "/data"
        result.jobs.append(_numbered(common, 0, place))
    return result


def _add(result: Split, common: Job, entry: Entry) -> None:
    """Add the job of one entry, or the reason why there is none."""
    found = asset(entry)
    if isinstance(found, str):
        result.problems.append(Problem(entry.pointer, found))
        return
    job = _numbered(common, len(result.jobs), entry.pointer) | {"asset": found}
    if len(json.dumps(job)) > LARGEST_JOB:
        result.problems.append(Problem(entry.pointer, "larger than a message"))
        return
    result.jobs.append(job)


def _library(common: Job, data: object) -> Job:
    """Return the job of a library delivery."""
    found = library_asset(at(data, "asset"))
    if isinstance(found, str):
        raise UnreadableDeliveryError(f"there is no usable data.asset: {found}")
    owner = without_none(organization_id=identifier(at(data, "asset", "owner_organization_id")))
    job = _numbered(owner | common, 0, "/data/asset") | {"asset": found}
    if len(json.dumps(job)) > LARGEST_JOB:
        raise UnreadableDeliveryError("data.asset is larger than a message")
    return job


def _external(common: Job, delivery: Delivery) -> Job:
    """Return the job of a delivery of an external step."""
    is_comment = routing.is_external_comment(delivery.event_name)
    found = external_entries.parts(delivery.data, is_comment=is_comment)
    if isinstance(found, str):
        raise UnreadableDeliveryError(f"there is no usable data.{found}")
    return _numbered(common, 0, "/data") | found


def _numbered(common: Job, number: int, pointer: str) -> Job:
    return {**common, "job_id": f"{common['delivery_id']}.{number}", "entry": pointer}


def _common(delivery: Delivery, receipt: Receipt) -> Job:
    return without_none(
        schema=JOB_SCHEMA,
        delivery_id=receipt.delivery_id,
        received_at=receipt.received_at,
        event_name=delivery.event_name,
        channel=receipt.channel,
        organization_id=identifier(at(delivery.data, "organization", "id")),
        archive_key=receipt.archive_key,
    )


def _publishing(data: object) -> Job:
    """Return what all jobs of a publish delivery share."""
    event, source = at(data, "publishing_event"), at(data, "triggered_from")
    event_id = identifier(at(event, "id"))
    if event_id is None:
        raise UnreadableDeliveryError("there is no usable data.publishing_event.id")
    parts: Job = {
        "publishing_event": without_none(
            id=event_id,
            href=text(at(event, "links", "self")),
            metadata_href=text(at(event, "links", "publishing_metadata")),
        )
    }
    if isinstance(source, dict):
        parts["triggered_from"] = without_none(
            id=identifier(source.get("id")),
            source_type=text(source.get("source_type")),
            href=text(at(source, "links", "self")),
        )
    return parts


def _assets(data: object) -> dict[str, object]:
    """Return data.assets; none at all is a delivery without assets."""
    assets = at(data, "assets")
    if assets is not None and not isinstance(assets, dict):
        raise UnreadableDeliveryError("data.assets is not an object")
    return assets or {}


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):  # 1e999, which nobody further down could write as JSON
        raise ValueError(text)
    return number


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and Infinity are Python's, not JSON's
