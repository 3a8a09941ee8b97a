"""Carries talks out: people in CMP and in Jira, and programs that put commands into the queue."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tools.chaos.talk_truth import Command, StepTruth, TalkTruth
from tools.chaos.talks import url_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from tools.chaos.talks import OtherEvent, Publication, Saying, Step, Talks
    from tools.chaos.world import World

TICKET_SECONDS = 420.0
"""As long as a busy machine needs to come out of CMP's outage."""
LOOK_SECONDS = 1.0
REPEATED_AFTER = (0.0, 20.0)
"""When a program sends each of its commands, after it has given it."""
NOWHERE = "chaos.nowhere"


@dataclass
class Talking:
    """Lets all talk; `sleep_until` waits for a moment of the run, `truth` is what was said."""

    world: World
    talks: Talks
    tell: Callable[[str], None]
    sleep_until: Callable[[float], None]
    truth: TalkTruth = field(default_factory=TalkTruth)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(100))

    def start(self) -> list[Future[None]]:
        """Begin all talks and return what is to be waited for."""
        return [
            *(self._pool.submit(self._work, step) for step in self.talks.steps),
            *(self._pool.submit(self._report, one) for one in self.talks.publications),
            *(
                self._pool.submit(self._announce, one, offset)
                for one in self.talks.others
                for offset in one.offsets
            ),
        ]

    def finish(self) -> None:
        """Wait until every command was sent and Jira has told everything."""
        self._pool.shutdown()
        self.world.jira.webhooks()

    def _work(self, step: Step) -> None:
        """Go through a step: on both sides of it, or by a program's commands alone."""
        made = self.world.cmp.tasks.add(step.system, title=step.name)
        truth = StepTruth(step, made["sub_step_id"])
        self.truth.steps.append(truth)
        self.sleep_until(step.begins)
        if step.has_ticket:
            self.world.cmp.tasks.act("start", truth.sub_step_id)
            truth.ticket = self._ticket(truth.sub_step_id)
            if truth.ticket is None:
                return
        else:
            self._link(step, made["links"]["sub_step"])
        for saying in step.sayings:
            self.sleep_until(saying.at)
            self._say(saying, truth, made["links"]["comments"])
        self.sleep_until(step.ends)
        self._end(truth, made["links"]["sub_step"])

    def _ticket(self, sub_step_id: str) -> str | None:
        """Wait until the relay has put the ticket on record, and return its id."""
        deadline = time.monotonic() + TICKET_SECONDS
        while time.monotonic() < deadline:
            self.world.age_claims()
            ticket = self.world.ticket_of(sub_step_id)
            if ticket is not None:
                return ticket
            time.sleep(LOOK_SECONDS)
        self.tell(f"no ticket within {TICKET_SECONDS:.0f} s: {sub_step_id}")
        return None

    def _say(self, saying: Saying, truth: StepTruth, comments_link: str) -> None:
        match saying.side:
            case "cmp":
                cmp = self.world.cmp.tasks
                self._pool.submit(cmp.comment, truth.sub_step_id, saying.text, copies=saying.copies)
            case "jira":
                self.world.jira.comment(str(truth.ticket), saying.text)
            case "program":
                self._command("comment", saying.text, comments_link=comments_link, text=saying.text)

    def _link(self, step: Step, link: str) -> None:
        """Let a program start a step of its own, link a ticket to it, and speak of nowhere."""
        self._command("start", f"{step.name}.start", sub_step_link=link)
        self._command(
            "link_ticket",
            f"{step.name}.link",
            external_work_link=f"{link}/external-work",
            identifier=step.name,
        )
        nowhere = f"{NOWHERE}.{step.name}"
        self._command(
            "comment", nowhere, "not_found", comments_link=f"{link}-nowhere/comments", text="?"
        )

    def _end(self, truth: StepTruth, link: str) -> None:
        if truth.ticket is None:
            self._command("complete", f"{truth.step.name}.complete", sub_step_link=link)
        else:
            self.world.jira.move(truth.ticket, "Done")

    def _report(self, publication: Publication) -> None:
        self.sleep_until(publication.at)
        origin = self.world.stack.cmp_url
        link = f"{origin}/v3/publishing-events/{publication.event}/publishing-metadata"
        for asset_id, locale in publication.reports():
            self._command(
                "report_publication",
                f"{publication.event}.{asset_id}.{locale}",
                publishing_event_id=publication.event,
                publishing_metadata_link=link,
                asset_id=asset_id,
                status="published",
                locale=locale,
                public_url=url_of(asset_id, locale),
            )

    def _announce(self, event: OtherEvent, offset: float) -> None:
        self.sleep_until(event.at)
        time.sleep(offset)
        task = {"id": event.subject, "links": {"self": self._link_of(event)}}
        body = {"event_name": event.name, "data": {"task": task}}
        self.truth.others[event.subject] = body
        self.world.cmp.deliver(body=body)

    def _link_of(self, event: OtherEvent) -> str:
        """Return the link of a task that CMP shows."""
        known = self.world.cmp.tasks.add("Ours", id=event.subject)["task_id"]
        return f"{self.world.stack.cmp_url}/v3/tasks/{known}"

    def _command(
        self, name: str, command_id: str, reason: str | None = None, **arguments: object
    ) -> None:
        """Give a command, and send it twice; `reason` is why it becomes a dead letter."""
        self.truth.commands.append(Command(command_id, reason))
        message = json.dumps(
            {
                "schema": 1,
                "command_id": command_id,
                "command": name,
                "issued_at": datetime.now(UTC).isoformat(),
                "arguments": arguments,
            }
        )
        for delay in REPEATED_AFTER:
            self._pool.submit(self._put, message, delay)

    def _put(self, message: str, delay: float) -> None:
        time.sleep(delay)
        url = self.world.queue_urls()["COMMAND"]
        self.world.stack.boto("sqs").send_message(QueueUrl=url, MessageBody=message)
