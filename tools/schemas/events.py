"""What the bus carries: the models of all details, by detail type, and who keeps to them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from pydantic import ValidationError

from tools.schemas import plain
from tools.schemas.file_details import AssetFilesChanged
from tools.schemas.library_details import LibraryAssetChanged, LibraryAssetRemoved
from tools.schemas.other_details import CmpEvent
from tools.schemas.parts import Detail
from tools.schemas.plain import Schema
from tools.schemas.publication_details import AssetPublished, AssetSynced, AssetUnpublished
from tools.schemas.result_details import CommandResult
from tools.schemas.work_details import (
    ExternalWorkCommentAdded,
    ExternalWorkCommentModified,
    ExternalWorkCommentRemoved,
    ExternalWorkCompleted,
    ExternalWorkModified,
    ExternalWorkStarted,
)

MOST = 300
"""Characters of a problem, which may show a whole part of an event."""
DETAILS: Mapping[str, type[Detail]] = {
    model.__name__: model
    for model in (
        AssetPublished,
        AssetSynced,
        AssetUnpublished,
        LibraryAssetChanged,
        LibraryAssetRemoved,
        AssetFilesChanged,
        ExternalWorkStarted,
        ExternalWorkModified,
        ExternalWorkCompleted,
        ExternalWorkCommentAdded,
        ExternalWorkCommentModified,
        ExternalWorkCommentRemoved,
        CmpEvent,
        CommandResult,
    )
}


def schema(detail_type: str) -> Schema:
    """Return the schema of a detail type; it takes keys that it does not know."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:cmp-relay:event:{detail_type}:1",
        "title": f"Detail of {detail_type}",
        **plain.of(DETAILS[detail_type], extensible=True),
    }


class ContractError(ValueError):
    """An event is not what its schema says, or has what no schema tells of."""


def check(detail_type: str, detail: Mapping[str, Any]) -> None:
    """Hold a detail against its schema and the model, which knows no other keys.

    Raises ContractError with all that is wrong.
    """
    found = list(_problems(detail_type, detail))
    if found:
        raise ContractError(f"{detail_type} {detail.get('id')}: {'; '.join(found)}")


def _problems(detail_type: str, detail: Mapping[str, Any]) -> Iterator[str]:
    model = DETAILS.get(detail_type)
    if model is None:
        yield "there is no such detail type"
        return
    for broken in Draft202012Validator(schema(detail_type)).iter_errors(detail):
        yield f"{broken.json_path}: {broken.message[:MOST]}"
    try:
        model.model_validate_json(json.dumps(detail))
    except ValidationError as error:
        yield from (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
