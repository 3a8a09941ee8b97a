"""Sends the sample deliveries through and shows what arrived: `make run`, `make send`.

`make run` brings a stack of its own up for that, `make send` (`--running`) takes the running one.
"""

import json
import sys
import time
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tools.local_stack.bus_tap import BusTap
from tools.local_stack.errors import StackError
from tools.local_stack.folders import PROJECT
from tools.local_stack.progress import shown_on
from tools.local_stack.signals import end_in_good_order
from tools.local_stack.stack import LocalStack
from tools.scenario import deliveries, files, jobs
from tools.scenario.deliveries import Sample
from tools.scenario.report import Passage, Report
from tools.scenario.talk import Talk, Turn
from tools.stand_in.client import StandIn
from tools.stand_in.records import RequestRecord
from tools.stand_in_jira.client import StandInJira

PATIENCE_SECONDS = 60
EVENT_SECONDS = 10
LOG_WIDTH = 120


def main() -> int:
    """Run the scenario and return 0 only if everything arrived."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=LOG_WIDTH)
    began = time.monotonic()
    end_in_good_order()
    try:
        if "--running" in sys.argv[1:]:
            stack = _with_stand_in(LocalStack.running())
            # Its rules may be anybody's.
            report = run(stack, console, wants_copies=False)
            report = replace(report, turns=talk(stack, console))
        else:
            rules = {"FolderRules": files.FOLDER_RULES}
            show = shown_on(console)
            with LocalStack.start(name="run", parameters=rules, progress=show) as stack:
                report = run(stack, console, wants_copies=True)
                report = replace(report, turns=talk(stack, console))
    except StackError as error:
        Console(stderr=True).print(f"[red]✗[/] {error}", soft_wrap=True)
        return 1
    report.show(console, stack.folder.logs.relative_to(PROJECT))
    console.print(f"[dim]{time.monotonic() - began:.0f} s in all[/]")
    return 0 if report.complete else 1


def run(stack: LocalStack, console: Console, *, wants_copies: bool) -> Report:
    """Send every sample, event by event, each once the one before has arrived."""
    tap = BusTap.on(stack.boto, stack.env["EVENT_BUS"], name="samples")
    began = len(requests_of(stack))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    passages: list[Passage] = []
    with (
        StandIn(stack.cmp_url) as cmp,
        Progress(*columns, TimeElapsedColumn(), console=console) as progress,
    ):
        cmp.register_webhook(stack.webhook_url, secret_of(stack))
        for name in deliveries.STAGES:
            samples = deliveries.stage(name)
            task = progress.add_task(name, total=len(samples))
            with ThreadPoolExecutor(len(samples)) as pool:
                for passage in pool.map(lambda sample: send(stack, cmp, sample), samples):
                    passages.append(passage)
                    progress.advance(task)
        ended = [job for passage in passages for job in passage.ended]
        mirrored = files.wait(stack, [*{job.asset_id: None for job in ended}], PATIENCE_SECONDS)
        events = events_of(tap, {job.job_id for job in ended if job.outcome == "applied"})
        requests = len(requests_of(stack)) - began
        return Report(passages, events, mirrored, requests, wants_copies=wants_copies)


def talk(stack: LocalStack, console: Console) -> list[Turn]:
    """Let people and programs answer, turn by turn."""
    tap = BusTap.on(stack.boto, stack.env["EVENT_BUS"], name="talk")
    with (
        StandIn(stack.cmp_url) as cmp,
        StandInJira(stack.jira_url) as jira,
        console.status("answering: a report, and a ticket in Jira"),
    ):
        return list(Talk(stack, cmp, jira, tap).turns())


def events_of(tap: BusTap, job_ids: AbstractSet[str]) -> dict[str, dict[str, Any]]:
    """Take events until each of these jobs has told its own, or for too long."""
    events: dict[str, dict[str, Any]] = {}
    deadline = time.monotonic() + EVENT_SECONDS
    while True:
        events |= {event["detail"]["id"]: event for event in tap.take(seconds=0)}
        if job_ids <= events.keys() or time.monotonic() > deadline:
            return events


def requests_of(stack: LocalStack) -> list[RequestRecord]:
    """List the requests that the stand-in's API has had."""
    with StandIn(stack.cmp_url) as cmp:
        return cmp.requests("/v3")


def secret_of(stack: LocalStack) -> str:
    """Return the secret that deliveries have to show by now: somebody may have rotated it."""
    arn = stack.outputs["WebhookSecretArn"]
    answer = stack.boto("secretsmanager").get_secret_value(SecretId=arn)
    current: str = json.loads(answer["SecretString"])["current"]
    return current


def _with_stand_in(stack: LocalStack) -> LocalStack:
    if not stack.has_stand_in:
        raise StackError("the samples need the stand-in CMP: `make up` without CMP_URL")
    return stack


def send(stack: LocalStack, cmp: StandIn, sample: Sample) -> Passage:
    """Send one sample and wait until its jobs have ended."""
    body = sample.body(stack.cmp_url)
    deliveries.prepare(cmp, body)
    options = {"channel": sample.channel} if sample.channel else {}
    record = cmp.deliver(raw=body, **options)[0]
    answer = record["response"] if record["delivered"] else {}
    delivery_id, count = str(answer.get("delivery_id", "refused")), int(answer.get("jobs", 0))
    return Passage(
        event_name=str(record["event_name"]),
        channel=sample.channel or "default",
        delivery_id=delivery_id,
        jobs=count,
        ended=jobs.wait(stack, delivery_id, count, PATIENCE_SECONDS),
    )


if __name__ == "__main__":
    sys.exit(main())
