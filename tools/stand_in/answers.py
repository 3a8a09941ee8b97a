"""Answers that CMP gives in the same words everywhere (official specification)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from tools.stand_in.world import Asset


def bad_request(message: str) -> JSONResponse:
    """Answer 400, saying what is wrong with the request."""
    return JSONResponse({"message": message}, 400)


def unauthorized() -> JSONResponse:
    """Answer 401, as for a missing, unknown or expired bearer token."""
    return JSONResponse({"message": "Unauthorized"}, 401)


def forbidden() -> JSONResponse:
    """Answer 403, as for something that the token's owner may not read."""
    message = "You do not have the permission to perform this operation"
    return JSONResponse({"message": message}, 403)


def unprocessable() -> JSONResponse:
    """Answer 422, as for something that can be read but not done."""
    return JSONResponse({"message": "Resource cannot be processed"}, 422)


def away(asset: Asset | None) -> JSONResponse:
    """Answer for an asset that is not where it was looked for."""
    return forbidden() if asset and asset.place == "forbidden" else not_found()


def not_found() -> JSONResponse:
    """Answer 404, as for something deleted or never there."""
    return JSONResponse({"message": "Resource not found"}, 404)
