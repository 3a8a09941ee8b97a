"""The queue of commands with its pollers, in virtual time, and a CMP that takes reports."""

import json
import random
from dataclasses import replace
from typing import Any, cast

from cmp_relay import times
from cmp_relay.commands import CommandJob, read_command_job
from cmp_relay.desk import Desk
from cmp_relay.leases import Leases
from cmp_relay.lookup import Access
from cmp_relay.report_table import ReportTable
from cmp_relay.reports import Reports
from cmp_relay.worker import Worker
from tests.support.fake_metadata import FakeMetadata, link
from tests.support.publish_jobs import API
from tests.support.queue_model import QueueModel
from tests.support.virtual_time import VirtualTime
from tests.support.worker_stack import WorkerStack, clients

POLLERS = 5
EVENT = "event-1"
REQUEST_SECONDS = 0.4


def command(
    asset_id: str,
    *,
    command_id: str | None = None,
    event_id: str = EVENT,
    issued_at: int = 0,
    **arguments: Any,  # noqa: ANN401 - as JSON takes them
) -> str:
    """Return a message that reports an asset as published; `issued_at` is in ms."""
    return json.dumps(
        {
            "schema": 1,
            "command_id": command_id or asset_id,
            "command": "report_publication",
            "issued_at": times.iso(1_795_262_400_000 + issued_at),
            "arguments": {
                "publishing_metadata_link": link(event_id),
                "publishing_event_id": event_id,
                "asset_id": asset_id,
                "status": "published",
                **arguments,
            },
        }
    )


class ReportWorld:
    """A queue of reports, several workers, and CMP (`cmp`)."""

    def __init__(self, stack: WorkerStack, *, pollers: int = POLLERS, most: int = 100) -> None:
        """Build it around a stack."""
        random.seed(6)  # waits are drawn: every run shall be the same
        self.stack = stack
        self.cmp = FakeMetadata()
        self.time = VirtualTime(stack.clock, stack.lease_clock)
        self.most = most
        self.queue = QueueModel(self.time, [self.worker(self.time.sleep) for _ in range(pollers)])
        self.cmp.meanwhile = lambda: self.time.sleep(REQUEST_SECONDS)

    def worker(self, sleep: Any = None) -> Worker[CommandJob]:  # noqa: ANN401
        """Build a worker as a new execution environment would."""
        table = clients("workers").table
        permits = replace(self.stack.permits("live"), sleep=sleep or self.stack.sleep)
        leases = Leases(table, "catalogue", now=self.stack.lease_clock.seconds)
        desk = Desk(Access(self.cmp, permits, API, 100), leases)
        reports = Reports(
            desk, ReportTable(table, "catalogue", self.stack.clock), self.most, self.stack.clock
        )
        worker: Any = self.stack.worker()
        return cast(
            "Worker[CommandJob]",
            replace(worker, read=read_command_job, work=reports.run, reserve_seconds=40),
        )

    def send(self, *messages: str) -> None:
        """Put commands into the queue."""
        for message in messages:
            self.queue.send(message)

    def run(self, milliseconds: int | None = None) -> None:
        """Let the pollers work for so long, or until no message is left."""
        until = None if milliseconds is None else self.time.now() + milliseconds
        while self.queue.messages or until:
            moments = [self.time.next_turn(), self.queue.next_receive()]
            moment = min((each for each in moments if each is not None), default=until or 0)
            if until and moment >= until:
                self.time.jump(until)
                return
            self.time.jump(moment)
            receive = self.queue.next_receive()
            if receive is not None and receive <= moment:
                self.queue.receive()
            else:
                self.time.give_turn()

    @property
    def sizes(self) -> list[int]:
        """Return how many reports each request held."""
        return [len(post) for post in self.cmp.posts]

    def told(self, event_id: str = EVENT) -> list[tuple[str, str | None, str]]:
        """Return asset, locale and status of what CMP has."""
        entries = self.cmp.entries.get(link(event_id), [])
        return [(one["asset_id"], one["locale"], one["status"]) for one in entries]

    def outcomes(self) -> dict[str, str | None]:
        """Return what became of each command."""
        found = self.stack.outcomes()
        return {job_id.removeprefix("command."): outcome for job_id, outcome in found.items()}

    def reasons(self) -> dict[str, str | None]:
        """Return why each command ended as it did."""
        items = self.stack.items("JOB#command.")
        return {item["pk"].removeprefix("JOB#command."): item.get("reason") for item in items}

    def left(self) -> list[str]:
        """Return the kinds of items that are left of reports, but for results, and of leases."""
        items = [*self.stack.items("REPORTS#"), *self.stack.items("LEASE#reports")]
        return [item["sk"] for item in items if not (item.get("verdict") and item["sk"] != "FLUSH")]
