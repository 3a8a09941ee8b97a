"""Previews of structured content: that one is being made, and where it is (facts.md 5)."""

from collections.abc import Mapping
from dataclasses import dataclass

from cmp_relay.commands import AcknowledgePreview, CommandJob, CompletePreview
from cmp_relay.desk import Desk
from cmp_relay.errors import RequestRefusedError
from cmp_relay.outcomes import Attempt, Ending

ERRAND = 2


@dataclass(frozen=True, slots=True)
class Previews:
    """Runs `acknowledge_preview` and `complete_preview`."""

    desk: Desk

    def run(self, job: CommandJob, _attempt: Attempt) -> Ending:
        """Tell CMP in the spelling of its specification, then in that of its examples.

        Which of them CMP takes is not settled (facts.md C-14).
        """
        link, body, spelt_otherwise = _asked(job)
        with self.desk.at(f"preview#{link}", ERRAND) as api:
            try:
                api.tell("POST", link, body)
            except RequestRefusedError as error:
                if error.status not in {400, 422}:
                    raise
                api.tell("POST", link, spelt_otherwise)
        return Ending("applied")


def _asked(job: CommandJob) -> tuple[str, Mapping[str, object], Mapping[str, object]]:
    if job.command == "acknowledge_preview":
        told = job.ready(AcknowledgePreview)
        by, content = told.acknowledged_by, told.content_hash
        return (
            told.acknowledge_link,
            {"acknowledged_by": by, "content_hash": content},
            {"acknowledgedBy": by, "content_hash": content},
        )
    made = job.ready(CompletePreview)
    previews = made.keyed_previews
    return made.complete_link, {"keyed_previews": previews}, {"keyedPreviews": previews}
