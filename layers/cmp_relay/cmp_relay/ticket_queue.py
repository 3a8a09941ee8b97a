"""The queue of ticket jobs, for whoever tells the bus of external steps."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cmp_relay import clients, settings, ticket_jobs
from cmp_relay.fields import at, text
from cmp_relay.jobs import ExternalWorkJob

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

KINDS: Mapping[str, ticket_jobs.Told] = {
    "external_sub_step_started": "work_started",
    "external_sub_step_comment_added": "comment_added",
    "external_sub_step_completed": "work_completed",
}


@dataclass(frozen=True, slots=True)
class TicketQueue:
    """One queue of ticket jobs, for steps of one external system (its name in CMP)."""

    client: "SQSClient"
    queue_url: str
    external_system: str

    def offer(self, job: ExternalWorkJob, event: Mapping[str, Any]) -> None:
        """Put the job that follows from an event of an external step into the queue, if one does.

        Which system a step is for is what CMP shows, or what the delivery said (facts.md 2.5). If
        neither tells, on_ticket knows whether the step has a ticket: only opening one needs it.
        """
        kind = KINDS.get(job.event_name)
        delivered = job.external_work.external_system if job.external_work else None
        system = text(at(event, "external_work", "external_system")) or delivered
        if kind is None or job.sub_step.href is None or (system is None and kind == "work_started"):
            return
        if system is None or system.casefold() == self.external_system.casefold():
            body = json.dumps(ticket_jobs.message(job, kind, event))
            self.client.send_message(QueueUrl=self.queue_url, MessageBody=body)


def build(environment: Mapping[str, str]) -> TicketQueue | None:
    """Build what a function's environment names, None without a ticket system.

    Raises SettingsError.
    """
    own = settings.read(settings.TicketQueueSettings, environment)
    if not own.jira_base_url:
        return None
    return TicketQueue(clients.sqs(), own.ticket_queue_url, own.jira_external_system)
