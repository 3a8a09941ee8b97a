"""The stand-in's applications: CMP behind log, faults and gate, the admin side, the file host."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.datastructures import URL
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from tools.stand_in.admin import Admin
from tools.stand_in.announcements import ADMIN
from tools.stand_in.answers import bad_request, not_found
from tools.stand_in.asset_changes import AssetChanges
from tools.stand_in.cmp import Cmp
from tools.stand_in.discussion import Discussion
from tools.stand_in.extras import Extras
from tools.stand_in.file_host import FileHost
from tools.stand_in.file_urls import FileUrls
from tools.stand_in.folders import Folders
from tools.stand_in.gate import guarded
from tools.stand_in.label_groups import LabelGroups
from tools.stand_in.library import Library
from tools.stand_in.listing import Listing
from tools.stand_in.new_assets import NewAssets
from tools.stand_in.publishing import Publishing
from tools.stand_in.sender import NoWebhookError
from tools.stand_in.task_pages import TaskPages
from tools.stand_in.tasks import UnknownSubStepError
from tools.stand_in.workflow import Workflow
from tools.stand_in.world import UnknownAssetError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, ExceptionHandler, Receive, Scope, Send


def create(client_id: str, client_secret: str, files_origin: str) -> ASGIApp:
    """Build a stand-in that knows one OAuth client and serves its files at that origin."""
    cmp = Cmp(client_id, client_secret, files_origin)
    routes = [
        *cmp.oauth.routes(),
        *Library(cmp.world).routes(),
        *Extras(cmp.world).routes(),
        *Listing(cmp.world).routes(),
        *Folders(cmp.world.folders).routes(),
        *FileUrls(cmp.world, cmp.file_access).routes(),
        *Publishing(cmp.world, cmp.reports).routes(),
        *cmp.previews.routes(),
        *cmp.planning.routes(),
        *cmp.uploads.routes(),
        *cmp.multipart.routes(),
        *cmp.channels.routes(),
        *cmp.settings.routes(),
        *cmp.content_items.routes(),
        *LabelGroups().routes(),
        *NewAssets(cmp.world, cmp.uploads, cmp.echoes).routes(),
        *AssetChanges(cmp.world, cmp.echoes).routes(),
        *TaskPages(cmp.tasks, cmp.world).routes(),
        *Workflow(cmp.tasks, cmp.echoes).routes(),
        *Discussion(cmp.tasks, cmp.echoes).routes(),
    ]
    public = Starlette(routes=routes, exception_handlers=_refusals())
    watched = cmp.requests.around(cmp.faults.around(guarded(public, cmp.limits)))
    admin = Starlette(routes=Admin(cmp).routes(), exception_handlers=_mistakes())
    return _by_port(FileHost(cmp).app(), URL(files_origin).port, _beside(admin, watched))


def _beside(admin: ASGIApp, public: ASGIApp) -> ASGIApp:
    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        is_admin = scope["type"] != "http" or scope["path"].startswith(f"{ADMIN}/")
        await (admin if is_admin else public)(scope, receive, send)

    return choose


def _by_port(files: ASGIApp, port: int | None, others: ASGIApp) -> ASGIApp:
    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        is_file = scope["type"] == "http" and scope["server"][1] == port
        await (files if is_file else others)(scope, receive, send)

    return choose


def _mistakes() -> dict[type[Exception], ExceptionHandler]:
    async def invalid(_: Request, error: Exception) -> Response:
        return bad_request(str(error))

    async def unknown(_: Request, error: Exception) -> Response:
        return JSONResponse({"message": f"no asset {error}"}, 404)

    async def nowhere(_: Request, error: Exception) -> Response:
        return JSONResponse({"message": f"no sub-step or comment {error}"}, 404)

    async def unregistered(_: Request, __: Exception) -> Response:
        return JSONResponse({"message": "no webhook is registered"}, 409)

    return {
        ValidationError: invalid,
        UnknownAssetError: unknown,
        UnknownSubStepError: nowhere,
        NoWebhookError: unregistered,
    }


def _refusals() -> dict[type[Exception], ExceptionHandler]:
    async def invalid(_: Request, error: Exception) -> Response:
        wrong = error.errors() if isinstance(error, ValidationError) else []
        names = ",".join(str(part) for one in wrong for part in one["loc"][:1])
        return bad_request(f"Unsupported arguments: {names}")

    return {HTTPException: _in_cmps_words, ValidationError: invalid}


async def _in_cmps_words(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == HTTPStatus.NOT_FOUND:
        return not_found()
    return JSONResponse({"message": HTTPStatus(status).phrase}, status)
