"""The Open API's changes of assets: their own fields, and the fields that an organization adds.

Labels are fields of the type `label`; the older way to set them is taken too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.answers import away, bad_request, unprocessable
from tools.stand_in.deliveries import library_body
from tools.stand_in.guids import guid_of
from tools.stand_in.kinds import IMAGE, RAW_FILE, VIDEO
from tools.stand_in.label_fields import LABEL, field_of, label_of
from tools.stand_in.links import base_of
from tools.stand_in.queries import Moment
from tools.stand_in.views import in_library, library_path

if TYPE_CHECKING:
    from starlette.requests import Request

    from tools.stand_in.echoes import Echoes
    from tools.stand_in.world import Asset, World

LabelId = Annotated[str, Field(min_length=32, max_length=32)]


class Label(BaseModel):
    """A group of labels and those of it that an asset is to have."""

    model_config = ConfigDict(extra="forbid")

    group: LabelId
    values: list[LabelId]

    def shown(self) -> dict[str, Any]:
        """Show it as the library does; the names are not known here."""
        values = [{"id": one, "name": one} for one in self.values]
        return {"group": {"id": self.group, "name": self.group}, "values": values}


class FileChange(BaseModel):
    """The body of a change of a raw file."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[str, Field(min_length=1)] = ""
    description: str = ""
    attribution_text: str = ""
    folder_id: str | None = None
    expires_at: Moment | None = None
    is_archived: bool = False
    is_public: bool = True
    allow_se_indexing: bool = False
    tags: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(default_factory=list)
    labels: list[Label] = Field(default_factory=list)

    def fields(self) -> dict[str, Any]:
        """Tell the asset's new fields: those that were given."""
        told = self.model_dump(mode="json", exclude_unset=True)
        if "tags" in told:
            told["tags"] = [{"guid": guid_of(name, "tag"), "name": name} for name in self.tags]
        if "labels" in told:
            told["labels"] = [label.shown() for label in self.labels]
        return told


class PictureChange(FileChange):
    """The body of a change of an image or a video."""

    alt_text: str = ""


class FieldValues(BaseModel):
    """The body of a change of one field."""

    type: str
    values: list[str | int | float]


class FieldChange(FieldValues):
    """One field of a body that replaces all of them."""

    id: str


CHANGES: dict[str, type[FileChange]] = {
    IMAGE.segment: PictureChange,
    VIDEO.segment: PictureChange,
    RAW_FILE.segment: FileChange,
}
FIELD_CHANGES = TypeAdapter(list[FieldChange])


@dataclass
class AssetChanges:
    """Changes assets of the library, and tells the webhook as if a person had done it."""

    world: World
    echoes: Echoes

    def routes(self) -> list[Route]:
        """List the routes of the public side."""
        fields = "/v3/assets/{id}/fields"
        return [
            *(Route(f"/v3/{one}/{{id}}", self.change, methods=["PATCH"]) for one in CHANGES),
            Route(fields, self.replace_fields, methods=["PUT"]),
            Route(f"{fields}/{{field}}", self.change_field, methods=["PUT"]),
        ]

    async def change(self, request: Request) -> Response:
        """Change the fields that are given."""
        asset = self._asset(request)
        if asset is None or asset.place != "library" or library_path(asset) != request.url.path:
            return away(asset)
        model = CHANGES[asset.kind.segment]
        fields = model.model_validate_json(await request.body()).fields()
        folder = fields.get("folder_id")
        if folder is not None and folder not in self.world.folders.folders:
            return unprocessable()
        self.world.change(asset.id, fields)
        await self._tell(asset, request)
        return JSONResponse(in_library(asset, base_of(request)))

    async def replace_fields(self, request: Request) -> Response:
        """Put these fields in the place of all that the asset has, labels among them."""
        asset = self._asset(request)
        if asset is None or asset.place != "library":
            return away(asset)
        changes = FIELD_CHANGES.validate_json(await request.body())
        fields = [_filled(asset, one.id, one) for one in changes]
        told = [one for one in fields if one]
        if len(told) < len(fields):
            return _unknown_field()
        asset.custom_fields = [one for one in told if one["type"] != LABEL]
        self._label(asset, [label_of(one) for one in told if one["type"] == LABEL])
        await self._tell(asset, request)
        url = f"{base_of(request)}/v3/assets/{asset.id}/fields"
        links = {"asset_fields": url, "asset_url": f"{base_of(request)}/v3/asset-urls/{asset.id}"}
        return JSONResponse({"data": told, "links": links})

    async def change_field(self, request: Request) -> Response:
        """Change one field and leave the others."""
        asset, wanted = self._asset(request), request.path_params["field"]
        if asset is None or asset.place != "library":
            return away(asset)
        change = FieldValues.model_validate_json(await request.body())
        if (told := _filled(asset, wanted, change)) is None:
            return _unknown_field()
        if told["type"] == LABEL:
            others = [one for one in asset.fields["labels"] if one["group"]["id"] != wanted]
            self._label(asset, [*others, label_of(told)])
        else:
            others = [one for one in asset.custom_fields if one["id"] != wanted]
            asset.custom_fields = [*others, told]
            self.world.change(asset.id, {})
        await self._tell(asset, request)
        url = f"{base_of(request)}/v3/assets/{asset.id}"
        shown = {key: told[key] for key in ("id", "name", "type", "values")}
        return JSONResponse({**shown, "links": {"asset": url, "asset_fields": f"{url}/fields"}})

    def _asset(self, request: Request) -> Asset | None:
        return self.world.assets.get(request.path_params["id"])

    def _label(self, asset: Asset, labels: list[dict[str, Any]]) -> None:
        self.world.change(asset.id, {"labels": [one for one in labels if one["values"]]})

    async def _tell(self, asset: Asset, request: Request) -> None:
        base = base_of(request)
        body = library_body("asset_modified", asset, base=base, generation="current")
        await self.echoes.tell(body)


def _filled(asset: Asset, field_id: str, change: FieldValues) -> dict[str, Any] | None:
    """Fill a field that the organization has with these values, if it can hold them."""
    field = field_of(asset, field_id)
    if field is None or field["type"] != change.type:
        return None
    values = [str(one) for one in change.values]
    known = {choice["id"] for choice in field.get("choices", ())}
    if "choices" in field and not known.issuperset(values):
        return None
    return {**field, "values": values}


def _unknown_field() -> Response:
    return bad_request("Unsupported arguments: id,type,values")
