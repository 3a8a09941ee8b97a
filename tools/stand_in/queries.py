"""What the Open API's lists can be asked for, and the pages that they answer with."""

from __future__ import annotations

from base64 import b64decode
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Json

from tools.stand_in.moments import aware

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.requests import Request

KindName = Literal["article", "image", "video", "raw_file", "structured_content"]
Moment = Annotated[datetime, AfterValidator(aware)]
REPEATABLE = ("type", "label", "status")

T = TypeVar("T")


class Page(BaseModel):
    """Which part of a list; an argument that CMP does not have is an error."""

    model_config = ConfigDict(extra="forbid")

    offset: int = Field(default=0, ge=0)
    page_size: int = Field(default=10, ge=1, le=100)

    @classmethod
    def of(cls, request: Request) -> Self:
        """Read the query of a request; pydantic's ValidationError says that it is wrong."""
        query = request.query_params
        arguments = {k: query.getlist(k) if k in REPEATABLE else query[k] for k in query}
        return cls.model_validate(arguments)

    def answer(
        self, request: Request, found: Sequence[T], show: Callable[[T], dict[str, Any]]
    ) -> dict[str, Any]:
        """Show this part of what was found, with links to the parts beside it."""
        end = self.offset + self.page_size
        following = self._url(request, end) if end < len(found) else None
        before = max(0, self.offset - self.page_size)
        preceding = self._url(request, before) if self.offset else None
        return {
            "data": [show(one) for one in found[self.offset : end]],
            "pagination": {"next": following, "previous": preceding},
        }

    def _url(self, request: Request, offset: int) -> str:
        return str(request.url.include_query_params(offset=offset, page_size=self.page_size))


class LabelWanted(BaseModel):
    """A group of labels and those of it that are looked for."""

    model_config = ConfigDict(extra="forbid")

    group: str
    values: list[str]


class FieldWanted(BaseModel):
    """A field and the values that are looked for in it."""

    model_config = ConfigDict(extra="forbid")

    id: str
    values: list[str]


class AssetQuery(Page):
    """Which assets to list; labels, fields and campaigns sort nothing out here."""

    type: list[KindName] = Field(default_factory=list)
    created_at__from: Moment | None = None
    created_at__to: Moment | None = None
    modified_at__from: Moment | None = None
    modified_at__to: Moment | None = None
    folder_id: str | None = None
    include_subfolder_assets: bool = True
    search_text: str = ""
    label: list[Json[LabelWanted]] = Field(default_factory=list)
    fields: Annotated[Json[list[FieldWanted]], BeforeValidator(b64decode)] = Field(
        default_factory=list
    )
    campaign_id: str | None = None


class FolderQuery(Page):
    """Which folders to list."""

    parent_folder_id: str | None = None


class LabelGroupQuery(Page):
    """Which groups of labels to list."""

    source_org_type: Literal["current", "related"] = "current"


class TaskQuery(Page):
    """Which tasks to list; milestones and moments can be given, but sort nothing out here."""

    search_key: str = ""
    campaign: str | None = None
    workflow: str | None = None
    milestone: str | None = None
    start_date: Moment | None = None
    due_date: Moment | None = None
    status: list[str] = Field(default_factory=list)

    def fits(self, task: dict[str, Any]) -> bool:
        """Tell whether a task is one of those asked for."""
        return (
            self.search_key.lower() in task["title"].lower()
            and self.campaign in (None, task["campaign_id"])
            and self.workflow in (None, task["workflow_id"])
            and (not self.status or task["status"] in self.status)
        )
