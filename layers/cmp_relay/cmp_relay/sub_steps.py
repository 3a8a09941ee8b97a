"""What CMP is told of a sub-step: started, completed, skipped, or who works on it.

CMP knows no way back: a refusal can only be told by a comment and a status (facts.md 6). Nor does
it say what it does with a change that was made already, so one that CMP refuses is looked at: if
the sub-step is as it should be, the command has been applied, by a worker that died perhaps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cmp_relay.commands import AssignSubStep, CommandJob, MoveSubStep
from cmp_relay.desk import Desk
from cmp_relay.echoes import Echoes, What
from cmp_relay.errors import ApiError, PostponedError, RequestRefusedError, UnavailableError
from cmp_relay.outcomes import Attempt, Ending

FLAGS = {"start": "is_in_progress", "complete": "is_completed", "skip": "is_skipped"}
ECHOES: Mapping[str, What] = {
    "start": "started",
    "complete": "completed",
    "skip": "completed",
    "assign": "modified",
}
"""Which event of an external step CMP very likely sends for what it is told (facts.md 6)."""
SHOWN = (
    "id",
    "title",
    "assignee_id",
    "assignee_type",
    "is_completed",
    "is_in_progress",
    "is_skipped",
)
ERRAND = 2


@dataclass(frozen=True, slots=True)
class SubSteps:
    """Runs `start`, `complete`, `skip` and `assign`."""

    desk: Desk
    echoes: Echoes

    def run(self, job: CommandJob, _attempt: Attempt) -> Ending:
        """Change the sub-step (PATCH, facts.md 6); which may be so already."""
        link, change = _change(job)
        with self.desk.at(f"step#{link}", ERRAND) as api:
            awaited = self.echoes.expect(link, ECHOES[job.command], change)
            try:
                answer = api.tell("PATCH", link, change)
            except UnavailableError:
                raise  # CMP may have done it all the same
            except (ApiError, PostponedError) as error:
                # This attempt has changed nothing; but the echo of one before may still come.
                if not awaited:
                    self.echoes.forget(link, ECHOES[job.command])
                if not isinstance(error, RequestRefusedError):
                    raise
                answer = api.get(link)
                if not _is_so(answer, change):
                    raise
        return Ending("applied", result={key: answer.get(key) for key in SHOWN})


def _change(job: CommandJob) -> tuple[str, Mapping[str, Any]]:
    if job.command in FLAGS:
        return job.ready(MoveSubStep).sub_step_link, {FLAGS[job.command]: True}
    asked = job.ready(AssignSubStep)
    return asked.sub_step_link, asked.model_dump(exclude_unset=True, exclude={"sub_step_link"})


def _is_so(sub_step: Mapping[str, Any], change: Mapping[str, Any]) -> bool:
    """Tell whether a sub-step is as it was to be; one that is completed has been started too."""
    if change == {FLAGS["start"]: True} and sub_step.get(FLAGS["complete"]) is True:
        return True
    return all(sub_step.get(key) == value for key, value in change.items())
