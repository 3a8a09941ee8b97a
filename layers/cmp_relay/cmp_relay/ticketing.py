"""A ticket job: a ticket system and CMP are told of each other, each thing once.

A ticket is opened under a claim, a comment is written under a mark: both are on record before, so
that a repeated attempt looks for what the one before it left behind (docs/jira.md). What CMP is
told goes out as commands that keep their ids when they are repeated, and are dropped there.
"""

import re
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from cmp_relay import clients, commands, composition, marks, settings, ticket_texts, tickets
from cmp_relay.command_queue import CommandQueue
from cmp_relay.errors import (
    ForbiddenError,
    NotFoundError,
    PostponedError,
    RequestRefusedError,
    SettingsError,
    TicketMissingError,
    UntrustedLinkError,
    WrongSettingsError,
)
from cmp_relay.exchanges import build_client
from cmp_relay.fields import at
from cmp_relay.jira import Jira
from cmp_relay.jira_credentials import JiraCredentials
from cmp_relay.leases import Lease, Leases
from cmp_relay.outcomes import Attempt, Ending
from cmp_relay.telemetry import logger
from cmp_relay.ticket_jobs import TicketJob, read_ticket_job
from cmp_relay.ticket_table import TicketState, TicketTable
from cmp_relay.tickets import LABEL, Ticket, Tickets, Verdict
from cmp_relay.worker import Worker

LEASE_SECONDS = 60
"""No worker lives longer, so a lease that has ended has no holder."""
SEARCH_SECONDS = 300
"""After that long a search finds a ticket that was opened: before, that it finds none says nothing.
Jira's documentation of "search and reconcile" speaks of a few seconds to minutes."""
SEARCH_RECHECK_SECONDS = 30
EARLY_SECONDS = 3600
"""How long something waits for a ticket that nobody has set out to open, or is not yet on record:
events overtake each other."""
EARLY_RECHECK_SECONDS = 60
LATE_RECHECK_SECONDS = 900
"""After that hour: SQS lets a message be received a thousand times in its seven days."""
SETTINGS_SECONDS = 660
SKEW = 24 * 3600 * 1000
"""How far (ms) the ticket system's clock may be behind ours."""

_NOT_DONE = (RequestRefusedError, ForbiddenError, NotFoundError, PostponedError)
"""What a ticket system answers if it has surely written nothing."""
_ID = re.compile(r"[A-Za-z0-9._-]{1,40}")


Asked = TypeVar("Asked", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Ticketing:
    """The work of on_ticket; `rejected` names statuses in lower case, `now` is in ms."""

    tickets: Tickets
    table: TicketTable
    queue: CommandQueue
    leases: Leases
    rejected: frozenset[str] = frozenset()
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def apply(self, job: TicketJob, _attempt: Attempt) -> Ending:
        """Do what the job asks; raises the ticket system's errors and LeaseHeldError."""
        if job.sub_step is None:
            return self._heard(job)
        if job.kind == "work_started":
            return self._open(job)
        return self._tell(job)

    def _open(self, job: TicketJob) -> Ending:
        """See to it that the sub-step has one ticket, and that CMP knows of it."""
        sub_step_id = _sub_step_id(job)
        with self._held(f"ticket#{sub_step_id}"):
            state = self.table.read(sub_step_id)
            if state is None or state.ticket_id is None:
                state = self._opened(job, state)
            if state.status is None:
                ticket = self.tickets.read(str(state.ticket_id))
                state = self._owe(state, ticket)
            self._pay(state)
        if state.opened_by != job.job_id:
            return self._started_again(job, state)
        return Ending("applied", result={"ticket": state.ticket_id})

    def _started_again(self, job: TicketJob, state: TicketState) -> Ending:
        """Let people know that CMP waits once more for a ticket on which nobody works any more."""
        if self._verdict(self.tickets.read(str(state.ticket_id))) == "open":
            return Ending("superseded", f"ticket {state.ticket_id} is there already")
        return self._say(state, ticket_texts.started_again(job.event), f"started.{job.job_id}")

    def _opened(self, job: TicketJob, state: TicketState | None) -> TicketState:
        label = tickets.label_of(_sub_step_id(job))
        ticket_id = self._left_behind(state, label) if state else None
        state = state if state and ticket_id else self._claim(job, state, label)
        if ticket_id is None:
            try:
                ticket_id = self.tickets.open(ticket_texts.draft(job.event, label))
            except _NOT_DONE:
                self.table.drop(state)
                raise
        self.table.lead_back(ticket_id, state.sub_step_id)
        return self.table.write(replace(state, ticket_id=ticket_id))

    def _left_behind(self, state: TicketState, label: str) -> str | None:
        """Find the ticket that an attempt before this one may have opened."""
        if state.claimed_at is None:
            return None
        found = self.tickets.find(label)
        if found is None and self.now() < state.claimed_at + SEARCH_SECONDS * 1000:
            raise PostponedError("the ticket may be there already", delay=SEARCH_RECHECK_SECONDS)
        return found

    def _claim(self, job: TicketJob, before: TicketState | None, label: str) -> TicketState:
        sub_step = job.sub_step
        self.table.lead_back(label, _sub_step_id(job))
        link = (sub_step and sub_step.href) or ""
        return self.table.write(
            TicketState(
                sub_step_id=_sub_step_id(job),
                sub_step_link=link,
                # CMP leaves links out of some events; its paths are documented (facts.md 6).
                external_work_link=(sub_step and sub_step.external_work_href)
                or f"{link}/external-work",
                comments_link=(sub_step and sub_step.comments_href) or f"{link}/comments",
                claimed_at=self.now(),
                opened_by=job.job_id,
                revision=before.revision if before else 0,
            )
        )

    def _tell(self, job: TicketJob) -> Ending:
        """Tell the ticket of a comment in CMP, or that the step is completed."""
        sub_step_id = _sub_step_id(job)
        state = self.table.read(sub_step_id)
        if state is None or state.ticket_id is None:
            return self._without_ticket(job, state)
        if job.comment and at(job.event, "found") is False:
            return Ending("superseded", "CMP does not show the comment")
        if job.comment:
            words, purpose = ticket_texts.comment_for_ticket(job.event), f"comment.{job.comment.id}"
        else:
            words, purpose = ticket_texts.completed(job.event), "completed"
        return self._say(state, words, purpose)

    def _say(self, state: TicketState, words: str, purpose: str) -> Ending:
        """Write a comment on the ticket, one for each purpose."""
        mark = marks.of(f"{self.tickets.name}.{state.sub_step_id}.{purpose}")
        with self._held(f"ticket-comment#{mark}"):
            comment_id = self._write(state, words, mark)
        return Ending("applied", result={"ticket": state.ticket_id, "comment": comment_id})

    def _without_ticket(self, job: TicketJob, state: TicketState | None) -> Ending:
        if state is not None:
            raise self._missing(job)
        if self._is_early(job):
            raise PostponedError("no ticket was asked for yet", delay=EARLY_RECHECK_SECONDS)
        return Ending("superseded", "the sub-step has no ticket")

    def _write(self, state: TicketState, words: str, mark: str) -> str:
        ticket_id = str(state.ticket_id)
        before = self.table.expect_comment(state.sub_step_id, mark, self.now())
        if before and before.comment_id:
            return before.comment_id
        comment_id = self._find(ticket_id, mark, before.since - SKEW) if before else None
        try:
            comment_id = comment_id or self.tickets.comment(ticket_id, words, mark)
        except _NOT_DONE:
            # A mark on record hides whoever copies it; an attempt before may still be under way.
            if before is None:
                self.table.forget_comment(state.sub_step_id, mark)
            raise
        self.table.note_comment(state.sub_step_id, mark, comment_id)
        return comment_id

    def _find(self, ticket_id: str, mark: str, since: int) -> str | None:
        """Find the comment with the mark among those that are not older than `since` (ms)."""
        for comment in self.tickets.comments(ticket_id):
            if marks.mark_of(comment.text) == mark:
                return comment.id
            if comment.created_at is not None and comment.created_at < since:
                return None
        return None

    def _heard(self, job: TicketJob) -> Ending:
        """Tell CMP what has become of a ticket."""
        sub_step_id = self.table.sub_step_of(_ticket_id(job))
        if sub_step_id is None:
            return self._not_on_record(job)
        if job.comment:
            return self._carry(job, sub_step_id, job.comment.id)
        return self._follow(job, sub_step_id)

    def _not_on_record(self, job: TicketJob) -> Ending:
        """Wait for a ticket that is being opened: its label leads to the sub-step before that."""
        try:
            labels = self.tickets.read(_ticket_id(job)).labels
        except NotFoundError:
            return Ending("superseded", "no ticket that the ticket system shows")
        if LABEL not in labels:
            return Ending("superseded", "no ticket of the relay's")
        ours = (label for label in labels if label.startswith(f"{LABEL}-"))
        states = [self.table.read(found) for found in map(self.table.sub_step_of, ours) if found]
        if any(state and state.ticket_id in {None, _ticket_id(job)} for state in states):
            raise self._missing(job)
        return Ending("superseded", "a ticket of another relay, or a copy of one of ours")

    def _follow(self, job: TicketJob, sub_step_id: str) -> Ending:
        """Tell CMP the ticket's state as it is by now, unless it was told before."""
        with self._held(f"ticket#{sub_step_id}"):
            state = self._pay(self._known(job, sub_step_id))
            # Read under the lease: whoever reads later tells what is newer.
            ticket = self.tickets.read(_ticket_id(job))
            if (ticket.status, self._verdict(ticket)) == (state.status, state.verdict):
                return Ending("superseded", "CMP was told of this state")
            self._pay(self._owe(state, ticket))
        return Ending("applied", result={"ticket": ticket.id, "status": ticket.status})

    def _carry(self, job: TicketJob, sub_step_id: str, comment_id: str) -> Ending:
        """Tell CMP of a comment on the ticket, unless the relay wrote it."""
        state = self._known(job, sub_step_id)
        try:
            comment = self.tickets.one_comment(_ticket_id(job), comment_id)
        except NotFoundError:
            # Whoever is not allowed to see the ticket gets the same answer: that is raised here.
            self.tickets.read(_ticket_id(job))
            return Ending("superseded", "the comment is gone from the ticket system")
        if comment.restricted:
            return Ending("superseded", "not everybody may see the comment")
        mark = marks.mark_of(comment.text)
        written = self.table.comment(sub_step_id, mark) if mark else None
        if written and written.comment_id in {None, comment.id}:
            return Ending("superseded", "the relay wrote the comment")
        key = (job.ticket and job.ticket.key) or _ticket_id(job)
        words = _arguments(
            commands.Comment,
            comments_link=state.comments_link,
            text=ticket_texts.comment_for_cmp(key, comment),
        )
        command_id = self._command_id(_ticket_id(job), "comment", comment_id)
        self.queue.put(self._command("comment", command_id, words))
        return Ending("applied", result={"command_id": command_id})

    def _known(self, job: TicketJob, sub_step_id: str) -> TicketState:
        state = self.table.read(sub_step_id)
        if state is None or state.ticket_id is None:
            raise self._missing(job)
        return state

    def _verdict(self, ticket: Ticket) -> Verdict:
        return tickets.verdict(ticket, self.rejected)

    def _owe(self, state: TicketState, ticket: Ticket) -> TicketState:
        """Write down what CMP has to be told of a ticket, before it is told.

        The number of the state is part of the commands' ids, not that of the change in the ticket
        system: what an old change makes us look at can be something new.
        """
        work, comments = state.external_work_link, state.comments_link
        verdict, number = self._verdict(ticket), str(state.revision + 1)
        linked = ticket_texts.link(ticket)
        told: list[tuple[str, commands.Arguments]] = [
            ("link_ticket", _arguments(commands.LinkTicket, external_work_link=work, **linked))
        ]
        if verdict != state.verdict and verdict == "done":
            move = _arguments(commands.MoveSubStep, sub_step_link=state.sub_step_link)
            told.append(("complete", move))
        if verdict != state.verdict and verdict == "rejected":
            words = ticket_texts.rejected(ticket)
            told.append(
                ("comment", _arguments(commands.Comment, comments_link=comments, text=words))
            )
        pending = tuple(
            self._command(name, self._command_id(ticket.id, number, name), arguments)
            for name, arguments in told
        )
        return self.table.write(
            replace(state, status=ticket.status, verdict=verdict, pending=pending)
        )

    def _pay(self, state: TicketState) -> TicketState:
        """Put the commands that are owed into their queue, and return the state without them."""
        if not state.pending:
            return state
        for command in state.pending:
            self.queue.put(command)
        return self.table.write(replace(state, pending=()))

    def _command(
        self, name: str, command_id: str, arguments: commands.Arguments
    ) -> Mapping[str, Any]:
        issued_at = datetime.fromtimestamp(self.now() / 1000, UTC)
        return commands.message(name, command_id, issued_at, arguments)

    def _command_id(self, *parts: str) -> str:
        """Return the id that follows from what happened, in the characters that ids have."""
        safe = (
            part if _ID.fullmatch(part) else sha256(part.encode()).hexdigest()[:40]
            for part in parts
        )
        return ".".join((self.tickets.name, *safe))

    def _missing(self, job: TicketJob) -> TicketMissingError:
        delay = EARLY_RECHECK_SECONDS if self._is_early(job) else LATE_RECHECK_SECONDS
        return TicketMissingError("the ticket is not open, or not on record yet", delay=delay)

    def _is_early(self, job: TicketJob) -> bool:
        return self.now() < job.received_at + EARLY_SECONDS * 1000

    def _held(self, name: str) -> AbstractContextManager[Lease]:
        return self.leases.held(name, str(uuid.uuid4()), LEASE_SECONDS)


def _sub_step_id(job: TicketJob) -> str:
    return job.sub_step.id if job.sub_step else ""


def _ticket_id(job: TicketJob) -> str:
    return job.ticket.id if job.ticket else ""


def _arguments(kind: type[Asked], **values: str) -> Asked:
    """Return what a command says; raises UntrustedLinkError if a link leads to nothing of CMP's."""
    try:
        return kind(**values)
    except ValidationError:
        raise UntrustedLinkError("a link that no command takes") from None


def _without_tickets(_job: TicketJob, _attempt: Attempt) -> Ending:
    return Ending("superseded", "there is no ticket system (JiraBaseUrl)")


def work(environment: Mapping[str, str]) -> Callable[[TicketJob, Attempt], Ending]:
    """Return what is done with a job: it waits while the environment holds what cannot work.

    A function that does not start leaves its messages invisible for long, also after a deployment
    that mends it (`mirroring.work`).
    """
    if not settings.read(settings.JiraSettings, environment).jira_base_url:
        return _without_tickets
    try:
        return _ticketing(environment).apply
    except SettingsError as error:
        problem = str(error)

    def wait(_job: TicketJob, _attempt: Attempt) -> NoReturn:
        logger.error("settings of Jira cannot work", detail=problem)
        raise WrongSettingsError(problem, delay=SETTINGS_SECONDS)

    return wait


def build(environment: Mapping[str, str], *, reserve_seconds: float) -> Worker[TicketJob]:
    """Build the worker that a function's environment names; raises SettingsError."""
    own = settings.read(settings.WorkerSettings, environment)
    return composition.assemble(own, read_ticket_job, work(environment), reserve_seconds)


def _ticketing(environment: Mapping[str, str]) -> Ticketing:
    own = settings.read(settings.WorkerSettings, environment)
    jira = settings.read(settings.JiraSettings, environment)
    credentials = JiraCredentials(clients.secrets(), jira.jira_credentials_secret_arn)
    return Ticketing(
        tickets=Jira(
            build_client(),
            credentials,
            jira.jira_base_url,
            project=jira.jira_project,
            issue_type=jira.jira_issue_type,
        ),
        table=TicketTable(clients.dynamodb(), own.catalogue_table),
        queue=CommandQueue(clients.sqs(), jira.command_queue_url),
        leases=Leases(clients.dynamodb(), own.catalogue_table),
        rejected=frozenset(name.casefold() for name in jira.jira_rejected_statuses),
    )
