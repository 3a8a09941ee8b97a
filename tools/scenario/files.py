"""What became of the files of assets: what the catalogue claims of them, and what is in S3."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from tools.local_stack.stack import LocalStack

FOLDER_RULES = 'kind=image label="Content Format" -> website/images/; kind=video -> videos/'
"""What samples are copied by: every sample is in the library, and has a label of that group."""
WITH_FILES = {"article", "image", "raw_file", "video"}
IN_LIBRARY = {"present", "archived"}
PAUSE_SECONDS = 0.2

Item = Mapping[str, Any]


@dataclass(frozen=True)
class MirroredFile:
    """One file of an asset; `copy` is the key of its copy by folder rule."""

    mime_type: str
    size: int
    key: str
    copy: str | None


@dataclass(frozen=True)
class AssetFiles:
    """The files of an asset; `settled` once its last change is followed and its job has ended.

    `found` are the sizes of all objects of the asset that are in the bucket, but its documents.
    """

    asset_id: str
    kind: str
    state: str
    has_to_have_files: bool
    settled: bool
    files: Sequence[MirroredFile]
    found: Mapping[str, int]

    @property
    def complete(self) -> bool:
        """Tell whether there are exactly the objects that have to be there."""
        claimed = {file.key: file.size for file in self.files}
        copied = {file.copy: file.size for file in self.files if file.copy}
        is_right = self.has_to_have_files == bool(self.files)
        return self.settled and is_right and self.found == claimed | copied


def wait(stack: LocalStack, asset_ids: Sequence[str], seconds: float) -> list[AssetFiles]:
    """Wait until the files of all assets are settled, and return them as they are after that."""
    deadline = time.monotonic() + seconds
    while True:
        looked = look(stack, asset_ids)
        if all(one.settled for one in looked) or time.monotonic() > deadline:
            return looked
        time.sleep(PAUSE_SECONDS)


def look(stack: LocalStack, asset_ids: Sequence[str]) -> list[AssetFiles]:
    """Return the files of the assets as they are now."""
    objects = _objects(stack)
    return [_asset_files(stack, asset_id, objects) for asset_id in asset_ids]


def wanted(stack: LocalStack, asset_id: str) -> int:
    """Return the change of an asset that its files have to follow."""
    return int(_item(stack, f"ASSET#{asset_id}", "ASSET").get("files_wanted", 0))


def _asset_files(stack: LocalStack, asset_id: str, objects: Mapping[str, int]) -> AssetFiles:
    asset = _item(stack, f"ASSET#{asset_id}", "ASSET")
    kept = _item(stack, f"FILES#{asset_id}", "FILES")
    change = int(asset.get("files_wanted", 0))
    job = _item(stack, f"JOB#asset_file.{asset_id}.{change}", "JOB")
    followed = int(kept.get("done", 0)) == change and "pending" not in kept
    shown = bool(asset.get("published")) or asset.get("library") in IN_LIBRARY
    return AssetFiles(
        asset_id=asset_id,
        kind=str(asset.get("type")),
        state="published" if asset.get("published") else str(asset.get("library")),
        has_to_have_files=shown and asset.get("type") in WITH_FILES,
        settled=not change or (followed and "outcome" in job),
        files=[_file(file) for _, file in sorted(kept.get("files", {}).items())],
        found={key: size for key, size in objects.items() if asset_id in key},
    )


def _file(item: Item) -> MirroredFile:
    stored, copy = item["stored"], item["copy"]
    return MirroredFile(
        mime_type=stored["mime_type"],
        size=int(stored["size"]),
        key=stored["key"],
        copy=copy["key"] if copy else None,
    )


def _item(stack: LocalStack, pk: str, sk: str) -> dict[str, Any]:
    answer = stack.boto("dynamodb").get_item(
        TableName=stack.env["CATALOGUE_TABLE"],
        Key={"pk": {"S": pk}, "sk": {"S": sk}},
        ConsistentRead=True,
    )
    read = TypeDeserializer()
    return {name: read.deserialize(value) for name, value in answer.get("Item", {}).items()}


def _objects(stack: LocalStack) -> dict[str, int]:
    pages = stack.boto("s3").get_paginator("list_objects_v2")
    return {
        found["Key"]: found["Size"]
        for page in pages.paginate(Bucket=stack.env["ASSET_BUCKET"])
        for found in page.get("Contents", [])
        if not found["Key"].endswith(".json")
    }
