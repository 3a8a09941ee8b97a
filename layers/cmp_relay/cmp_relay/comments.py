"""Comments on a sub-step that CMP is told, each once, though CMP takes a repeated one as another.

A comment ends with a mark, which is on record before the comment goes out. Whoever finds it on
record reads the comments that are there before it writes one (docs/decisions/0014).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cmp_relay import marks, pages
from cmp_relay.commands import CommandJob, Comment
from cmp_relay.desk import Desk
from cmp_relay.echoes import Echoes
from cmp_relay.errors import ApiError, AppointmentError, PostponedError, UnavailableError
from cmp_relay.fields import at, identifier, text
from cmp_relay.open_api import OpenApi
from cmp_relay.outcomes import Attempt, Ending

MOST_PAGES = 50
"""Of ten comments each, the newest of which may come last."""


@dataclass(frozen=True, slots=True)
class Comments:
    """Runs `comment`."""

    desk: Desk
    echoes: Echoes

    def run(self, job: CommandJob, _attempt: Attempt) -> Ending:
        """Write the comment unless it is there (POST, facts.md 6)."""
        asked = job.ready(Comment)
        mark = marks.of(job.command_id)
        with self.desk.at(f"step#{asked.comments_link}", 1) as api:
            repeated = self.echoes.expect_comment(mark, job.command_id, asked.comments_link)
            comment = _find(api, asked.comments_link, mark) if repeated else None
            if comment is None:
                comment = self._write(api, asked, mark)
        comment_id = identifier(comment.get("id"))
        if comment_id:
            self.echoes.note_comment(mark, comment_id)
        return Ending(
            "applied", result={"id": comment_id, "link": text(at(comment, "links", "self"))}
        )

    def _write(self, api: OpenApi, asked: Comment, mark: str) -> Mapping[str, Any]:
        try:
            value = marks.add(asked.text, mark)
            return api.tell("POST", asked.comments_link, {"value": value})
        except (UnavailableError, AppointmentError):
            raise  # CMP may have written it: a 5xx that opens the breaker makes an appointment
        except (ApiError, PostponedError):
            # Nothing is written: who ends a comment with the mark has copied it.
            self.echoes.forget_comment(mark)
            raise


def _find(api: OpenApi, link: str, mark: str) -> Mapping[str, Any] | None:
    """Find the comment with the mark among those that CMP has."""
    for comment in pages.follow(api.get, link, MOST_PAGES):
        if marks.mark_of(text(comment.get("value")) or "") == mark:
            return comment
    return None
