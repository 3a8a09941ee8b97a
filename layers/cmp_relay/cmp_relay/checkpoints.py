"""The checkpoint of the reconciliation: one item of the catalogue table, `RECONCILE`."""

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from cmp_relay.errors import ConflictError
from cmp_relay.runs import Checkpoint, Counts, Run

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY: dict[str, Any] = {"pk": {"S": "RECONCILE"}, "sk": {"S": "RECONCILE"}}


class Checkpoints:
    """The checkpoint in one table; a write is conditional on the revision that was read."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use `table` through `client`."""
        self._client = client
        self._table = table
        self._write = TypeSerializer()
        self._read = TypeDeserializer()

    def read(self) -> Checkpoint:
        """Return the checkpoint, that of a stack that never ran if there is none."""
        answer = self._client.get_item(TableName=self._table, Key=KEY, ConsistentRead=True)
        item = {name: self._read.deserialize(raw) for name, raw in answer.get("Item", {}).items()}
        return _checkpoint(_plain(item))

    def write(self, checkpoint: Checkpoint) -> Checkpoint:
        """Write it and return it as written; raises ConflictError if somebody else has since."""
        written = replace(checkpoint, revision=checkpoint.revision + 1)
        item = {name: self._write.serialize(value) for name, value in _item(written).items()}
        try:
            self._client.put_item(
                TableName=self._table,
                Item={**KEY, **item},
                ConditionExpression="attribute_not_exists(pk) OR revision = :read",
                ExpressionAttributeValues={":read": {"N": str(checkpoint.revision)}},
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise ConflictError("another run wrote the checkpoint first") from error
        return written


def _item(checkpoint: Checkpoint) -> dict[str, Any]:
    item = asdict(checkpoint)
    return {name: value for name, value in item.items() if value is not None}


def _checkpoint(item: Mapping[str, Any]) -> Checkpoint:
    run = item.get("run")
    return Checkpoint(**{**_known(Checkpoint, item), "run": _run(run) if run else None})


def _run(item: Mapping[str, Any]) -> Run:
    counts = Counts(**_known(Counts, item["counts"]))
    return Run(**{**_known(Run, item), "recent": tuple(item["recent"]), "counts": counts})


def _known(kind: type[Any], item: Mapping[str, Any]) -> dict[str, Any]:
    """Return what this version knows: another one may have begun the run."""
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in item.items() if name in names}


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever an item holds
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return int(value) if isinstance(value, Decimal) else value
