"""The state of a stack at a glance: queues, outcomes, API budget, token, reconciliation."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console

from cmp_relay import quota, slots, times
from cmp_relay.budget_table import BudgetTable
from cmp_relay.checkpoints import Checkpoints
from cmp_relay.outcomes import SHARDS
from cmp_relay_cli import measurements
from cmp_relay_cli.measurements import Measured, Metric
from cmp_relay_cli.output import facts, moment, row, table
from cmp_relay_cli.stack import Stack

OUTCOMES = ("applied", "superseded", "dead_lettered")
AGE_MINUTES = 15


@dataclass(frozen=True, slots=True)
class QueueState:
    """How many messages a queue has; `working` are being worked on or have an appointment.

    `oldest` is the age in seconds of the oldest as CloudWatch measured it last, None if it has not,
    or does not tell: then `unmeasured` is its word for why.
    """

    name: str
    waiting: int
    working: int
    dead_letters: int | None = None
    oldest: int | None = None
    unmeasured: str | None = None


@dataclass(frozen=True, slots=True)
class BudgetState:
    """The requests to CMP of this month and its limit, and whether CMP is asked at all.

    `forecast` is how many they will be if the month goes on as it began; `stopped_by` is why nobody
    asks CMP but a probe.
    """

    month: str
    used: int
    limit: int
    forecast: int
    runs_out_at: str | None
    stopped_by: str | None
    paused_until: str | None


def read(stack: Stack, now: int) -> dict[str, Any]:
    """Return the whole state at `now` (ms); nothing is changed, no message is touched."""
    return {
        "stack": stack.name,
        "at": times.iso(now),
        "queues": [asdict(each) for each in queues(stack, now)],
        "today": outcomes(stack, times.day(now)),
        "budget": asdict(budget(stack, now)),
        "token": token(stack),
        "reconcile": reconcile(stack),
    }


def queues(stack: Stack, now: int) -> list[QueueState]:
    """Return every queue's state."""
    ages = _ages(stack, now)
    found = []
    for name in stack.work_queues:
        waiting, working = counts(stack, stack.queue(name))
        dead = sum(counts(stack, stack.dead_letter_queue(name)))
        age = ages[name]
        # Values that lack may be the latest.
        oldest = int(age.values[max(age.values)]) if age.values and not age.failure else None
        found.append(QueueState(name, waiting, working, dead, oldest, age.failure))
    for name in stack.other_queues:
        waiting, working = counts(stack, stack.queue(name))
        found.append(QueueState(name, waiting, working))
    return found


def counts(stack: Stack, url: str) -> tuple[int, int]:
    """Return about how many messages of a queue can be received now, and how many cannot."""
    answer = stack.sqs.get_queue_attributes(
        QueueUrl=url,
        AttributeNames=[
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesDelayed",
            "ApproximateNumberOfMessagesNotVisible",
        ],
    )
    numbers = {name: int(value) for name, value in answer["Attributes"].items()}
    visible = numbers.get("ApproximateNumberOfMessages", 0)
    delayed = numbers.get("ApproximateNumberOfMessagesDelayed", 0)
    hidden = numbers.get("ApproximateNumberOfMessagesNotVisible", 0)
    return visible + delayed, hidden


def outcomes(stack: Stack, day: str) -> dict[str, dict[str, int]]:
    """Return how many jobs that were received on a UTC day have ended how, by their cause."""
    sums: dict[str, Counter[str]] = {"delivery": Counter()}
    for shard in range(SHARDS):
        answer = stack.dynamodb.query(
            TableName=stack.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"COUNT#{day}#{shard:02d}"}},
        )
        for item in answer["Items"]:
            cause = item["sk"]["S"].removeprefix("COUNT").removeprefix("#") or "delivery"
            ended = {name: int(item[name]["N"]) for name in OUTCOMES if name in item}
            sums.setdefault(cause, Counter()).update(ended)
    return {cause: {name: found[name] for name in OUTCOMES} for cause, found in sums.items()}


def budget(stack: Stack, now: int) -> BudgetState:
    """Return the state of the API budget at `now` (ms)."""
    state, limit = BudgetTable(stack.dynamodb, stack.table).read(), _limit(stack)
    month = slots.month(now)
    used = state.used.get(month, 0)
    # As the alarms reckon: the first hours of a month tell too little of it.
    began = slots.month_began(now)
    so_far = max(quota.DAY, now - began)
    forecast = used * (slots.next_month(now) - began) // so_far
    return BudgetState(
        month=month,
        used=used,
        limit=limit,
        forecast=max(used, forecast),
        runs_out_at=moment(quota.runs_out_at(used, limit, now)),
        stopped_by=state.open_reason,
        paused_until=moment(state.resume_at) if state.resume_at > now else None,
    )


def token(stack: Stack) -> dict[str, Any]:
    """Return when the cached access token was stored, None if there is none; never the token."""
    answer = stack.secrets.describe_secret(SecretId=stack.outputs["TokenSecretArn"])
    has_value = any(
        "AWSCURRENT" in stages for stages in answer.get("VersionIdsToStages", {}).values()
    )
    changed = answer.get("LastChangedDate") if has_value else None
    return {"stored_at": moment(int(changed.timestamp() * 1000)) if changed else None}


def reconcile(stack: Stack) -> dict[str, Any]:
    """Return the run that compares the library, if one is under way, and the last one's report."""
    checkpoint = Checkpoints(stack.dynamodb, stack.table).read()
    run = checkpoint.run
    return {
        "under_way": run and {"run": run.id, "pages": run.pages, **asdict(run.counts)},
        "last": checkpoint.report,
    }


def show(state: Mapping[str, Any], console: Console) -> None:
    """Print the state for a person."""
    made = table("queue", "#waiting", "#working", "#dead letters", "#oldest (s)", title="Queues")
    for each in state["queues"]:
        oldest = "not known" if each["unmeasured"] else each["oldest"]
        counted = (each[name] for name in ("name", "waiting", "working", "dead_letters"))
        row(made, (*counted, oldest))
    console.print(made)
    made = table("jobs of", *(f"#{name}" for name in OUTCOMES), title="\nReceived today (UTC)")
    for cause, ended in state["today"].items():
        row(made, (cause, *(ended[name] for name in OUTCOMES)))
    console.print(made)
    own = state["budget"]
    console.print("\n[bold]Requests to CMP[/]")
    facts(
        console,
        {
            f"used in {own['month']}": f"{own['used']} of {own['limit']}",
            "forecast": f"{own['forecast']}, {100 * own['forecast'] / own['limit']:.0f} %",
            "runs out": own["runs_out_at"] or "not this month",
            "stopped by": own["stopped_by"],
            "paused until": own["paused_until"],
            "token stored": state["token"]["stored_at"] or "none yet",
        },
    )
    last, running = state["reconcile"]["last"], state["reconcile"]["under_way"]
    console.print("\n[bold]Reconciliation[/]")
    facts(
        console,
        {
            "under way": running and f"{running['run']}, {running['pages']} pages",
            "last": last and f"{last['run']}: {last['status']} {last['reason'] or ''}".rstrip(),
        },
    )


def _limit(stack: Stack) -> int:
    return stack.number("ApiRequestsPerMonth")


def _ages(stack: Stack, now: int) -> dict[str, Measured]:
    """Return the age of the oldest message (s) by queue, as CloudWatch has measured it."""
    metrics = [
        Metric(
            "AWS/SQS",
            "ApproximateAgeOfOldestMessage",
            {"QueueName": stack.queue(name).rpartition("/")[2]},
            "Maximum",
        )
        for name in stack.work_queues
    ]
    begin = now - AGE_MINUTES * 60_000
    found = measurements.read(stack, metrics, begin=begin, end=now, period=60)
    return dict(zip(stack.work_queues, found, strict=True))
