"""The command: something that CMP is to be told, as any program may put it into the queue.

`command_id` is the sender's, and what makes a repeated message harmless: a command that has ended
is not run again. A message that names itself but says nothing that can be done still becomes a job,
so that whoever sent it hears what is wrong with it.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import unquote

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from cmp_relay.errors import InvalidCommandError, UnreadableJobError
from cmp_relay.jobs import Job

CAUSE = "command"
CHANNEL = "default"


def _link(pattern: str) -> AfterValidator:
    """Return the validator of links whose path ends so: others are no resource of that command."""
    expected = re.compile(rf"https?://[^/?#\s]+(?:/[^?#\s]+)?/{pattern}")

    def check(value: str) -> str:
        # Whoever resolves dots would come to another resource than the one that is checked here.
        dotted = any(part in {".", ".."} for part in unquote(value).split("/"))
        if dotted or not expected.fullmatch(value):
            msg = "no link of CMP to such a resource"
            raise ValueError(msg)
        return value

    return AfterValidator(check)


_SUB_STEP = "tasks/[^/?#]+/steps/[^/?#]+/sub-steps/[^/?#]+"
_PREVIEW = "previews/[^/?#]+"
Text2048 = Annotated[str, Field(min_length=1, max_length=2048)]
MetadataLink = Annotated[Text2048, _link("publishing-events/[^/?#]+/publishing-metadata")]
ExternalWorkLink = Annotated[Text2048, _link(f"{_SUB_STEP}/external-work")]
CommentsLink = Annotated[Text2048, _link(f"{_SUB_STEP}/comments")]
SubStepLink = Annotated[Text2048, _link(_SUB_STEP)]
AcknowledgeLink = Annotated[Text2048, _link(f"{_PREVIEW}/acknowledge")]
CompleteLink = Annotated[Text2048, _link(f"{_PREVIEW}/complete")]
Id = Annotated[str, Field(min_length=1, max_length=256)]
CommandId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,128}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReportPublication(_Strict):
    """Tell CMP what became of one asset of a publishing event (facts.md 5).

    `keep_existing` makes a report superseded, not dead-lettered, if CMP has another one already.
    """

    publishing_metadata_link: MetadataLink
    publishing_event_id: Id
    asset_id: Id
    status: Literal["published", "synced", "unpublished", "failed"]
    public_url: Text2048 | None = None
    locale: Annotated[str, Field(min_length=1, max_length=35)] | None = None
    destination_updated_at: AwareDatetime | None = None
    message: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    keep_existing: bool = False


class LinkTicket(_Strict):
    """Tell CMP of the ticket that an external step is worked on in (limits: facts.md 6)."""

    external_work_link: ExternalWorkLink
    identifier: Annotated[str, Field(min_length=1, max_length=50)] | None = None
    title: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    status: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    url: Annotated[str, Field(max_length=500, pattern=r"^https://[^\s/]+")] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set - {"external_work_link"}:
            msg = "at least one of identifier, title, status and url"
            raise ValueError(msg)
        return self


class Comment(_Strict):
    """Comment on a sub-step, in Markdown."""

    comments_link: CommentsLink
    text: Annotated[str, Field(min_length=1, max_length=20_000)]


class MoveSubStep(_Strict):
    """Start, complete or skip a sub-step."""

    sub_step_link: SubStepLink


class AssignSubStep(_Strict):
    """Assign a sub-step to a user or a team, or to nobody (null)."""

    sub_step_link: SubStepLink
    assignee_id: Id | None
    assignee_type: Literal["user", "team"] | None = None


class AcknowledgePreview(_Strict):
    """Say that a preview is being made, which only one integration may (facts.md 5)."""

    acknowledge_link: AcknowledgeLink
    acknowledged_by: Annotated[str, Field(min_length=1, max_length=256)]
    content_hash: Annotated[str, Field(min_length=1, max_length=256)]


class CompletePreview(_Strict):
    """Tell where the previews are: a URL, or an object of the specification, by label."""

    complete_link: CompleteLink
    keyed_previews: Annotated[dict[str, str | dict[str, Any]], Field(min_length=1)]


class UpdateAsset(_Strict):
    """Change what CMP tells of an image, video or raw file.

    `changes` are the keys of CMP's PATCH but labels, which are fields: `fields` is the list that
    CMP's PUT /assets/{id}/fields takes.
    """

    asset_id: Id
    asset_type: Literal["image", "video", "raw_file"]
    changes: dict[str, Any] = Field(default_factory=dict)
    fields: list[dict[str, Any]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.changes or self.fields):
            msg = "at least one of changes and fields"
            raise ValueError(msg)
        if "labels" in self.changes:
            msg = "labels are fields: CMP takes them as changes no more"
            raise ValueError(msg)
        return self


class AddVersion(_Strict):
    """Add a version to an asset from an object of the asset bucket below `incoming/`."""

    asset_id: Id
    asset_type: Literal["image", "video", "raw_file"]
    title: Annotated[str, Field(min_length=1, max_length=100)]
    key: Annotated[str, Field(pattern=r"^incoming/.+", max_length=1024)]


Arguments = (
    ReportPublication
    | LinkTicket
    | Comment
    | MoveSubStep
    | AssignSubStep
    | AcknowledgePreview
    | CompletePreview
    | UpdateAsset
    | AddVersion
)
Asked = TypeVar("Asked", bound=BaseModel)
COMMANDS: Mapping[str, type[Arguments]] = {
    "report_publication": ReportPublication,
    "link_ticket": LinkTicket,
    "comment": Comment,
    "start": MoveSubStep,
    "complete": MoveSubStep,
    "skip": MoveSubStep,
    "assign": AssignSubStep,
    "acknowledge_preview": AcknowledgePreview,
    "complete_preview": CompletePreview,
    "update_asset": UpdateAsset,
    "add_version": AddVersion,
}


class Envelope(BaseModel):
    """A message of the queue of commands."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = Field(alias="schema")
    command_id: CommandId
    command: Annotated[str, Field(min_length=1, max_length=64)]
    issued_at: Annotated[AwareDatetime, Field(gt=datetime.fromtimestamp(0, UTC))]
    arguments: dict[str, Any]


class CommandJob(Job):
    """A command as a worker takes it; `arguments` is None if `problem` keeps it from being run."""

    command_id: CommandId
    command: str
    arguments: Arguments | None = None
    problem: str | None = None

    def ready(self, kind: type[Asked]) -> Asked:
        """Return what to tell CMP; raises InvalidCommandError."""
        if not isinstance(self.arguments, kind):
            raise InvalidCommandError(self.problem or "no such arguments")
        return self.arguments


def read_command_job(body: str) -> CommandJob:
    """Read a queue message's body; raises UnreadableJobError naming fields, never values."""
    try:
        envelope = Envelope.model_validate_json(body)
    except ValidationError as error:
        raise UnreadableJobError(f"unreadable: {_places(error)}") from None
    arguments, problem = _read(envelope)
    job_id = f"{CAUSE}.{envelope.command_id}"
    return CommandJob(
        schema=1,
        job_id=job_id,
        delivery_id=job_id,
        received_at=int(envelope.issued_at.timestamp() * 1000),
        event_name=f"{CAUSE}.{envelope.command}",
        channel=CHANNEL,
        cause=CAUSE,
        command_id=envelope.command_id,
        command=envelope.command,
        arguments=arguments,
        problem=problem,
    )


def message(
    command: str, command_id: str, issued_at: datetime, arguments: Arguments
) -> dict[str, Any]:
    """Return the message of a command that the relay itself gives."""
    envelope = Envelope(
        schema=1,
        command_id=command_id,
        command=command,
        issued_at=issued_at,
        arguments=arguments.model_dump(mode="json", exclude_unset=True),
    )
    content: dict[str, Any] = json.loads(envelope.model_dump_json(by_alias=True))
    return content


def _read(envelope: Envelope) -> tuple[Arguments | None, str | None]:
    kind = COMMANDS.get(envelope.command)
    if kind is None:
        return None, "there is no such command"
    try:
        return TypeAdapter(kind).validate_python(envelope.arguments, strict=False), None
    except ValidationError as error:
        return None, _problems(error)


def _places(error: ValidationError) -> str:
    fields = sorted({".".join(map(str, one["loc"])) or "body" for one in error.errors()})
    return ", ".join(fields)


def _problems(error: ValidationError) -> str:
    """Name what is wrong with each argument: pydantic's words, which quote no value."""
    told = [
        f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}" for one in error.errors()
    ]
    return "; ".join(sorted(told))
