"""The ticket job: what a ticket system is to be told of an external step, or what it told us.

Like every job it names things and holds links. What CMP shows of the step comes along as the event
that the bus has heard of it: on_ticket asks CMP nothing.
"""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import ValidationError, model_validator

from cmp_relay.errors import UnreadableJobError
from cmp_relay.jobs import ExternalWorkJob, Identifier, Job, Linked, SubStep

CAUSE = "ticket"
Told = Literal["work_started", "comment_added", "work_completed"]
Heard = Literal["ticket_changed", "ticket_commented"]


class TicketPart(Linked):
    """A ticket by its id in the ticket system; `key` is what people call it."""

    key: Identifier | None = None


class TicketJob(Job):
    """A job about one ticket: from CMP it names the sub-step, from the ticket system the ticket.

    `event` is the detail of the event ExternalWork… that the sub-step's job put on the bus.
    """

    kind: Told | Heard
    sub_step: SubStep | None = None
    ticket: TicketPart | None = None
    comment: Linked | None = None
    event: Mapping[str, Any] | None = None

    @model_validator(mode="after")
    def _says_of_what(self) -> Self:
        from_tickets = self.kind in {"ticket_changed", "ticket_commented"}
        has_subject = self.ticket if from_tickets else self.sub_step and self.sub_step.href
        needs_comment = self.kind in {"comment_added", "ticket_commented"}
        if not has_subject or (needs_comment and self.comment is None):
            msg = "a job of this kind names its sub-step or ticket, and its comment"
            raise ValueError(msg)
        return self


def read_ticket_job(body: str) -> TicketJob:
    """Read a queue message's body; raises UnreadableJobError naming fields, never values."""
    try:
        return TicketJob.model_validate_json(body)
    except ValidationError as error:
        fields = sorted({".".join(map(str, one["loc"])) or "body" for one in error.errors()})
        raise UnreadableJobError(f"unreadable: {', '.join(fields)}") from None


def message(job: ExternalWorkJob, kind: Told, event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the message that follows from a job of an external step, always the same one."""
    job_id = f"{CAUSE}.{job.job_id}"
    return {
        "schema": 1,
        "job_id": job_id,
        "delivery_id": job.delivery_id,
        "received_at": job.received_at,
        "event_name": f"{CAUSE}.{kind}",
        "channel": job.channel,
        "cause": CAUSE,
        "organization_id": job.organization_id,
        "kind": kind,
        "sub_step": job.sub_step.model_dump(),
        "comment": job.comment.model_dump() if job.comment else None,
        "event": dict(event),
    }
