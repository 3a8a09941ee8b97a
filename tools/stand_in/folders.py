"""The Open API's folders of the library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.answers import not_found
from tools.stand_in.links import base_of
from tools.stand_in.moments import parsed
from tools.stand_in.queries import FolderQuery

if TYPE_CHECKING:
    from starlette.requests import Request

    from tools.stand_in.folder_tree import Folder, FolderTree


@dataclass
class Folders:
    """Shows the tree of folders."""

    tree: FolderTree

    def routes(self) -> list[Route]:
        """List the routes of the public side."""
        return [Route("/v3/folders", self.list), Route("/v3/folders/{id}", self.one)]

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
