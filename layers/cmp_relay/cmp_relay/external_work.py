"""A job of an external step, from the queue to the bus, and to a ticket system if there is one.

The delivery holds ids and links alone, so CMP is asked what is true. Nothing new and the echo of
what the relay told CMP itself are not told. The event is written down as owed before the bus has
it, so that whoever comes next for the same subject puts it, after a crash.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from cmp_relay import (
    clients,
    composition,
    desk,
    library,
    marks,
    settings,
    ticket_queue,
    times,
    work_events,
)
from cmp_relay.bus import Bus
from cmp_relay.desk import Desk
from cmp_relay.echoes import Echoes, Move, What
from cmp_relay.errors import NotFoundError, PostponedError
from cmp_relay.fields import text
from cmp_relay.jobs import ExternalWorkJob, read_external_work_job
from cmp_relay.open_api import OpenApi
from cmp_relay.outcomes import Attempt, Ending, Outcomes
from cmp_relay.steps import Owed, Steps, StepState, Subject
from cmp_relay.work_views import ERRAND, Body, Views, WorkView
from cmp_relay.worker import Worker

MODIFIED = "external_sub_step_modified"
CHANGES: Mapping[str, What] = {
    "external_sub_step_started": "started",
    MODIFIED: "modified",
    "external_sub_step_completed": "completed",
}
ADDED = "external_sub_step_comment_added"
REMOVED = "external_sub_step_comment_removed"
LARGEST_COMMENT = 64 * 1024
"""Bytes of a comment that is remembered: its item holds the event that is owed too."""
ECHO = Ending("superseded", "an echo of what the relay told CMP")


class Tickets(Protocol):
    """Who carries external work to a ticket system."""

    def offer(self, job: ExternalWorkJob, event: Mapping[str, Any]) -> None:
        """Hear of an event that the bus has (its detail); heard again after a crash."""


@dataclass(frozen=True, slots=True)
class ExternalWork:
    """The work of the worker of external steps; `now` is in ms."""

    desk: Desk
    steps: Steps
    echoes: Echoes
    bus: Bus
    outcomes: Outcomes
    gone_recheck_seconds: int
    tickets: Tickets | None = None
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def apply(self, job: ExternalWorkJob, attempt: Attempt) -> Ending:
        """Do what the job asks; raises ApiErrors, PostponedError."""
        subject = Subject(job.sub_step.id, job.comment.id if job.comment else None)
        errand = ERRAND + bool(job.comment and job.event_name != REMOVED)
        with self.desk.at(subject.name, errand, job.lane) as api:
            state = self._pay(self.steps.read(subject))
            if state.settled == job.job_id:
                return Ending("applied")
            return self._settle(job, attempt, state, api)

    def _settle(
        self, job: ExternalWorkJob, attempt: Attempt, state: StepState, api: OpenApi
    ) -> Ending:
        seen_at = state.seen_at.get(job.event_name)
        if state.removed:
            return Ending("superseded", "the comment is removed")
        if library.covers(seen_at, job.received_at):
            return Ending("superseded", f"covered by the look of {times.iso(seen_at or 0)}")
        repeated = self._repeated(job, state)
        if repeated:
            return repeated
        if self._is_known_echo(job, state):
            return self._pass_over(state)
        try:
            view = self._look(job, state, Views(api, attempt.not_found_at is not None))
        except NotFoundError:
            self.outcomes.note_not_found(job.job_id)
            delay = self.gone_recheck_seconds
            raise PostponedError("not found; asked once more", delay=delay) from None
        return self._pass_over(state) if view is None else self._tell(job, state, view)

    def _repeated(self, job: ExternalWorkJob, state: StepState) -> Ending | None:
        """Return how a replayed job ends that has ended before: what it told is old by now.

        Its echo has been awaited and is no more, so a look at CMP would not know it. What the bus
        was told of the subject may be lost; then it is told once more.
        """
        before = self.outcomes.ending(job.original_id) if job.cause == "replay" else None
        if before is None or before.outcome == "dead_lettered":
            return None
        if before == ECHO:
            return ECHO
        repeats = Ending("superseded", f"repeats job {job.original_id}")
        return repeats if state.sequence else None

    def _pass_over(self, state: StepState) -> Ending:
        """Do not tell an echo, but note that the next event is another one than was told last.

        What was told stays: a replica of CMP's that is behind may still show it.
        """
        if state.told_as:
            self.steps.write(replace(state, told_as=None))
        return ECHO

    def _is_known_echo(self, job: ExternalWorkJob, state: StepState) -> bool:
        """Tell whether the event is an echo by what it says alone: CMP need not be asked."""
        link = work_events.comments_link(job)
        if job.event_name == ADDED and job.comment and link:
            return self.echoes.wrote(link, job.comment.id)
        what = CHANGES.get(job.event_name)
        if what is None or what == "modified":
            return False
        return self._consumes(job, None) or self._came_again(job, what, state)

    def _consumes(self, job: ExternalWorkJob, shown: Body | None) -> bool:
        href, what = job.sub_step.href, CHANGES[job.event_name]
        if href is None:
            return False
        # A replay of an echo is the same event, whichever of them comes first.
        return self.echoes.consume(href, what, job.original_id, job.received_at, shown)

    def _came_again(self, job: ExternalWorkJob, what: Move, state: StepState) -> bool:
        """Tell whether CMP delivers an echo twice; replays come in any order, and long after."""
        href = job.sub_step.href
        if href is None or job.cause == "replay":
            return False
        return self.echoes.came_again(href, what, job.received_at, state.told_at)

    def _look(self, job: ExternalWorkJob, state: StepState, views: Views) -> WorkView | None:
        """Look at CMP; returns None for an echo."""
        began_at = self.now()
        comment = state.shown
        if job.comment and job.event_name != REMOVED:
            body = views.part(job.comment.href)
            if job.event_name == ADDED and self._is_ours(job, body):
                return None
            comment = body and work_events.comment(body)
        view = views.of(job, comment, began_at)
        return None if self._is_our_assignment(job, state, view) else view

    def _is_our_assignment(self, job: ExternalWorkJob, state: StepState, view: WorkView) -> bool:
        """Tell whether the assignee of a command is all that is new to the bus."""
        if job.event_name != MODIFIED:
            return False
        beside = work_events.beside_assignee(work_events.facts(job, view))
        return beside == state.beside_assignee and self._consumes(job, view.sub_step)

    def _is_ours(self, job: ExternalWorkJob, comment: Body | None) -> bool:
        mark = marks.mark_of(text((comment or {}).get("value")) or "")
        expected = self.echoes.comment(mark) if mark else None
        link = work_events.comments_link(job)
        if expected is None or link is None or job.comment is None:
            return False
        return expected.is_met_by(job.comment.id, link)

    def _tell(self, job: ExternalWorkJob, state: StepState, view: WorkView) -> Ending:
        """Tell the bus of what CMP showed, unless it was told the same last."""
        told = work_events.facts(job, view)
        fingerprint = work_events.fingerprint(told)
        if fingerprint == state.told:
            self._look_surely(job, view)
            if job.event_name == state.told_as:
                return Ending("superseded", "nothing that the bus was not told")
        found = (view.comment if job.comment else view.sub_step) is not None
        if job.event_name == MODIFIED and job.sub_step.href:
            # Who is assigned is told now: what CMP tells next of it is somebody else's.
            self.echoes.give_up(job.sub_step.href, "modified", job.received_at)
        sequence = state.sequence + 1
        event = work_events.compose(job, told, sequence=sequence, found=found)
        self._pay(
            self.steps.write(
                replace(
                    state,
                    sequence=sequence,
                    seen_at={**state.seen_at, job.event_name: view.began_at},
                    told=fingerprint,
                    told_as=job.event_name,
                    beside_assignee=None if job.comment else work_events.beside_assignee(told),
                    settled=job.job_id,
                    shown=_remembered(job, view),
                    removed=job.event_name == REMOVED,
                    owed=Owed.of(job, event),
                )
            )
        )
        return Ending("applied", None if found else "CMP does not show it")

    def _look_surely(self, job: ExternalWorkJob, view: WorkView) -> None:
        """Look again if a replica of CMP's may have been behind: an event tells of something new.

        Raises PostponedError.
        """
        wait = library.knows_at(job.received_at) - view.began_at
        if wait > 0 and job.event_name != REMOVED:
            raise PostponedError("CMP is asked when it must know", delay=wait / 1000)

    def _pay(self, state: StepState) -> StepState:
        """Put the event that is owed on the bus, offer it, and return the state without it."""
        if state.owed is None:
            return state
        self.bus.put(state.owed.announcement)
        if self.tickets:
            event: Mapping[str, Any] = json.loads(state.owed.announcement.detail)
            self.tickets.offer(state.owed.read_job(), event)
        return self.steps.write(replace(state, owed=None))


def _remembered(job: ExternalWorkJob, view: WorkView) -> Body | None:
    """Return what is kept of a comment, for the event of its removal."""
    if job.event_name == REMOVED or len(json.dumps(view.comment)) > LARGEST_COMMENT:
        return None
    return view.comment


def build(environment: Mapping[str, str], reserve_seconds: float) -> Worker[ExternalWorkJob]:
    """Build the worker of the queue of external work; raises SettingsError."""
    own = settings.read(settings.WorkerSettings, environment)
    about = settings.read(settings.LookupSettings, environment)
    table = clients.dynamodb()
    work = ExternalWork(
        desk=desk.build(environment, own.catalogue_table),
        steps=Steps(table, own.catalogue_table),
        echoes=Echoes(table, own.catalogue_table),
        bus=Bus(clients.events(), own.event_bus),
        outcomes=Outcomes(table, own.catalogue_table),
        gone_recheck_seconds=about.gone_recheck_seconds,
        tickets=ticket_queue.build(environment),
    )
    return composition.assemble(own, read_external_work_job, work.apply, reserve_seconds)
