"""What happened to a delivery or an asset, in the order in which it happened."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from boto3.dynamodb.types import TypeDeserializer
from rich.console import Console

from cmp_relay_cli import archived, job_items
from cmp_relay_cli.archived import Archived
from cmp_relay_cli.errors import MissingError
from cmp_relay_cli.job_items import JobItem
from cmp_relay_cli.output import facts, moment, row, table
from cmp_relay_cli.stack import Stack

SHOWN = 60
"""So many lines of a timeline are shown to a person, the latest."""
STATE = ("type", "title", "published", "library", "modified_at", "version", "details_source")
FILES = ("version", "stored", "copy")
LOOKS = {
    "fetch_began_at": "the details in the catalogue were asked for",
    "seen_at": "CMP's library was looked into last",
    "removed_at": "the newest removal was received",
}


class Moment(NamedTuple):
    """One thing that happened at a time (ms), to a job or to the whole."""

    at: int
    what: str
    job_id: str | None = None


def delivery(stack: Stack, name: str, now: int) -> dict[str, Any] | None:
    """Explain a delivery, named by its id or that of one of its jobs; None if there is none.

    A job that the relay gave itself is shown too: beside those of its delivery if it has one.
    """
    named = job_items.get(stack, [name]).get(name)
    stem, _, number = name.rpartition(".")
    delivery_id = named.delivery_id if named else stem if number.isdecimal() else name
    first = job_items.get(stack, [f"{delivery_id}.0"]).get(f"{delivery_id}.0")
    quarantined = _item(stack, f"QUARANTINE#{delivery_id}", "QUARANTINE")
    known = named or first
    key = known.archive_key if known else (quarantined or {}).get("archive_key")
    if key is None and named is None:
        key = archived.find(stack, delivery_id, now)
        if key is None:
            return None
    kept = archived.load(stack, key) if key else None
    jobs = _jobs_of(stack, kept, first)
    if named and named.job_id not in {job.job_id for job in jobs}:
        jobs.append(named)
    moments = [each for job in jobs for each in _of_job(job)]
    if kept:
        moments.insert(0, Moment(kept.receipt.received_at, "verified, archived and split"))
    if quarantined:
        why = f"quarantined: {quarantined['reason']}"
        moments.append(Moment(quarantined["received_at"], why))
    return {
        "delivery": delivery_id,
        "archive_key": key,
        "archived": kept is not None,
        "event_name": kept.event_name if kept else known and known.event_name,
        "channel": kept.receipt.channel if kept else None,
        "quarantine": quarantined
        and {
            "reason": quarantined["reason"],
            "detail": quarantined["detail"],
        },
        "jobs": [job.document() for job in jobs],
        "timeline": _told(moments),
    }


def asset(stack: Stack, asset_id: str, step: Callable[[int], None]) -> dict[str, Any] | None:
    """Explain an asset; None if the catalogue does not know it. Reads the whole table."""
    answer = stack.dynamodb.query(
        TableName=stack.table,
        ConsistentRead=True,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"ASSET#{asset_id}"}},
    )
    items = {item["sk"]: item for item in map(_plain, answer["Items"])}
    jobs = sorted(
        job_items.scan(stack, "asset_id = :asset", {":asset": asset_id}, step),
        key=lambda job: (job.received_at, job.job_id),
    )
    if not items and not jobs:
        return None
    own = items.get("ASSET", {})
    publications = [item for sk, item in sorted(items.items()) if sk.startswith("PUBLICATION#")]
    files = _item(stack, f"FILES#{asset_id}", "FILES") or {}
    moments = [Moment(own[name], what) for name, what in LOOKS.items() if own.get(name)]
    for job in jobs:
        moments += _of_job(job)
    return {
        "asset": asset_id,
        "state": {name: own.get(name) for name in STATE},
        "publications": [
            {name: each.get(name) for name in ("channel", "publishing_event_id", "status")}
            for each in publications
        ],
        "files": {
            slot: {name: each.get(name) for name in FILES}
            for slot, each in sorted(files.get("files", {}).items())
        },
        "jobs": [job.document() for job in jobs],
        "timeline": _told(moments),
    }


def check_known(stack: Stack, names: Iterable[str], now: int, step: Callable[[int], None]) -> None:
    """Raise MissingError for a delivery or an asset that the relay has never seen."""
    for name in names:
        if delivery(stack, name, now) is None and asset(stack, name, step) is None:
            raise missing(name)


def missing(name: str) -> MissingError:
    """Return what is to be said of something that nobody knows."""
    return MissingError(
        f"{name} is neither a delivery in the archive nor an asset in the catalogue: "
        "deliveries are named in CMP's log of the webhook and in ours, assets in CMP's URLs"
    )


def show(document: Mapping[str, Any], console: Console) -> None:
    """Print the explanation for a person."""
    if "delivery" in document:
        names = ("delivery", "event_name", "channel", "archive_key", "quarantine")
        facts(console, {name: document[name] for name in names})
        if not document["archived"]:
            console.print("It is not in the archive: it cannot be replayed.")
    else:
        facts(console, {"asset": document["asset"], **document["state"]})
        _show_rows(console, "Publications", document["publications"])
        _show_rows(
            console, "Files", [{"slot": slot, **each} for slot, each in document["files"].items()]
        )
    made = table("job", "event", "#attempts", "outcome", "reason", title="\nJobs")
    for job in document["jobs"][-SHOWN:]:
        outcome = job["outcome"] or ("in flight" if job["first_seen_at"] else "not seen")
        row(made, (job["job_id"], job["event_name"], job["attempts"], outcome, job["reason"]))
    console.print(made)
    made = table("when", "what", "job", title="\nTimeline")
    for each in document["timeline"][-SHOWN:]:
        row(made, (each["at"], each["what"], each["job_id"]))
    console.print(made)


def _show_rows(console: Console, title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        made = table(*rows[0], title=f"\n{title}")
        for each in rows:
            row(made, each.values())
        console.print(made)


def _jobs_of(stack: Stack, kept: Archived | None, first: JobItem | None) -> list[JobItem]:
    """Return every job of a delivery, seen by a worker or not."""
    if kept is None:
        return [first] if first else []
    known = job_items.get(stack, [job["job_id"] for job in kept.jobs])
    return [known.get(job["job_id"]) or _unseen(job) for job in kept.jobs]


def _unseen(job: Mapping[str, Any]) -> JobItem:
    return JobItem(
        job_id=job["job_id"],
        delivery_id=job["delivery_id"],
        event_name=job["event_name"],
        cause="delivery",
        received_at=job["received_at"],
        attempts=0,
        asset_id=job.get("asset", {}).get("id"),
        archive_key=job["archive_key"],
    )


def _of_job(job: JobItem) -> list[Moment]:
    """Return what happened to a job between its receipt and its end."""
    whence = "received" if job.cause == "delivery" else f"given by the relay ({job.cause})"
    moments = [Moment(job.received_at, f"{job.event_name} {whence}", job.job_id)]
    if job.first_seen_at:
        moments.append(Moment(job.first_seen_at, "taken by a worker", job.job_id))
    if job.ended_at and job.outcome:
        why = f": {job.text}" if job.text else ""
        ended = f"{job.outcome} at attempt {job.attempts}{why}"
        moments.append(Moment(job.ended_at, ended, job.job_id))
    if job.discarded_at:
        moments.append(Moment(job.discarded_at, "its dead letter was discarded", job.job_id))
    return moments


def _told(moments: Sequence[Moment]) -> list[dict[str, Any]]:
    ordered = sorted(moments, key=lambda each: each.at)
    return [{**each._asdict(), "at": moment(each.at)} for each in ordered]


def _item(stack: Stack, pk: str, sk: str) -> dict[str, Any] | None:
    answer = stack.dynamodb.get_item(
        TableName=stack.table, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
    )
    return _plain(answer["Item"]) if "Item" in answer else None


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    read = TypeDeserializer()
    return {name: _bare(read.deserialize(value)) for name, value in item.items()}


def _bare(value: Any) -> Any:  # noqa: ANN401 - whatever an item holds
    """Return what JSON has too of what DynamoDB has, however deep it lies."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _bare(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_bare(each) for each in value]
    return value
