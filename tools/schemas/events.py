"""What the bus carries: the models of all details, by detail type, and who keeps to them."""

import json
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

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


def check(detail_type: str, detail: Mapping[str, Any]) -> None:
    """Hold a detail against its schema and the model, which knows no other keys.

    Raises KeyError for another detail type, jsonschema's or pydantic's ValidationError.
    """
    Draft202012Validator(schema(detail_type)).validate(detail)
    DETAILS[detail_type].model_validate_json(json.dumps(detail))
