"""What the relay keeps of each asset's files: one item a asset, `FILES#{id}`.

The objects of an asset are at most those that its item claims: a key is claimed before anything is
written there, and given up after it is empty. So a crash leaves no object that nobody withdraws.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from cmp_relay import library
from cmp_relay.catalogue import Announcement
from cmp_relay.errors import ConflictError
from cmp_relay.file_store import Stored, Unfinished

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object is."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class MirroredFile:
    """One file of an asset: its version, its object, and the copy that a folder rule asks for."""

    version: str
    stored: Stored
    copy: Place | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What CMP was told of a publication last: a status, and how many reports that makes."""

    status: str
    number: int


@dataclass(frozen=True, slots=True)
class FilesState:
    """The files of one asset by slot (`file_sources`).

    `done` is the change of the asset that they follow, `claims` are the places that may hold
    objects, `unfinished` an upload that a later visit goes on with, `told` the files that the bus
    was told of last, `reported` what CMP was told of each publication, `commands` the messages that
    the queue of commands has yet to hear.
    """

    asset_id: str
    revision: int = 0
    done: int = 0
    files: Mapping[str, MirroredFile] = field(default_factory=dict)
    claims: frozenset[Place] = frozenset()
    unfinished: Unfinished | None = None
    sequence: int = 0
    told: str | None = None
    pending: Announcement | None = None
    reported: Mapping[str, Told] = field(default_factory=dict)
    commands: tuple[str, ...] = ()

    def fingerprint(self) -> str | None:
        """Return what changes whenever the files do, None without any."""
        told = {slot: asdict(file) for slot, file in self.files.items()}
        return library.fingerprint(told) if told else None


class Files:
    """The FILES items of the catalogue table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use `table` through `client`."""
        self._client = client
        self._table = table
        self._write = TypeSerializer()
        self._read = TypeDeserializer()

    def read(self, asset_id: str) -> FilesState:
        """Read the state of an asset's files, a blank one if there are none."""
        answer = self._client.get_item(
            TableName=self._table, Key=self._serialized(_key(asset_id)), ConsistentRead=True
        )
        if "Item" not in answer:
            return FilesState(asset_id)
        raw = answer["Item"]
        return _state_from({name: self._read.deserialize(value) for name, value in raw.items()})

    def write(self, state: FilesState) -> FilesState:
        """Write the state that follows the one that was read; raises ConflictError if one did."""
        item = self._serialized(_item(replace(state, revision=state.revision + 1)))
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(pk) OR revision = :read",
                ExpressionAttributeValues={":read": {"N": str(state.revision)}},
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise ConflictError("another worker wrote these files first") from error
        return replace(state, revision=state.revision + 1)

    def _serialized(self, item: Mapping[str, object]) -> dict[str, Any]:
        present = {name: value for name, value in item.items() if value is not None}
        return {name: self._write.serialize(value) for name, value in present.items()}


def _key(asset_id: str) -> dict[str, str]:
    return {"pk": f"FILES#{asset_id}", "sk": "FILES"}


def _item(state: FilesState) -> dict[str, object]:
    return {
        **_key(state.asset_id),
        "asset_id": state.asset_id,
        "revision": state.revision,
        "done": state.done,
        "files": {slot: asdict(file) for slot, file in state.files.items()},
        "claims": [asdict(place) for place in sorted(state.claims, key=str)],
        "unfinished": state.unfinished and asdict(state.unfinished),
        "sequence": state.sequence,
        "told": state.told,
        "pending": state.pending and asdict(state.pending),
        "reported": {name: asdict(told) for name, told in state.reported.items()} or None,
        "commands": list(state.commands) or None,
    }


def _state_from(item: Mapping[str, Any]) -> FilesState:
    return FilesState(
        asset_id=item["asset_id"],
        revision=int(item["revision"]),
        done=int(item["done"]),
        files={slot: _file_from(file) for slot, file in item["files"].items()},
        claims=frozenset(Place(**place) for place in item["claims"]),
        unfinished=_unfinished_from(item.get("unfinished")),
        sequence=int(item["sequence"]),
        told=item.get("told"),
        pending=Announcement(**item["pending"]) if "pending" in item else None,
        reported={
            name: Told(told["status"], int(told["number"]))
            for name, told in item.get("reported", {}).items()
        },
        commands=tuple(item.get("commands", ())),
    )


def _file_from(item: Mapping[str, Any]) -> MirroredFile:
    stored = item["stored"]
    return MirroredFile(
        version=item["version"],
        stored=Stored(**{**stored, "size": int(stored["size"])}),
        copy=Place(**item["copy"]) if item["copy"] else None,
    )


def _unfinished_from(item: Mapping[str, Any] | None) -> Unfinished | None:
    if item is None:
        return None
    size = item["size"]
    return Unfinished(**{**item, "size": None if size is None else int(size)})
