"""What was said, commanded and announced while a run talked: the truth that its end is held to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tools.chaos.talks import Step


@dataclass
class StepTruth:
    """A step and its ticket's id in Jira, None as long as there is none."""

    step: Step
    sub_step_id: str
    ticket: str | None = None


@dataclass(frozen=True)
class Command:
    """A program's command, and why it has to become a dead letter, if it has to."""

    command_id: str
    reason: str | None = None


@dataclass
class TalkTruth:
    """Everything that was said; `others` are the bodies of other events by their subjects."""

    steps: list[StepTruth] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    others: dict[str, dict[str, Any]] = field(default_factory=dict)
