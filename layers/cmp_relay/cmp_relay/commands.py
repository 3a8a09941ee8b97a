"""The command: something that CMP is to be told, as any program may put it into the queue.

`command_id` is the sender's, and what makes a repeated message harmless: a command that has ended
is not run again. A message that names itself but says nothing that can be done still becomes a job,
so that whoever sent it hears what is wrong with it.
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import core_schema

from cmp_relay.errors import InvalidCommandError, UnreadableJobError
from cmp_relay.jobs import Job

CAUSE = "command"
CHANNEL = "default"
MOST_AHEAD = 24 * 3600 * 1000
"""How far (ms) the clock of a sender may be ahead of ours."""
AHEAD = "issued_at: more than a day ahead"
MOST_PROBLEMS = 20
LONGEST_PROBLEM = 500
"""Characters that a sender is told: an event of the bus has no room for thousands of mistakes."""


@dataclass(frozen=True, slots=True)
class _Link:
    """Takes links whose path ends so: others are no resource of that command."""

    path: str

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Let pydantic check the link."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, checked: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Show in the JSON Schema what is checked."""
        return {**handler(checked), "pattern": f"^{self._whole}$", "not": {"pattern": _DOTS}}

    @property
    def _whole(self) -> str:
        return rf"https?://[^/?#\s]+(?:/[^?#\s]+)?/{self.path}"

    def _check(self, value: str) -> str:
        # Whoever resolves dots would come to another resource than the one that is checked here.
        if re.search(_DOTS, value) or not re.fullmatch(self._whole, value):
            msg = "no link of CMP to such a resource"
            raise ValueError(msg)
        return value


_DOTS = r"(?:/|%2[fF])(?:\.|%2[eE]){1,2}(?:/|%2[fF]|$)"
_SUB_STEP = "tasks/[^/?#]+/steps/[^/?#]+/sub-steps/[^/?#]+"
_PREVIEW = "previews/[^/?#]+"
Text2048 = Annotated[str, Field(min_length=1, max_length=2048)]
MetadataLink = Annotated[Text2048, _Link("publishing-events/[^/?#]+/publishing-metadata")]
ExternalWorkLink = Annotated[Text2048, _Link(f"{_SUB_STEP}/external-work")]
CommentsLink = Annotated[Text2048, _Link(f"{_SUB_STEP}/comments")]
SubStepLink = Annotated[Text2048, _Link(_SUB_STEP)]
AcknowledgeLink = Annotated[Text2048, _Link(f"{_PREVIEW}/acknowledge")]
CompleteLink = Annotated[Text2048, _Link(f"{_PREVIEW}/complete")]
Id = Annotated[str, Field(min_length=1, max_length=256)]
ImageVideoOrRawFile = Literal["image", "video", "raw_file"]
CommandId = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9._:-]{1,128}$",
        description="The sender's own; a command that has ended is not run again.",
    ),
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReportPublication(_Strict):
    """Tell CMP what became of one asset of a publishing event (facts.md 5).

    `keep_existing` makes a report superseded, not dead-lettered, if CMP has another one already.
    """

    publishing_metadata_link: MetadataLink = Field(
        description="publishing_event.publishing_metadata_link of AssetPublished and the like."
    )
    publishing_event_id: Id = Field(description="publishing_event.id of the same event.")
    asset_id: Id = Field(description="asset.id of the same event.")
    status: Literal["published", "synced", "unpublished", "failed"] = Field(
        description="What became of the asset."
    )
    public_url: Text2048 | None = Field(None, description="Where the public finds it.")
    locale: Annotated[str, Field(min_length=1, max_length=35)] | None = Field(
        None, description="The locale that is told of; reports are for asset and locale."
    )
    destination_updated_at: AwareDatetime | None = Field(
        None, description="When the destination changed, with a time zone."
    )
    message: Annotated[str, Field(min_length=1, max_length=1000)] | None = Field(
        None, description="What people are to read in CMP, as why it failed."
    )
    keep_existing: bool = Field(
        False, description="Leave another report that CMP has already, and call this superseded."
    )


class LinkTicket(_Strict):
    """Tell CMP of the ticket that an external step is worked on in (limits: facts.md 6)."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 2})

    external_work_link: ExternalWorkLink = Field(
        description="external_work.link of ExternalWorkStarted and the like."
    )
    identifier: Annotated[str, Field(min_length=1, max_length=50)] | None = Field(
        None, description="The ticket's name in the other system, as PROJ-4711."
    )
    title: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        None, description="The ticket's title."
    )
    status: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        None, description="The ticket's status, in the other system's words."
    )
    url: Annotated[str, Field(max_length=500, pattern=r"^https://[^\s/]+")] | None = Field(
        None, description="Where people find the ticket."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set - {"external_work_link"}:
            msg = "at least one of identifier, title, status and url"
            raise ValueError(msg)
        return self


class Comment(_Strict):
    """Comment on a sub-step, in Markdown."""

    comments_link: CommentsLink = Field(
        description="sub_step.comments_link of ExternalWorkStarted and the like."
    )
    text: Annotated[str, Field(min_length=1, max_length=20_000)] = Field(
        description="Markdown; a line with the relay's mark is added."
    )


class MoveSubStep(_Strict):
    """Start, complete or skip a sub-step."""

    sub_step_link: SubStepLink = Field(
        description="sub_step.link of ExternalWorkStarted and the like."
    )


class AssignSubStep(_Strict):
    """Assign a sub-step to a user or a team, or to nobody (null)."""

    sub_step_link: SubStepLink = Field(
        description="sub_step.link of ExternalWorkStarted and the like."
    )
    assignee_id: Id | None = Field(description="CMP's id of the user or team; null for nobody.")
    assignee_type: Literal["user", "team"] | None = Field(
        None, description="What assignee_id is the id of."
    )


class AcknowledgePreview(_Strict):
    """Say that a preview is being made, which only one integration may (facts.md 5)."""

    acknowledge_link: AcknowledgeLink = Field(
        description="links.acknowledge of CmpEvent's data, for content_preview_requested."
    )
    acknowledged_by: Annotated[str, Field(min_length=1, max_length=256)] = Field(
        description="Who makes the preview, for people to read."
    )
    content_hash: Annotated[str, Field(min_length=1, max_length=256)] = Field(
        description="Of the content that is previewed, as the event carries it."
    )


class CompletePreview(_Strict):
    """Tell where the previews are: a URL, or an object of the specification, by label."""

    complete_link: CompleteLink = Field(
        description="links.complete of CmpEvent's data, for content_preview_requested."
    )
    keyed_previews: Annotated[dict[str, str | dict[str, Any]], Field(min_length=1)] = Field(
        description="The previews' URLs, or objects as CMP's API has them, by label."
    )


class AssetField(_Strict):
    """A field of an asset with all of its values: of labels, the ids of the chosen ones."""

    id: Id = Field(description="CMP's id of the field.")
    type: Id = Field(description="CMP's type of the field, such as `label`.")
    values: list[Any] = Field(description="All values that the field is to have.")


class UpdateAsset(_Strict):
    """Change what CMP tells of an image, video or raw file.

    `changes` are the keys of CMP's PATCH but labels, which are fields (PUT /assets/{id}/fields).
    """

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["changes"], "properties": {"changes": {"minProperties": 1}}},
                {"required": ["fields"], "properties": {"fields": {"minItems": 1}}},
            ]
        }
    )

    asset_id: Id = Field(description="CMP's id of the asset.")
    asset_type: ImageVideoOrRawFile = Field(description="The kind of the asset.")
    changes: dict[str, Any] = Field(
        default_factory=dict,
        description="The body of CMP's PATCH of such an asset, without labels: they are fields.",
        json_schema_extra={"propertyNames": {"not": {"const": "labels"}}},
    )
    fields: list[AssetField] = Field(
        default_factory=list,
        max_length=20,
        description="Fields, each with all of its values; those that are not named stay.",
    )

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

    asset_id: Id = Field(description="CMP's id of the asset.")
    asset_type: ImageVideoOrRawFile = Field(description="The kind of the asset.")
    title: Annotated[str, Field(min_length=1, max_length=100)] = Field(
        description="The asset's title with the new version."
    )
    key: Annotated[str, Field(pattern=r"^incoming/.+", max_length=1024)] = Field(
        description="An object in the asset bucket."
    )


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

    schema_version: Literal[1] = Field(
        alias="schema", description="Grows when a command is taken that did not mean the same."
    )
    command_id: CommandId
    command: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        description="What CMP is to be told."
    )
    issued_at: Annotated[AwareDatetime, Field(gt=datetime.fromtimestamp(0, UTC))] = Field(
        description="When it was given, with a time zone; of two reports the later one holds."
    )
    arguments: dict[str, Any] = Field(description="By command; any other key is refused.")


class _Named(BaseModel):
    """What a message has to hold so that its sender can hear what is wrong with it."""

    command_id: CommandId
    command: Annotated[str, Field(min_length=1, max_length=64)] | None = None


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
    """Read a queue message's body; raises UnreadableJobError naming fields, never values.

    A message that names itself becomes a job, whatever else is wrong with it.
    """
    try:
        envelope = Envelope.model_validate_json(body)
    except ValidationError as error:
        return _misread(body, error)
    arguments, problem = _read(envelope)
    issued_at = int(envelope.issued_at.timestamp() * 1000)
    if issued_at > _now() + MOST_AHEAD:
        # It would pass for newer than all that follow.
        return _job(envelope.command_id, envelope.command, _now(), problem=AHEAD)
    return _job(envelope.command_id, envelope.command, issued_at, arguments, problem)


def _misread(body: str, error: ValidationError) -> CommandJob:
    """Return the job of a message that names itself, but is none; raises UnreadableJobError."""
    try:
        named = _Named.model_validate_json(body)
    except ValidationError:
        raise UnreadableJobError(f"unreadable: {_places(error)}") from None
    return _job(named.command_id, named.command or "unknown", _now(), problem=_problems(error))


def _job(
    command_id: str,
    command: str,
    received_at: int,
    arguments: Arguments | None = None,
    problem: str | None = None,
) -> CommandJob:
    job_id = f"{CAUSE}.{command_id}"
    return CommandJob(
        schema=1,
        job_id=job_id,
        delivery_id=job_id,
        received_at=max(1, received_at),
        event_name=f"{CAUSE}.{command}",
        channel=CHANNEL,
        cause=CAUSE,
        command_id=command_id,
        command=command,
        arguments=arguments,
        problem=problem,
    )


def _now() -> int:
    return time.time_ns() // 1_000_000


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
    text = "; ".join(sorted(told[:MOST_PROBLEMS]))
    return text[:LONGEST_PROBLEM]
