"""The Open API's list of the library's assets, the latest modification first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.links import base_of
from tools.stand_in.moments import parsed
from tools.stand_in.queries import AssetQuery
from tools.stand_in.views import in_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from starlette.requests import Request

    from tools.stand_in.world import Asset, World

    Condition = Callable[[Asset], bool]


@dataclass
class Listing:
    """Finds the assets that a query asks for, archived ones too, and shows a page of them."""

    world: World

    def routes(self) -> list[Route]:
        """List the routes of the public side."""
        return [Route("/v3/assets", self.assets)]

    async def assets(self, request: Request) -> Response:
        """Answer with a page of the assets."""
        query, base = AssetQuery.of(request), base_of(request)
        found = sorted(self._found(query), key=_modified_at, reverse=True)
        page = query.answer(request, found, lambda asset: in_list(asset, base))
        return JSONResponse({**page, "total_count": len(found)})

    def _found(self, query: AssetQuery) -> list[Asset]:
        found = [asset for asset in self.world.assets.values() if asset.place == "library"]
        for holds in self._conditions(query):
            found = [asset for asset in found if holds(asset)]
        return found

    def _conditions(self, query: AssetQuery) -> Iterator[Condition]:
        """Make a condition of each argument that is there: most queries have one or two."""
        if query.type:
            yield lambda asset: asset.kind.name in query.type
        if (folders := self._folders(query)) is not None:
            yield lambda asset: asset.fields["folder_id"] in folders
        if text := query.search_text.lower():
            yield lambda asset: _mentions(asset, text)
        yield from _not_before("created_at", query.created_at__from)
        yield from _not_after("created_at", query.created_at__to)
        yield from _not_before("modified_at", query.modified_at__from)
        yield from _not_after("modified_at", query.modified_at__to)

    def _folders(self, query: AssetQuery) -> set[str | None] | None:
        """Tell the folders to look in; None itself is for assets that are in no folder."""
        if not query.include_subfolder_assets:
            return {query.folder_id}
        if query.folder_id is None:
            return None
        return {*self.world.folders.at_or_below(query.folder_id)}


def _modified_at(asset: Asset) -> datetime:
    return parsed(asset.fields["modified_at"])


def _not_before(name: str, first: datetime | None) -> Iterator[Condition]:
    if first is not None:
        yield lambda asset: parsed(asset.fields[name]) >= first


def _not_after(name: str, last: datetime | None) -> Iterator[Condition]:
    if last is not None:
        yield lambda asset: parsed(asset.fields[name]) <= last


def _mentions(asset: Asset, text: str) -> bool:
    told = (asset.fields["title"], asset.fields.get("description") or "")
    return any(text in one.lower() for one in told)
