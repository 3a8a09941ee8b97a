"""A full asset of each kind, with every field that the Open API shows in the library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tools.stand_in.files import PATH
from tools.stand_in.folder_tree import CAMPAIGNS
from tools.stand_in.guids import guid_of, in_base64
from tools.stand_in.structured import content_body

if TYPE_CHECKING:
    from tools.stand_in.kinds import Kind

OWNER = "5d75447b7f1c1c000957d111"
ORGANIZATION = "5d75447b7f1c1c000957d362"
PICTURE = "http://images.cmp.optimizely.com/Zz02NWYzZDdkNDViMjQxMWVjYjAxZjAyNDJhYzEyMDAxYQ=="
LABELS = [
    {
        "group": {"id": "123123", "name": "Content Format"},
        "values": [{"id": "234234", "name": "content format 1"}],
    }
]


def sample(kind: Kind, asset_id: str, files_origin: str) -> dict[str, Any]:
    """Build the fields of an asset of this kind, without its times."""
    files = files_origin + PATH
    own = {
        "article": _article,
        "image": _image,
        "video": _video,
        "raw_file": _raw_file,
        "structured_content": _structured_content,
    }
    return {**_any_asset(asset_id), **own[kind.name](asset_id, files)}


def rendition(fields: dict[str, Any], name: str, files_origin: str) -> dict[str, Any]:
    """Build a rendition of an asset without its times, asset and kind."""
    guid = guid_of(fields["id"], f"rendition {name}")
    return {
        "id": guid[::-1],
        "name": name,
        "mime_type": "image/png",
        "url": files_origin + PATH + guid,
        "width": 600,
        "height": 400,
        "alt_text": fields.get("alt_text"),
        "status": "Done",
        "rendition_config_id": "f910551b00ae0418830cee6631452651",
    }


def custom_fields() -> list[dict[str, Any]]:
    """Build the custom fields that every asset has."""
    return [
        {"id": "64be245ec0d79e79fdf1ad84", "name": "Campaign code", "type": "text"}
        | {"values": ["SPRING-26"]},
        {"id": "64be245ec0d79e79fdf1ad85", "name": "Embargo", "type": "date", "values": []},
    ]


def _any_asset(asset_id: str) -> dict[str, Any]:
    return {
        "id": asset_id,
        "folder_id": CAMPAIGNS,
        "file_location": "/Marketing/Campaigns",
        "is_archived": False,
        "labels": LABELS,
        "owner_organization_id": ORGANIZATION,
    }


def _versioned() -> dict[str, Any]:
    return {
        "expires_at": None,
        "thumbnail_url": f"{PICTURE}?width=75&height=75",
        "version_number": 1,
        "version_id": uuid4().hex,
        "tags": [{"guid": "3f1c1c000957d3625d75447b7f1c1c00", "name": "spring"}],
        "owner_id": OWNER,
    }


def _file(mime_type: str, extension: str, size: int) -> dict[str, Any]:
    return {
        **_versioned(),
        "description": "As the photographer described it",
        "mime_type": mime_type,
        "file_extension": extension,
        "file_size": size,
        "is_public": True,
        "allow_se_indexing": False,
        "attribution_text": None,
    }


def _article(asset_id: str, files: str) -> dict[str, Any]:
    picture = files + in_base64(guid_of(asset_id, "image"))
    return {
        **_versioned(),
        "title": "Sample Article",
        "html_body": "<p>hello world</p>",
        "url": None,
        "group_id": None,
        "meta_title": "Sample Article",
        "meta_description": None,
        "meta_url": None,
        "meta_keywords": ["hello", "world"],
        "source_article": None,
        "source_name": "Newsroom",
        "authors": [{"name": "Ada Writer"}, {"name": None}],
        "lang_code": "en",
        "pixel_key": asset_id[::-1],
        "images": [
            {
                "attribution_text": "",
                "caption": "Untitled",
                "description": "",
                "mime_type": "image/jpeg",
                "height": 480,
                "width": 720,
                "source": {"name": "Motley Fool DE"},
                "url": picture,
                "thumbnail": f"{picture}?width=75&height=75",
            }
        ],
    }


def _image(asset_id: str, files: str) -> dict[str, Any]:
    return {
        **_file("image/jpeg", "jpg", 11244),
        "title": "Sample Image",
        "url": files + in_base64(guid_of(asset_id)),
        "alt_text": "A sample",
        "image_resolution": {"height": 800, "width": 700},
        "focal_point": {"x": 350, "y": 400},
    }


def _video(asset_id: str, files: str) -> dict[str, Any]:
    return {
        **_file("video/mp4", "mp4", 112448),
        "title": "Sample Video",
        "url": files + guid_of(asset_id),
        "alt_text": None,
    }


def _raw_file(asset_id: str, files: str) -> dict[str, Any]:
    return {
        **_file("application/pdf", "pdf", 81244),
        "title": "Sample Raw File",
        "url": files + guid_of(asset_id),
    }


def _structured_content(asset_id: str, _: str) -> dict[str, Any]:
    return {"title": "Sample Structured Content", "content_body": content_body(asset_id)}
