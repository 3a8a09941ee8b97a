"""The detail of a command's end."""

from typing import Any, Literal

from pydantic import Field

from cmp_relay.commands import CommandId
from tools.schemas.parts import Detail, Moment, Name


class CommandResult(Detail):
    """A command has ended, and what it asked for has been done or never will be."""

    id: Name = Field(
        description="The same in every repetition. A dead letter that is sent back ends once more, "
        "with the same id: the result with the latest ended_at holds."
    )
    command_id: CommandId = Field(description="The id that whoever gave the command chose.")
    command: Name = Field(description="The command's name, also if there is none of that name.")
    outcome: Literal["applied", "superseded", "dead_lettered"] = Field(
        description="applied: CMP knows; superseded: something else covers it (see detail); "
        "dead_lettered: it was given up (see reason) and lies in CommandDeadLetterQueue."
    )
    reason: Name | None = Field(
        description="Why it was given up, in one word as invalid_command or not_found, or a code "
        "of CMP's; null else."
    )
    detail: str | None = Field(
        description="More on that for people, or what covers a superseded command; null if there "
        "is no more to say."
    )
    issued_at: Moment = Field(description="When the command was given, as its sender says.")
    ended_at: Moment = Field(description="When it ended.")
    result: dict[str, Any] | None = Field(
        description="What CMP answered, by command, as a comment's id; null if it answered nothing "
        "of interest or more than 100 KB."
    )
