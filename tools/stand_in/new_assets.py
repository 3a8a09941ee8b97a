"""The Open API's ways to make assets, and versions of assets, of files that were uploaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.answers import away, bad_request, unprocessable
from tools.stand_in.deliveries import library_body
from tools.stand_in.links import base_of
from tools.stand_in.views import in_list, library_path

if TYPE_CHECKING:
    from starlette.requests import Request

    from tools.stand_in.deliveries import LibraryEventName
    from tools.stand_in.echoes import Echoes
    from tools.stand_in.uploads import Upload, Uploads
    from tools.stand_in.world import Asset, World

NOWHERE = {"id": None, "type": None, "links": {"self": None}}


class NewVersion(BaseModel):
    """The body of a new version: which upload, and what it is called."""

    model_config = ConfigDict(extra="forbid")

    key: Annotated[str, Field(max_length=100)]
    title: Annotated[str, Field(min_length=1, max_length=100)]


class NewLibraryAsset(NewVersion):
    """The body of a new asset."""

    folder_id: str | None = None


@dataclass
class NewAssets:
    """Makes assets and versions, and tells the webhook as if a person had made them."""

    world: World
    uploads: Uploads
    echoes: Echoes

    def routes(self) -> list[Route]:
        """List the routes of the public side."""
        return [
            Route("/v3/assets", self.add, methods=["POST"]),
            Route("/v3/assets/{id}/versions", self.add_version, methods=["POST"]),
        ]

    async def add(self, request: Request) -> Response:
        """Make an asset of an upload; the same upload again makes another one."""
        new = NewLibraryAsset.model_validate_json(await request.body())
        if (upload := self.uploads.by_key.get(new.key)) is None:
            return bad_request("Unsupported arguments: key")
        fields = {"title": new.title, "folder_id": new.folder_id, **_fields(upload)}
        asset = self.world.add(upload.kind, fields)
        asset.uploaded = upload.content
        await self._tell("asset_added", asset, base := base_of(request))
        return JSONResponse(in_list(asset, base), 201)

    async def add_version(self, request: Request) -> Response:
        """Add an upload as the newest version of an asset of the same kind.

        The asset is called as its newest version is: that is a guess.
        """
        asset = self.world.assets.get(request.path_params["id"])
        if asset is None or asset.place != "library":
            return away(asset)
        new = NewVersion.model_validate_json(await request.body())
        upload = self.uploads.by_key.get(new.key)
        if upload is None or upload.kind != asset.kind.name:
            return unprocessable()
        number = asset.fields["version_number"] + 1
        version = {"version_id": uuid4().hex, "version_number": number, "title": new.title}
        self.world.change(asset.id, {**version, **_fields(upload)})
        asset.uploaded = upload.content
        await self._tell("asset_modified", asset, base := base_of(request))
        return JSONResponse(_version(asset, base), 201)

    async def _tell(self, event_name: LibraryEventName, asset: Asset, base: str) -> None:
        body = library_body(event_name, asset, base=base, generation="current")
        if event_name == "asset_added":
            body["data"]["asset"]["source"] = NOWHERE
        await self.echoes.tell(body)


def _fields(upload: Upload) -> dict[str, Any]:
    return {
        "file_size": upload.content.size,
        "mime_type": upload.mime_type,
        "file_extension": upload.extension,
    }


def _version(asset: Asset, base: str) -> dict[str, Any]:
    fields = asset.fields
    return {
        "asset_id": asset.id,
        "title": fields["title"],
        "type": asset.kind.name,
        "mime_type": fields["mime_type"],
        "version_number": fields["version_number"],
        "created_at": fields["modified_at"],
        "content": {"type": "url", "value": fields["url"]},
        "links": {"asset": base + library_path(asset)},
    }
