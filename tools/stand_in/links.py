"""Links of the stand-in: kept with a placeholder, shown with the origin that was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from starlette.requests import Request

ORIGIN = "{cmp}"

T = TypeVar("T")


def base_of(request: Request) -> str:
    """Tell the origin by which the request came in, without a trailing slash."""
    return str(request.base_url).rstrip("/")


def absolute(value: T, base: str) -> T:
    """Put `base` in the place of the placeholder in every string of a JSON value."""
    return cast("T", _replaced(value, base))


def _replaced(value: object, base: str) -> object:
    if isinstance(value, str):
        return base + value.removeprefix(ORIGIN) if value.startswith(ORIGIN) else value
    if isinstance(value, dict):
        return {key: _replaced(item, base) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, base) for item in value]
    return value
