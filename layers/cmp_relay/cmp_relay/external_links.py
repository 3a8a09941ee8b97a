"""The link between an external step and its ticket: what CMP shows of the other system."""

from dataclasses import dataclass

from cmp_relay.commands import CommandJob, LinkTicket
from cmp_relay.desk import Desk
from cmp_relay.outcomes import Attempt, Ending
from cmp_relay.told_links import ToldLinks

SHOWN = ("identifier", "title", "status", "url", "external_system")


@dataclass(frozen=True, slots=True)
class ExternalLinks:
    """Runs `link_ticket`."""

    desk: Desk
    told: ToldLinks

    def run(self, job: CommandJob, _attempt: Attempt) -> Ending:
        """Write what the command says into the external work (PATCH, facts.md 6).

        Fields that a command has set which was issued later stay as they are. Of a command that was
        told before, whose end may have been announced, CMP is asked what it shows.
        """
        asked = job.ready(LinkTicket)
        link = asked.external_work_link
        fields = asked.model_dump(exclude_unset=True, exclude={"external_work_link"})
        with self.desk.at(f"step#{link}", 1) as api:
            told = self.told.read(link)
            left = {
                name: value
                for name, value in fields.items()
                if told.issued.get(name, 0) <= job.received_at
            }
            if left:
                answer = api.tell("PATCH", link, left)
                # Afterwards: nothing is older than what CMP never heard.
                self.told.write(link, told.after(job.command_id, left, job.received_at))
            elif job.command_id in told.commands:
                answer = api.get(link)
            else:
                return Ending("superseded", "commands that were issued later say all of it")
        return Ending("applied", result={key: answer.get(key) for key in SHOWN})
