"""The body of a structured content: three locales, and components nested two levels deep.

Shapes are those of `ContentDetailsModel` in the official specification. Links hold the placeholder
`links.ORIGIN`, since only a request says by which address the stand-in is reached.
"""

from __future__ import annotations

from hashlib import sha384
from typing import Any

from tools.stand_in.links import ORIGIN

LOCALES = ("en_US", "en", "de")
PERSON = "5d75447b7f1c1c000957d111"
MADE_AT = "2022-09-28T12:49:00Z"
TYPES = f"{ORIGIN}/v3/structured-content/content-types"


def content_body(content_guid: str) -> dict[str, Any]:
    """Build the body of a page with texts, a picture, a choice and an author component."""
    fields = {
        "headline": _localized("text_value", "Sample headline"),
        "body": _localized("rich_text_value", "<p>Sample body</p>"),
        "category": _localized("choice_key", "news"),
        "hero": [{"locale": "en_US", "field_values": [_picture()]}],
        "author": [{"locale": "en_US", "field_values": [_component(_author(content_guid))]}],
    }
    return _details(content_guid, "page", fields)


def _author(parent: str) -> dict[str, Any]:
    fields = {
        "name": _localized("text_value", "Ada Writer"),
        "office": [{"locale": "en_US", "field_values": [_component(_office(parent))]}],
    }
    return _details(_derived(parent, "author"), "author", fields)


def _office(parent: str) -> dict[str, Any]:
    place = {"order_index": 0, "latitude": 52.52, "longitude": 13.405}
    fields = {
        "city": _localized("text_value", "Berlin"),
        "place": [{"locale": "en_US", "field_values": [place]}],
    }
    return _details(_derived(parent, "office"), "office", fields)


def _localized(value_key: str, value: str) -> list[dict[str, Any]]:
    return [
        {"locale": locale, "field_values": [{"order_index": 0, value_key: value}]}
        for locale in LOCALES
    ]


def _picture() -> dict[str, Any]:
    guid = "5d7f910551b00a722e0418830cee2213"
    return {
        "order_index": 0,
        "asset_guid": guid,
        "asset_type": "image",
        "links": {"self": f"{ORIGIN}/v3/images/{guid}"},
    }


def _component(details: dict[str, Any]) -> dict[str, Any]:
    return {
        "order_index": 0,
        "content_guid": details["content_guid"],
        "content_url": details["links"]["self"],
        "embedded": True,
        "content_details": details,
    }


def _details(guid: str, type_name: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "root_content": type_name == "page",
        "title": f"Sample {type_name}",
        "primary_locale": "en_US",
        "expired": False,
        "content_guid": guid,
        "content_type_guid": _derived(type_name, "type"),
        "content_type_name": type_name,
        "content_type": _content_type(type_name, list(fields)),
        **_made(),
        "updated_by": PERSON,
        "updated_at": MADE_AT,
        "latest_fields_version": {
            "fields": fields,
            **_made(),
            "version_guid": _derived(guid, "version"),
            "content_hash": sha384(guid.encode()).hexdigest(),
        },
        "links": {
            "self": f"{ORIGIN}/v3/structured-contents/{guid}",
            "definition": f"{TYPES}/{_derived(type_name, 'type')}",
        },
    }


def _content_type(name: str, keys: list[str]) -> dict[str, Any]:
    guid = _derived(name, "type")
    return {
        "name": name,
        "description": f"What a {name} holds",
        "component": name != "page",
        "disabled": False,
        "content_type_guid": guid,
        **_made(),
        "updated_by": PERSON,
        "updated_at": MADE_AT,
        "links": {"self": f"{TYPES}/{guid}", "versions": f"{TYPES}/{guid}/versions"},
        "version": {
            "version_guid": _derived(name, "type version"),
            **_made(),
            "latest": True,
            "expected_locales": list(LOCALES),
            "links": {"content_type": f"{TYPES}/{guid}"},
            "field_definitions": [_definition(key) for key in keys],
        },
    }


def _definition(key: str) -> dict[str, Any]:
    core = {
        "key": key,
        "name": key.capitalize(),
        "is_list": False,
        "is_required": False,
        "need_internationalization": True,
    }
    return {"core": core, "min_length": 0, "validation_pattern": ".*"}


def _made() -> dict[str, str]:
    return {"created_by": PERSON, "created_at": MADE_AT}


def _derived(*parts: str) -> str:
    return sha384(" ".join(parts).encode()).hexdigest()[:32]
