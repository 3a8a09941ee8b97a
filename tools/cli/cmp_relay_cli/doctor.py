"""What is wrong with a stack, or soon will be, each finding with what to do about it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape

from cmp_relay import quota, times
from cmp_relay.entries import KINDS
from cmp_relay.errors import CmpRelayError, ForbiddenError, NotFoundError, StorageError
from cmp_relay.verification import Secrets
from cmp_relay_cli import cmp, errors, measurements, registration, status
from cmp_relay_cli.errors import OperatorError
from cmp_relay_cli.measurements import Measured, Metric
from cmp_relay_cli.stack import Stack

Level = Literal["ok", "warning", "problem"]
SIGNS: dict[Level, str] = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "problem": "[red]✗[/]"}
OLD_MINUTES = 120
"""An hour's token is renewed when half an hour of it is left, and the schedule comes every ten."""
FEW_MINUTES = 10
"""As `TokenAlarm` has it."""
MEASURED_MINUTES = 30
ALARM_PARTS = 2
"""CloudFormation calls an alarm by the stack, the logical id and a random word, with hyphens."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what is the matter with it, and what to do about it."""

    about: str
    level: Level
    what: str
    advice: str | None = None


Look = Callable[[Stack, int], Iterator[Finding]]


def examine(stack: Stack, now: int, step: Callable[[int], None]) -> list[Finding]:
    """Look at everything; nothing is changed, CMP is asked one question."""
    findings: list[Finding] = []
    for look in LOOKS:
        findings += _seen(look, stack, now)
        step(1)
    return findings


def credentials(stack: Stack, _: int) -> Iterator[Finding]:
    """Tell whether CMP's credentials have been put in; nobody reads them here."""
    if _has_value(stack, "CredentialsSecretArn"):
        yield Finding("credentials", "ok", "there are some")
    else:
        by_hand = "put client_id and client_secret into the secret, as the README's Deploy says"
        advice = "`cmp-relay login` asks for them" if _is_for_a_person(stack) else by_hand
        yield Finding("credentials", "problem", "the secret is empty", advice)


def token(stack: Stack, now: int) -> Iterator[Finding]:
    """Tell how old the cached token is, and whether somebody goes on renewing it.

    How long it lives is CMP's to say: an hour, or 30 days for an app in development mode (facts.md
    3). Where nobody has measured what is left, the hour is taken for granted.
    """
    stored_at = status.token(stack)["stored_at"]
    if stored_at is None:
        by_app = "see the log of refresh_token; CMP has to allow Client Credentials for the app"
        by_person = "log in to CMP with `cmp-relay login`, or see the log of refresh_token"
        advice = by_person if _is_for_a_person(stack) else by_app
        yield Finding("token", "problem", "there is none yet", advice)
        return
    age = (now - (times.read(stored_at) or now)) // 60_000
    life = _life(stack, now)
    # Values that lack may be the latest.
    left = None if life.failure or not life.values else int(life.values[max(life.values)]) // 60
    what = f"stored {age} minutes ago" + ("" if left is None else f", good for {left} more")
    if age > OLD_MINUTES and life.failure:
        what += f"; CloudWatch does not tell for how many more it is good ({life.failure})"
        yield Finding("token", "warning", what, "look again, or see TokenAlarm in CloudWatch")
    elif age > OLD_MINUTES if left is None else left < FEW_MINUTES:
        advice = "see whether refresh_token's schedule is on, and what its log says"
        yield Finding("token", "warning", what, advice)
    else:
        yield Finding("token", "ok", what)


def webhooks(stack: Stack, _: int) -> Iterator[Finding]:
    """Hold what CMP has registered against what the stack expects (Experimental in CMP)."""
    about, url = "webhook", stack.outputs["WebhookUrl"]
    answer = stack.secrets.get_secret_value(SecretId=stack.outputs["WebhookSecretArn"])
    try:
        secrets = Secrets.of(answer.get("SecretString", ""))
    except StorageError as error:
        yield Finding(about, "problem", f"the stack's own secret: {error}", "put a good one in")
        return
    try:
        with cmp.connected(stack) as api:
            settings = api.settings.get()
    except (ForbiddenError, NotFoundError):
        advice = "look in CMP at Apps & Webhooks, or give the app's role the right to see settings"
        yield Finding(about, "warning", "CMP does not show its settings to the app", advice)
        return
    except CmpRelayError as error:
        yield Finding("CMP", "problem", f"shows no settings: {error}", "see `cmp-relay status`")
        return
    yield Finding("CMP", "ok", "accepts the token")
    if not registration.legible(settings):
        advice = f"look in CMP at Apps & Webhooks whether one leads to {url}"
        what = "CMP shows its settings in a shape that we do not know"
        yield Finding(about, "warning", what, advice)
        return
    found = registration.ours(settings, url, secrets, in_url=stack.takes_secret_in_url)
    if not found:
        advice = f"`cmp-relay register`, or enter {url} in CMP at Apps & Webhooks"
        yield Finding(about, "problem", "CMP has none that leads here", advice)
        return
    for one in found:
        if one.secret is None:
            advice = (
                "`cmp-relay register`, or enter the secret's `current`: its deliveries are refused"
            )
            yield Finding(about, "problem", f"{one.name} sends another secret", advice)
        elif one.secret != "current":  # noqa: S105 - a name
            advice = "`cmp-relay register`, and see `cmp-relay rotate-secret status`"
            yield Finding(about, "warning", f"{one.name} sends the secret {one.secret}", advice)
        else:
            yield Finding(about, "ok", f"{one.name} leads to channel {one.channel}")
    for event, names in registration.twice(found).items():
        advice = "drop it from all but one of them: each delivery costs a job"
        yield Finding(about, "warning", f"{event} comes from {', '.join(names)}", advice)
    lacking = registration.missing(found)
    if lacking:
        advice = "add them in CMP at Apps & Webhooks, unless you do without"
        yield Finding(about, "warning", f"no webhook brings {', '.join(lacking)}", advice)


def channels(stack: Stack, _: int) -> Iterator[Finding]:
    """Tell whether anything that is published has come: CMP's settings do not hold channels."""
    about = "publishing channels"
    for kind in KINDS.values():
        answer = stack.dynamodb.query(
            TableName=stack.table,
            IndexName="listing",
            KeyConditionExpression="listing = :listing",
            ExpressionAttributeValues={":listing": {"S": f"published#{kind}"}},
            Limit=1,
        )
        if answer["Items"]:
            yield Finding(about, "ok", "what was published has come through them")
            return
    advice = "set up a channel of the type webhook in CMP, and publish something through it"
    yield Finding(about, "warning", "nothing that is published has come yet", advice)


def workers(stack: Stack, _: int) -> Iterator[Finding]:
    """Tell of queues that no worker takes jobs from."""
    stopped = [
        name
        for name in stack.work_queues
        if not any(
            each.get("State") in {"Enabled", "Enabling", "Updating", "Creating"}
            for each in stack.functions.list_event_source_mappings(
                EventSourceArn=_queue_arn(stack, name)
            )["EventSourceMappings"]
        )
    ]
    for name in stopped:
        advice = "enable its event source mapping in Lambda"
        yield Finding("workers", "problem", f"nobody takes jobs from {name}", advice)
    if not stopped:
        yield Finding("workers", "ok", f"all {len(stack.work_queues)} queues have theirs")


def schedules(stack: Stack, _: int) -> Iterator[Finding]:
    """Tell of the two schedules that keep token and catalogue fresh."""
    by_function: dict[str, list[str]] = {}
    for page in stack.scheduler.get_paginator("list_schedules").paginate():
        for each in page["Schedules"]:
            arn = each.get("Target", {}).get("Arn", "")
            by_function.setdefault(arn.rpartition(":")[2], []).append(each.get("State", ""))
    for name in ("RefreshToken", "ReconcileLibrary"):
        states = by_function.get(stack.outputs[f"{name}FunctionName"], [])
        if "ENABLED" in states:
            yield Finding("schedules", "ok", f"{name} is on")
        else:
            advice = "enable it in EventBridge Scheduler, or deploy again"
            yield Finding("schedules", "problem", f"{name} is off", advice)


def letters(stack: Stack, now: int) -> Iterator[Finding]:
    """Tell of dead letters and of what could not be read."""
    clean = True
    for each in status.queues(stack, now):
        dead = each.dead_letters if each.dead_letters is not None else each.waiting + each.working
        if dead:
            clean = False
            is_work = each.dead_letters is not None
            advice = "cmp-relay dead-letters list" if is_work else "look into it in SQS's console"
            yield Finding("dead letters", "problem", f"{dead} of {each.name}", advice)
    if clean:
        yield Finding("dead letters", "ok", "there are none")


def budget(stack: Stack, now: int) -> Iterator[Finding]:
    """Tell of the month's requests, and of what stops them now."""
    state = status.budget(stack, now)
    if state.stopped_by:
        advice = "see the credentials" if state.stopped_by == "credentials" else "wait for CMP"
        yield Finding("requests", "problem", f"CMP is not asked: {state.stopped_by}", advice)
    used = quota.percent(state.used, state.limit)
    if state.runs_out_at:
        advice = "lower ReconcileShare, or agree on more with Optimizely and raise the parameter"
        what = f"{used:.0f} % are used, and they run out at {state.runs_out_at}"
        yield Finding("requests", "warning", what, advice)
    else:
        yield Finding("requests", "ok", f"{used:.0f} % of the month's are used")


def alarms(stack: Stack, _: int) -> Iterator[Finding]:
    """Tell which alarms are on."""
    pages = stack.cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=f"{stack.name}-", StateValue="ALARM"
    )
    # A stack whose name begins with this one's and a hyphen has alarms of more parts.
    parts = [
        alarm["AlarmName"].removeprefix(f"{stack.name}-").split("-")
        for page in pages
        for alarm in page["MetricAlarms"]
    ]
    names = [each[0] for each in parts if len(each) == ALARM_PARTS]
    for name in sorted(names):
        yield Finding("alarms", "problem", f"{name} is on", "docs/operations.md says what it means")
    if not names:
        yield Finding("alarms", "ok", "none is on")


LOOKS: tuple[Look, ...] = (
    *(credentials, token, webhooks, channels),
    *(workers, schedules, letters, budget, alarms),
)
ABOUT: dict[Look, str] = {
    webhooks: "webhook",
    channels: "publishing channels",
    letters: "dead letters",
    budget: "requests",
}
"""What a look is about where that is not its name."""


def is_well(findings: Sequence[Finding]) -> bool:
    """Tell whether nothing is wrong now."""
    return not any(finding.level == "problem" for finding in findings)


def document(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the findings as programs read them."""
    return {"well": is_well(findings), "findings": [asdict(each) for each in findings]}


def show(findings: Sequence[Finding], console: Console) -> None:
    """Print the findings for a person."""
    for each in findings:
        console.print(f"{SIGNS[each.level]} {each.about}: {escape(each.what)}", soft_wrap=True)
        if each.advice:
            console.print(f"  [dim]→ {escape(each.advice)}[/]", soft_wrap=True)


def _seen(look: Look, stack: Stack, now: int) -> list[Finding]:
    """Return what one look finds; that it was refused hides neither this nor any other's."""
    found: list[Finding] = []
    try:
        found.extend(look(stack, now))
    except (BotoCoreError, ClientError, OperatorError) as error:
        why = str(error) if isinstance(error, OperatorError) else errors.explain(error)
        advice = "look again; docs/operations.md names the rights that `doctor` needs"
        about = ABOUT.get(look, look.__name__)
        found.append(Finding(about, "problem", f"could not be looked at: {why}", advice))
    return found


def _has_value(stack: Stack, output: str) -> bool:
    answer = stack.secrets.describe_secret(SecretId=stack.outputs[output])
    return any("AWSCURRENT" in each for each in answer.get("VersionIdsToStages", {}).values())


def _queue_arn(stack: Stack, name: str) -> str:
    answer = stack.sqs.get_queue_attributes(QueueUrl=stack.queue(name), AttributeNames=["QueueArn"])
    return answer["Attributes"]["QueueArn"]


def _is_for_a_person(stack: Stack) -> bool:
    """Tell whether the stack acts for a person who has to log in."""
    return stack.parameters.get("CmpGrantType") == "refresh_token"


def _life(stack: Stack, now: int) -> Measured:
    """Return how many seconds the token was good, as refresh_token measured it lately."""
    metric = Metric("CmpRelay", "TokenSecondsLeft", {"service": stack.name}, "Minimum")
    begin = now - MEASURED_MINUTES * 60_000
    (found,) = measurements.read(stack, [metric], begin=begin, end=now, period=60)
    return found
