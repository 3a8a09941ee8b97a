"""URLs of files as CMP gives them: a query may be a token, so none is kept.

Pure: no I/O. An article's own `url` is a web page and links of the Open API (`api_url`) are no
files, so both stay as they are.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from cmp_relay.fields import at

_Change = Callable[[object], object]
_SIZED = re.compile(r"(?:width|height)=[0-9]{1,5}")
_HTML_TOKEN = re.compile(r"""([?&;]token=)[^\s"'<>()&#\\]+""", re.IGNORECASE)


def bare(url: str) -> str:
    """Return a URL without query and fragment."""
    return re.split(r"[?#]", url, maxsplit=1)[0]


def without_tokens(asset_type: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what CMP tells of an asset without what may open its private files.

    Width and height stay in a query: without them a thumbnail would be the whole picture. HTML
    has links of all kinds, so there only the value of `token` goes.
    """
    own = _kept if asset_type == "article" else _cut
    # CMP's list tells a URL or HTML as `content`, whose type says which.
    of_content = {"url": own, "html_body": _cut_html}.get(str(at(body, "content", "type")), _kept)
    cut: dict[str, Any] = _changed(
        body,
        url=own,
        thumbnail_url=_cut,
        html_body=_cut_html,
        images=_each(lambda image: _changed(image, url=_cut, thumbnail=_cut)),
        content=lambda content: _changed(content, value=of_content),
    )
    return cut


def cleared(text: str) -> Any:  # noqa: ANN401 - JSON can be anything
    """Read JSON of whatever CMP shows, without what may open its private files.

    Comments, work requests and fields have files too (CommentResponse, FileTypeFormFieldValue of
    the official specification): `url`, of any object but an article, and thumbnails lose their
    query, and a `token` loses its value wherever it stands.
    """
    return json.loads(_HTML_TOKEN.sub(r"\1", text), object_hook=_cleared)


def _cleared(told: dict[str, Any]) -> Any:  # noqa: ANN401
    own = _kept if "html_body" in told else _cut
    return _changed(told, url=own, thumbnail=_cut, thumbnail_url=_cut)


def _changed(told: Any, **changes: _Change) -> Any:  # noqa: ANN401 - JSON can be anything
    if not isinstance(told, Mapping):
        return told
    changed = {name: change(told[name]) for name, change in changes.items() if name in told}
    return {**told, **changed}


def _each(change: _Change) -> _Change:
    return lambda value: [*map(change, value)] if isinstance(value, list) else change(value)


def _kept(value: object) -> object:
    return value


def _cut(value: object) -> object:
    return _each(_cut_url)(value)


def _cut_url(value: object) -> object:
    if not isinstance(value, str):
        return value
    query = value.partition("#")[0].partition("?")[2]
    sizes = "&".join(part for part in query.split("&") if _SIZED.fullmatch(part))
    return f"{bare(value)}?{sizes}" if sizes else bare(value)


def _cut_html(value: object) -> object:
    return _HTML_TOKEN.sub(r"\1", value) if isinstance(value, str) else value
