"""CMP, the relay's workers and a Jira in one circle: what one is told comes back from the other."""

import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import boto3

from cmp_relay import jira_webhook
from cmp_relay.command_queue import CommandQueue
from cmp_relay.deliveries import Receipt
from cmp_relay.external_links import ExternalLinks
from cmp_relay.jira import Jira
from cmp_relay.jira_credentials import JiraCredentials
from cmp_relay.leases import Leases
from cmp_relay.ticket_jobs import TicketJob, read_ticket_job
from cmp_relay.ticket_queue import TicketQueue
from cmp_relay.ticket_table import TicketTable
from cmp_relay.ticketing import LEASE_SECONDS, Ticketing
from cmp_relay.told_links import ToldLinks
from cmp_relay.worker import Worker
from tests.support import environment, external_steps, publish_jobs
from tests.support.external_steps import COMMENTS, RESOURCES, SUB_STEP
from tests.support.killer import ProcessKilled
from tests.support.stub_server import StubServer
from tests.support.worker_stack import CONTEXT, WorkerStack, clients
from tools.stand_in_jira.client import StandInJira
from tools.stand_in_jira.process import API_TOKEN, EMAIL

if TYPE_CHECKING:
    from cmp_relay.tickets import Tickets

Message = tuple[str, str]
"""The queue, and the body."""


class TicketWorld:
    """One external step and its ticket; every worker is as a new execution environment has it."""

    def __init__(
        self,
        stack: WorkerStack,
        jira: StandInJira,
        hooks: StubServer,
        http: Any,  # noqa: ANN401
    ) -> None:
        """Let CMP show the step, and Jira tell `hooks` what happens."""
        self.stack = stack
        self.jira = jira
        self.hooks = hooks
        self.rejected = frozenset({"rejected", "won't do"})
        self.cmp_comments: dict[str, dict[str, Any]] = {}
        self.completed = 0
        self._numbers = itertools.count(1)
        secrets = boto3.client("secretsmanager")
        content = json.dumps({"email": EMAIL, "api_token": API_TOKEN})
        secrets.create_secret(Name="jira-credentials", SecretString=content)
        credentials = JiraCredentials(secrets, "jira-credentials")
        self.tickets: Tickets = Jira(
            http, credentials, jira.base_url, project="CMP", issue_type="Task"
        )
        self.start_jira_anew()
        stack.api.resources.update(RESOURCES)
        stack.api.writes["POST", COMMENTS] = lambda body: self._post(body["value"])
        stack.api.writes["PATCH", SUB_STEP] = self._complete
        self._show_comments()

    def worker(self) -> Worker[TicketJob]:
        """Build a worker of tickets."""
        table, _, _, queues = clients("workers")
        work = Ticketing(
            tickets=self.tickets,
            table=TicketTable(table, "catalogue"),
            queue=CommandQueue(queues, environment.queue_url("command")),
            leases=Leases(table, "catalogue", now=self.stack.lease_clock.seconds),
            rejected=self.rejected,
            now=self.stack.clock,
        )
        worker: Any = self.stack.worker()
        return cast("Worker[TicketJob]", replace(worker, read=read_ticket_job, work=work.apply))

    # CMP

    def delivered(self, event_name: str, comment_id: str = "comment-1") -> Message:
        """Return the job of an event of the step."""
        receipt = publish_jobs.receipt(f"delivery-{next(self._numbers)}", self.stack.clock())
        raw = external_steps.body(event_name, comment_id)
        (body,) = publish_jobs.jobs(raw, receipt)
        return "external-work", body

    def comment_in_cmp(self, words: str) -> Message:
        """Let a person comment in CMP."""
        comment = self._post(words)
        return self.delivered("external_sub_step_comment_added", comment["id"])

    def _post(self, words: str) -> dict[str, Any]:
        comment_id = f"comment-{next(self._numbers)}"
        link = f"{COMMENTS}/{comment_id}"
        comment = {"id": comment_id, "value": words, "links": {"self": link}}
        self.cmp_comments[comment_id] = comment
        self.stack.api.resources[link] = comment
        self._show_comments()
        return comment

    def _show_comments(self) -> None:
        self.stack.api.resources[COMMENTS] = {"data": list(self.cmp_comments.values())}

    def _complete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        assert body == {"is_completed": True}
        self.completed += 1
        return {}

    # Jira

    def start_jira_anew(self, *, copies: int = 2) -> None:
        """Let Jira forget everything but whom it tells how often, and search without delay."""
        self.jira.reset()
        self.jira.index_after(0)
        self.jira.register(self.hooks.url, copies=copies)

    def heard(self) -> list[Message]:
        """Return the jobs of what Jira has told since it was asked last."""
        self.jira.webhooks()
        bodies = [asked.body for asked in self.hooks.asked]
        self.hooks.asked.clear()
        jobs = (job for body in bodies for job in jira_webhook.jobs(body, self._receipt()))
        return [("ticket", json.dumps(job)) for job in jobs]

    def _receipt(self) -> Receipt:
        return Receipt(f"hook-{next(self._numbers)}", self.stack.clock(), "jira", "deliveries/1")

    # The relay

    def work(self, message: Message) -> bool:
        """Let a new worker have a message, and tell whether it is done."""
        queue, body = message
        workers: dict[str, Callable[[], Worker[Any]]] = {
            "ticket": self.worker,
            "command": self._command_worker,
            "external-work": self._external_worker,
        }
        answer = workers[queue]().handle(self.stack.event(body), CONTEXT)
        return not answer["batchItemFailures"]

    def work_and_die(self, message: Message, call: int, *, after: bool) -> None:
        """Let a worker have a message that dies at this call to AWS, if it comes to it."""
        self.stack.killer.kill_at(call, after=after)
        try:
            self.work(message)
        except ProcessKilled:
            self.stack.lease_clock.advance(LEASE_SECONDS + 1)
        finally:
            self.stack.killer.spare()

    def waiting(self) -> list[Message]:
        """Take what is in the queues."""
        return [
            (queue, str(message["Body"]))
            for queue in ("ticket", "command")
            for message in self.stack._messages(queue)
        ]

    def settle(self, messages: Iterable[Message] = (), rounds: int = 50) -> None:
        """Work until nobody has anything to tell any more, let time pass for what comes back."""
        left = list(messages)
        for _ in range(rounds):
            left += [*self.waiting(), *self.heard()]
            if not left:
                return
            left = [message for message in left if not self.work(message)]
            if left:
                self.stack.sleep(61)
        msg = f"still at work: {left}"
        raise AssertionError(msg)

    def finish(self, message: Message) -> None:
        """Work on one message until it is done, let time pass while it comes back."""
        for _ in range(10):
            if self.work(message):
                return
            self.stack.sleep(61)
        msg = f"still at work: {message}"
        raise AssertionError(msg)

    def calls_of(self, message: Message) -> list[str]:
        """Work on a message and return the calls to AWS that this takes."""
        self.stack.killer.calls.clear()
        assert self.work(message)
        return list(self.stack.killer.calls)

    def commands(self) -> list[dict[str, Any]]:
        """Take the commands that wait."""
        return [json.loads(body) for queue, body in self.waiting() if queue == "command"]

    def _command_worker(self) -> Worker[Any]:
        told = ToldLinks(clients("workers").table, "catalogue", now=self.stack.clock)
        return self.stack.command_worker({"link_ticket": ExternalLinks(self.stack.desk(), told)})

    def _external_worker(self) -> Worker[Any]:
        queue = TicketQueue(clients("workers").queues, environment.queue_url("ticket"), "Jira")
        return self.stack.external_work_worker(queue)
