"""The link between an external step and its ticket: what CMP shows of the other system."""

from dataclasses import dataclass

from cmp_relay.commands import CommandJob, LinkTicket
from cmp_relay.desk import Desk
from cmp_relay.outcomes import Attempt, Ending

SHOWN = ("identifier", "title", "status", "url", "external_system")


@dataclass(frozen=True, slots=True)
class ExternalLinks:
    """Runs `link_ticket`."""

    desk: Desk

    def run(self, job: CommandJob, _attempt: Attempt) -> Ending:
        """Write what the command says into the external work (PATCH, facts.md 6)."""
        asked = job.ready(LinkTicket)
        told = asked.model_dump(exclude_unset=True, exclude={"external_work_link"})
        with self.desk.at(f"step#{asked.external_work_link}", 1) as api:
            answer = api.tell("PATCH", asked.external_work_link, told)
        return Ending("applied", result={key: answer.get(key) for key in SHOWN})
