"""The JSON Schema of a model in the plainest form that says the same: for people to read."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]
FIRST, LAST = ("description", "type"), ("required", "properties")


def of(model: type[BaseModel], *, extensible: bool = False) -> Schema:
    """Return the schema of a model without references and titles that only repeat names.

    Whoever reads what is `extensible` has to take keys that are not in the schema.
    """
    schema = model.model_json_schema()
    plain = _plain(schema, schema.get("$defs", {}))
    opened: Schema = _open(plain) if extensible else plain
    return opened


def _plain(part: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Return a part of a schema with what it refers to, in the order in which it is read."""
    content = dict(part)
    if reference := content.pop("$ref", None):
        content = {**definitions[reference.rpartition("/")[2]], **content}
    content = {name: _inner(name, value, definitions) for name, value in content.items()}
    for noise in ("title", "$defs"):
        content.pop(noise, None)
    if content.get("default", ...) is None:
        del content["default"]
    if content.get("additionalProperties") is True:
        del content["additionalProperties"]
    if "description" in content:
        content["description"] = _sentence(content["description"])
    return _sorted(_nullable(content))


def _inner(name: str, value: Any, definitions: Mapping[str, Schema]) -> Any:  # noqa: ANN401 - JSON
    """Return a keyword's value with the schemas in it made plain."""
    match name, value:
        case "properties", dict():
            return {key: _plain(described, definitions) for key, described in value.items()}
        case "items" | "additionalProperties", dict():
            return _plain(value, definitions)
        case "anyOf" | "oneOf" | "allOf", list():
            return [_plain(option, definitions) for option in value]
    return value


def _nullable(content: Schema) -> Schema:
    """Write "so or null" as one type of two, as far as it is one."""
    match content.get("anyOf"):
        case [{"type": str(kind)} as option, {"type": "null"}] if not {"enum", "const"} & {*option}:
            rest = {name: value for name, value in content.items() if name != "anyOf"}
            return {**option, **rest, "type": [kind, "null"]}
    return content


def _open(part: Any) -> Any:  # noqa: ANN401 - JSON
    """Let every object in a part of a schema have keys that are not in it."""
    if isinstance(part, dict):
        closing = ("additionalProperties", False)
        return {name: _open(value) for name, value in part.items() if (name, value) != closing}
    return [_open(each) for each in part] if isinstance(part, list) else part


def _sentence(description: str) -> str:
    """Return what a docstring says first, without the source that only we have."""
    first = " ".join(description.split("\n\n")[0].split())
    return re.sub(r" \([^()]*facts\.md[^()]*\)", "", first)


def _sorted(content: Schema) -> Schema:
    """Put what is short before what is long."""
    between = [name for name in content if name not in (*FIRST, *LAST)]
    order = (*FIRST, *between, *LAST)
    return {name: content[name] for name in order if name in content}
