"""Dead letters: chosen by what their JOB items say, moved or thrown away message by message.

A queue is walked, and those that were not chosen are shown again at the end. A chosen one is sent
before it is deleted. Who is killed between leaves both, of which the worker ends the job once; the
dead letter of a job that has ended is deleted by the next walk.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.console import Console

from cmp_relay_cli import job_items, moments, status
from cmp_relay_cli.errors import MissingError, OperatorError
from cmp_relay_cli.job_items import JobItem
from cmp_relay_cli.output import facts, moment, row, table
from cmp_relay_cli.queue_walk import QueueWalk
from cmp_relay_cli.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

DEAD = "dead_lettered"
DONE = frozenset({"applied", "superseded"})
KEPT = 14 * 24 * 3600 * 1000
"""How long (ms) a dead-letter queue keeps a message; the JOB item stays for longer."""
SENT_BACK = KEPT + 10 * 24 * 3600 * 1000
"""So long (ms) after a job's end it can wait in its work queue, if it was sent back at the last."""
MOST_BYTES = 240 * 1024  # a batch may have 256 KiB
ADVICE = {
    "archive_unreadable": "publish or sync the asset again in CMP",
    "aws": "look at the service that the detail names, at the role and the quotas, then redrive",
    "conflict": "look at DynamoDB, at the role and the quotas of the account, then redrive",
    "crashed": "look for the job's id in the log of its function, then redrive",
    "expired": "mend what it waited for, then redrive",
    "file_denied": "see whether the app may download the file in CMP, then redrive",
    "file_guid_unknown": (
        "see whether the app's role may download the asset; if it may, ask Optimizely's support by "
        "which guid CMP counts its files, and tell us"
    ),
    "file_length": "upload the file anew in CMP, or redrive",
    "file_not_found": "modify the asset in CMP, so that its details are fetched anew, then redrive",
    "file_too_large": "raise MaxFileMegabytes and redrive, or discard",
    "file_type": "upload the file anew in CMP, or redrive",
    "forbidden": "give the app's role the right to see the asset in CMP, then redrive",
    "no_quota": "wait for the next month, or raise ApiRequestsPerMonth, then redrive",
    "not_announced": "look at EventBridge, at the role and the quotas of the account, then redrive",
    "rate_limited": "redrive",
    "request_refused": "see whether what it is about is in order in CMP, then redrive",
    "unauthorized": "see whether the app may still ask in CMP (`doctor`), then redrive",
    "unavailable": "redrive",
    "unexpected_error": "tell us, with the function's log; redrive once it is mended",
    "unreadable_job": "see who sends to the queue",
    "untrusted_link": "if the origin is CMP's: add it to CmpApiOrigins or FileOrigins, redrive",
}
OTHER_ADVICE = "look for the reason in the project's docs; if it is in none, tell us"
STRAY_ADVICE = (
    "`dead-letters redrive` and `discard` delete those of jobs that have ended, whatever they are "
    "told to choose; look at the rest in SQS's console"
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which dead letters are meant; what is empty does not narrow, times are ms of their end."""

    reasons: Sequence[str] = ()
    events: Sequence[str] = ()
    assets: Sequence[str] = ()
    deliveries: Sequence[str] = ()
    jobs: Sequence[str] = ()
    since: int | None = None
    until: int | None = None

    def takes(self, item: JobItem) -> bool:
        """Tell whether a dead letter is meant."""
        lists = (
            (self.reasons, item.reason),
            (self.events, item.event_name),
            (self.assets, item.asset_id),
            (self.deliveries, item.delivery_id),
            (self.jobs, item.job_id),
        )
        ended_at = item.ended_at or 0
        return (
            all(not wanted or value in wanted for wanted, value in lists)
            and (self.since is None or ended_at >= self.since)
            and (self.until is None or ended_at < self.until)
        )


@dataclass(slots=True)
class Report:
    """What became of the chosen ones.

    `sent_before` were sent back by somebody else, or by a command that was killed; `leftovers` were
    dead letters of jobs that had ended after all, `missing` are in no queue. `hidden` were not
    found either, but their queue holds messages that somebody else hides, or that have just come;
    `waiting` were not found, but their work queue holds messages: they may be among them.
    """

    moved: list[str] = field(default_factory=list)
    discarded: list[str] = field(default_factory=list)
    sent_before: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    def document(self) -> dict[str, list[str]]:
        """Return it as programs read it: a job's dead letter may have been there twice."""
        return {name: sorted(set(ids)) for name, ids in asdict(self).items()}


def find(stack: Stack, chosen: Filter, step: Callable[[int], None]) -> list[JobItem]:
    """Return the dead letters that are meant, oldest first; those thrown away are none.

    Raises MissingError for a job that is named and that nobody knows.
    """
    condition = "outcome = :dead AND attribute_not_exists(discarded_at)"
    if chosen.jobs:
        known = job_items.get(stack, chosen.jobs)
        for job_id in chosen.jobs:
            if job_id not in known:
                raise missing(job_id)
        found: Iterable[JobItem] = known.values()
        found = [item for item in found if item.outcome == DEAD and item.discarded_at is None]
    else:
        found = job_items.scan(stack, condition, {":dead": DEAD}, step)
    meant = [item for item in found if chosen.takes(item)]
    return sorted(meant, key=lambda item: (item.ended_at or 0, item.job_id))


def missing(job_id: str) -> MissingError:
    """Return what is to be said of a job that is no dead letter."""
    message = f"{job_id} is no dead letter: `cmp-relay dead-letters list --each` shows which are"
    return MissingError(message)


def advice(reason: str) -> str:
    """Return what to do about dead letters of this reason."""
    return ADVICE.get(reason, OTHER_ADVICE)


def groups(items: Iterable[JobItem]) -> list[dict[str, Any]]:
    """Group them by reason and event, the largest group first."""
    sizes: Counter[tuple[str, str]] = Counter()
    members: dict[tuple[str, str], list[JobItem]] = {}
    for item in items:
        key = item.reason, item.event_name
        sizes[key] += 1
        members.setdefault(key, []).append(item)
    return [
        {
            "reason": reason,
            "event_name": event_name,
            "count": count,
            "first": moment(members[reason, event_name][0].ended_at),
            "last": moment(members[reason, event_name][-1].ended_at),
            "detail": members[reason, event_name][-1].detail,
            "advice": advice(reason),
            "jobs": [item.job_id for item in members[reason, event_name]],
        }
        for (reason, event_name), count in sizes.most_common()
    ]


def strays(stack: Stack, items: Iterable[JobItem], now: int) -> list[dict[str, Any]]:
    """Return a group of what the queues hold beside the dead letters `items`, which are all.

    What cannot be read as a job, or was never finished by a worker, has no JOB item that says so.
    """
    listed = Counter(item.queue for item in items if (item.ended_at or 0) > now - KEPT)
    counts = {
        queue: sum(status.counts(stack, stack.dead_letter_queue(queue))) - listed[queue]
        for queue in stack.work_queues
    }
    more = {queue: count for queue, count in counts.items() if count > 0}
    if not more:
        return []
    queues = ", ".join(f"{count} of {queue}" for queue, count in more.items())
    return [
        {
            "reason": "no_known_job",
            "event_name": None,
            "count": sum(more.values()),
            "first": None,
            "last": None,
            "detail": f"{queues}, by SQS's count, which can be a minute late",
            "advice": STRAY_ADVICE,
            "jobs": [],
        }
    ]


def redrive(stack: Stack, items: Sequence[JobItem], step: Callable[[int], None]) -> Report:
    """Send the dead letters back into their work queues and delete them there.

    Each job is sent back once: what has failed again meanwhile stays a dead letter.
    """
    report, moved = Report(), set[str]()

    def move(queue: str, walk: QueueWalk, messages: Sequence["MessageTypeDef"]) -> None:
        before = [message for message in messages if _job_id(message) not in moved]
        if not before:
            return
        once: dict[str, MessageTypeDef] = {}
        for message in before:
            once.setdefault(_job_id(message), message)
        _send(stack, stack.queue(queue), [*once.values()])
        # All were there before their job was sent back, so none tells of a failure since.
        walk.delete(before)
        moved.update(once)
        report.moved += once
        step(len(once))

    _walk_queues(stack, items, move, report)
    return report


def discard(
    stack: Stack, items: Sequence[JobItem], now: int, step: Callable[[int], None]
) -> Report:
    """Delete the dead letters for good; their JOB items say when (`now`, ms)."""
    report = Report()

    def throw_away(_: str, walk: QueueWalk, messages: Sequence["MessageTypeDef"]) -> None:
        walk.delete(messages)
        ids = [_job_id(message) for message in messages]
        job_items.discard(stack, ids, now)
        report.discarded += ids
        step(len(messages))

    _walk_queues(stack, items, throw_away, report)
    # Killed between, or gone after 14 days: only the note is owed. One that waits is left alone.
    job_items.discard(stack, report.missing, now)
    return report


def _walk_queues(
    stack: Stack,
    items: Sequence[JobItem],
    act: Callable[[str, QueueWalk, Sequence["MessageTypeDef"]], None],
    report: Report,
) -> None:
    """Walk every dead-letter queue that holds anything: also leftovers alone are worth it."""
    wanted, acted = {item.job_id for item in items}, set[str]()
    unseen, busy = set[str](), set[str]()
    oldest = moments.now() - SENT_BACK
    recent = {item.job_id for item in items if (item.ended_at or 0) > oldest}
    for queue in stack.work_queues:
        url = stack.dead_letter_queue(queue)
        lacking = {item.job_id for item in items if item.queue == queue}
        if not lacking and not any(status.counts(stack, url)):
            continue
        walk = QueueWalk(stack, url)
        with closing(walk.messages(partial(_lacks, stack, lacking))) as received:
            for messages in received:
                meant = [message for message in messages if _job_id(message) in wanted]
                rest = [message for message in messages if _job_id(message) not in wanted]
                for batch in _batches(meant):
                    act(queue, walk, batch)
                    acted |= set(map(_job_id, batch))
                    lacking -= acted
                report.leftovers += _clear(stack, walk, rest)
        if not walk.saw_all:
            unseen |= lacking
        # Before the jobs are looked at: what a worker ends in between is no dead letter then.
        elif lacking & recent and any(status.counts(stack, stack.queue(queue))):
            busy |= lacking & recent
    left = wanted - acted
    _lacks(stack, left)
    report.missing += sorted(left - unseen - busy)
    report.hidden += sorted(left & unseen)
    report.waiting += sorted(left & busy)
    report.sent_before += sorted(wanted - acted - left)


def _lacks(stack: Stack, job_ids: set[str]) -> bool:
    """Tell whether any of these is still a dead letter; those that are not leave the set."""
    known = job_items.get(stack, job_ids)
    job_ids &= {job_id for job_id, item in known.items() if item.outcome == DEAD}
    return bool(job_ids)


def _clear(stack: Stack, walk: QueueWalk, messages: Sequence["MessageTypeDef"]) -> list[str]:
    """Delete the dead letters of jobs that have ended after all, and return the jobs' ids."""
    known = job_items.get(stack, [_job_id(each) for each in messages if _job_id(each)])
    done = [
        message
        for message in messages
        if (item := known.get(_job_id(message))) and item.outcome in DONE
    ]
    walk.delete(done)
    return [_job_id(message) for message in done]


def _batches(messages: Sequence["MessageTypeDef"]) -> Iterator[list["MessageTypeDef"]]:
    """Yield what fits into one request."""
    batch: list[MessageTypeDef] = []
    size = 0
    for message in messages:
        own = len(message["Body"].encode()) + sum(
            len(name) + len(value.get("StringValue", "").encode()) + len(value["DataType"])
            for name, value in message.get("MessageAttributes", {}).items()
        )
        if batch and size + own > MOST_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += own
    if batch:
        yield batch


def _send(stack: Stack, url: str, messages: Sequence["MessageTypeDef"]) -> None:
    """Send them as they are; raises OperatorError if one was not taken."""
    answer = stack.sqs.send_message_batch(
        QueueUrl=url,
        Entries=[
            {
                "Id": str(number),
                "MessageBody": message["Body"],
                "MessageAttributes": {
                    name: {"DataType": "String", "StringValue": value.get("StringValue", "-")}
                    for name, value in message.get("MessageAttributes", {}).items()
                },
            }
            for number, message in enumerate(messages)
        ],
    )
    if answer.get("Failed"):
        # Those that were taken are worked on; their dead letters are cleared by the next walk.
        raise OperatorError("the work queue did not take every message: repeat the command")


def _job_id(message: "MessageTypeDef") -> str:
    attribute = message.get("MessageAttributes", {}).get("job_id")
    return attribute.get("StringValue", "") if attribute else ""


def show_groups(found: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Print groups for a person, each with what to do."""
    if not found:
        console.print("There are none.")
        return
    made = table("reason", "event", "#count", "first", "last", title="Dead letters")
    for group in found:
        row(made, (group[name] for name in ("reason", "event_name", "count", "first", "last")))
    console.print(made)
    told: set[str] = set()
    for group in found:
        if group["reason"] not in told:
            told.add(group["reason"])
            console.print(f"\n[bold]{group['reason']}[/]")
            facts(console, {"for example": group["detail"], "what to do": group["advice"]})


def show_items(items: Sequence[JobItem], console: Console) -> None:
    """Print dead letters one by one."""
    made = table("job", "event", "asset", "ended", "reason")
    for item in items:
        row(made, (item.job_id, item.event_name, item.asset_id, moment(item.ended_at), item.text))
    console.print(made)


def show_report(document: Mapping[str, Any], console: Console) -> None:
    """Print what became of the chosen ones."""
    console.print(f"Dead letters chosen: {len(document['chosen'])}")
    if document["dry_run"]:
        console.print("Nothing was changed.")
        return
    names = {
        "moved": "sent back",
        "discarded": "discarded",
        "sent_before": "had been sent back before",
        "leftovers": "deleted, since their jobs have ended after all",
        "missing": "not in any queue",
        "hidden": "not found, in a queue that somebody else looks into",
        "waiting": "not found, but perhaps sent back and not yet taken by a worker",
    }
    facts(console, {text: len(document[name]) for name, text in names.items() if document[name]})
    if document["moved"]:
        console.print("They are listed until a worker takes them.")
