"""The event of a command's end: whoever gave the command knows it by its id."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cmp_relay import times
from cmp_relay.bus import Bus
from cmp_relay.catalogue import Announcement
from cmp_relay.commands import CommandJob
from cmp_relay.outcomes import LONGEST_REASON, Ending

COMMAND_RESULT = "CommandResult"
LARGEST_RESULT = 100 * 1024
"""Bytes of what CMP answered; the bus takes 256 KB for a whole event."""


@dataclass(frozen=True, slots=True)
class CommandResults:
    """Puts the ends of commands on the bus; `now` is in ms."""

    bus: Bus
    now: Callable[[], int]

    def tell(self, job: CommandJob, ending: Ending) -> None:
        """Put the event of one command's end; raises AnnouncementError.

        A worker that dies before the end is on record puts it again, with the same id.
        """
        self.bus.put(Announcement(job.job_id, COMMAND_RESULT, self._compose(job, ending)))

    def _compose(self, job: CommandJob, ending: Ending) -> str:
        reason, detail = _explained(ending)
        content: dict[str, Any] = {
            "schema": 1,
            "id": job.job_id,
            "command_id": job.command_id,
            "command": job.command,
            "outcome": ending.outcome,
            "reason": reason,
            "detail": detail,
            "issued_at": times.iso(job.received_at),
            "ended_at": times.iso(self.now()),
            "result": ending.result,
        }
        text = json.dumps(content)
        return text if len(text) <= LARGEST_RESULT else json.dumps({**content, "result": None})


def _explained(ending: Ending) -> tuple[str | None, str | None]:
    """Return a dead letter's reason and detail, and why a command was superseded as detail."""
    told = ending.reason and ending.reason[:LONGEST_REASON]
    if ending.outcome != "dead_lettered" or told is None:
        return None, told
    reason, _, detail = told.partition(": ")
    return reason, detail or None
