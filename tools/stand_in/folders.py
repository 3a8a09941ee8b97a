"""The Open API's folders of the library."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.answers import not_found
from tools.stand_in.links import base_of
from tools.stand_in.moments import iso, parsed
from tools.stand_in.queries import FolderQuery

if TYPE_CHECKING:
    from starlette.requests import Request

    from tools.stand_in.folder_tree import Folder, FolderTree

Name = Annotated[str, Field(min_length=1)]


class FolderChange(BaseModel):
    """The body of a change of a folder."""

    model_config = ConfigDict(extra="forbid")

    name: Name = ""
    parent_folder_id: str | None = None


class NewFolder(FolderChange):
    """The body of a new folder."""

    name: Name


@dataclass
class Folders:
    """Shows the tree of folders."""

    tree: FolderTree

    def routes(self) -> list[Route]:
        """List the routes of the public side."""
        return [
            Route("/v3/folders", self.list, methods=["GET"]),
            Route("/v3/folders", self.add, methods=["POST"]),
            Route("/v3/folders/{id}", self.one, methods=["GET"]),
            Route("/v3/folders/{id}", self.change, methods=["PATCH"]),
        ]

    async def list(self, request: Request) -> Response:
        """Answer with a page of the folders, or of those right below one."""
        query, base = FolderQuery.of(request), base_of(request)
        parent = query.parent_folder_id
        found = self.tree.children(parent) if parent else [*self.tree.folders.values()]
        found.sort(key=lambda folder: parsed(folder.modified_at), reverse=True)
        page = query.answer(request, found, lambda folder: self.shown(folder, base))
        return JSONResponse(page)

    async def one(self, request: Request) -> Response:
        """Answer with a folder."""
        folder = self.tree.folders.get(request.path_params["id"])
        return JSONResponse(self.shown(folder, base_of(request))) if folder else not_found()

    async def add(self, request: Request) -> Response:
        """Create a folder."""
        new = NewFolder.model_validate_json(await request.body())
        if new.parent_folder_id is not None and new.parent_folder_id not in self.tree.folders:
            return not_found()
        made = self.tree.add(new.name, new.parent_folder_id, None, iso(time.time()))
        return JSONResponse(self.shown(made, base_of(request)), 201)

    async def change(self, request: Request) -> Response:
        """Call a folder otherwise, or put it elsewhere."""
        change = FolderChange.model_validate_json(await request.body())
        folder = self.tree.folders.get(request.path_params["id"])
        if folder is None:
            return not_found()
        told = change.model_dump(exclude_unset=True)
        name, parent = told.get("name", folder.name), told.get("parent_folder_id", folder.parent_id)
        changed = replace(folder, name=name, parent_id=parent, modified_at=iso(time.time()))
        self.tree.folders[folder.id] = changed
        return JSONResponse(self.shown(changed, base_of(request)))

    def shown(self, folder: Folder, base: str) -> dict[str, Any]:
        """Show a folder with links to what is around it."""
        url = f"{base}/v3/folders"
        links = {
            "self": f"{url}/{folder.id}",
            "parent_folder": f"{url}/{folder.parent_id}" if folder.parent_id else None,
            "child_folders": f"{url}?parent_folder_id={folder.id}",
            "assets": f"{base}/v3/assets?folder_id={folder.id}&include_subfolder_assets=false",
        }
        return {
            "id": folder.id,
            "name": folder.name,
            "parent_folder_id": folder.parent_id,
            "path": self.tree.path(folder.id),
            "created_at": folder.created_at,
            "modified_at": folder.modified_at,
            "links": links,
        }
