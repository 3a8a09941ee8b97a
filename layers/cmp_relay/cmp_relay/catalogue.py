"""What the relay knows of each asset: one DynamoDB partition, read and written whole.

`ASSET#{id}` holds the item `ASSET` and one item `PUBLICATION#{channel}#{publishing_event_id}` each.
Reads are strongly consistent; a write is one transaction, conditional on the revision that was
read, so that two workers can never build on the same state.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from cmp_relay import times
from cmp_relay.errors import ConflictError
from cmp_relay.library import Settled
from cmp_relay.publications import Ended, Publication, is_open

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

LARGEST_TRANSACTION = 100
NEVER_MODIFIED = times.iso(0)
"""Sort key of the listing for an asset whose `modified_at` CMP has not told."""
EXPIRING = "expiring"
"""Partition of the listing for what will expire, by when (in the place of `modified_at`)."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """An event that the bus has not confirmed yet, kept ready to be put as often as it takes."""

    id: str
    detail_type: str
    detail: str


@dataclass(frozen=True, slots=True)
class AssetState:
    """The item of one asset; times are ms, `details_*` None until details are stored.

    Of the library: `seen_at` is when the newest look that told its state began, `removed_at` when
    the newest removal was received, `heard_at` when the newest other job was, `href` the link under
    which it showed the asset; `told` is what the bus was told last, `library_sequence` when,
    `settled` the job that was applied last. Of the files: `files` is what they depend on in the
    details (None without any), `files_wanted` the revision that changed what they have to be,
    `files_asked` the newest of which the queue of file jobs has heard.
    """

    asset_id: str
    type: str
    revision: int = 0
    sequence: int = 0
    published: bool = False
    library: str | None = None
    title: str | None = None
    modified_at: int | None = None
    version: str | None = None
    organization_id: str | None = None
    fetch_began_at: int | None = None
    details_source: str | None = None
    details_key: str | None = None
    details_etag: str | None = None
    href: str | None = None
    seen_at: int | None = None
    heard_at: int | None = None
    removed_at: int | None = None
    settled: Settled | None = None
    told: str | None = None
    library_sequence: int = 0
    announced: int = 0
    pending: Announcement | None = None
    expires_at: int | None = None
    expired: bool = False
    files: str | None = None
    files_wanted: int = 0
    files_asked: int = 0

    @property
    def listing(self) -> str:
        """Name the partition of the listing index: `published#image`, `removed#article`, …"""
        state = "published" if self.published else self.library or "unpublished"
        return f"{state}#{self.type}"

    @property
    def expiring_at(self) -> int | None:
        """Return when it will expire (ms), None if it will not or has."""
        return None if self.expired else self.expires_at

    @property
    def owes_files(self) -> bool:
        """Tell whether the queue of file jobs has yet to hear of a change."""
        return self.files_wanted > self.files_asked

    def heard(self, received_at: int) -> "AssetState":
        """Return the state after a job that was received then (ms)."""
        return replace(self, heard_at=max(self.heard_at or 0, received_at))

    def removed(self, received_at: int) -> "AssetState":
        """Return the state after a removal that was received then (ms)."""
        return replace(self, removed_at=max(self.removed_at or 0, received_at))


@dataclass(frozen=True, slots=True)
class PublicationState:
    """One publication with what belongs to it in storage; `sequence` is that of its last change.

    `metadata_href` is where CMP takes reports of its publishing event.
    """

    facts: Publication
    metadata_href: str | None = None
    entry_hash: str | None = None
    entry_key: str | None = None
    entry_etag: str | None = None
    sequence: int = 0
    announced: int = 0
    pending: Announcement | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Return channel and publishing event id."""
        return self.facts.channel, self.facts.publishing_event_id


@dataclass(frozen=True, slots=True)
class Debt:
    """An event that is still owed, for the change `sequence` of a publication or of the library."""

    sequence: int
    announcement: Announcement
    publication: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """An asset with its publications, by (channel, publishing event id)."""

    asset: AssetState
    publications: Mapping[tuple[str, str], PublicationState] = field(default_factory=dict)

    def publication(self, channel: str, publishing_event_id: str) -> PublicationState:
        """Return that publication, a blank one if it is unknown."""
        blank = PublicationState(Publication(channel, publishing_event_id))
        return self.publications.get((channel, publishing_event_id), blank)

    def facts(self) -> list[Publication]:
        """List the facts of all publications."""
        return [state.facts for state in self.publications.values()]

    def with_publication(self, state: PublicationState) -> "Record":
        """Return the record with one publication replaced and the asset's state derived anew."""
        changed = Record(self.asset, {**self.publications, state.key: state})
        published = any(is_open(one, changed.facts()) for one in changed.facts())
        return replace(changed, asset=replace(self.asset, published=published))

    def debts(self) -> list[Debt]:
        """List the events that the bus has not confirmed, oldest change first."""
        waiting = [
            Debt(state.sequence, state.pending, publication)
            for publication, state in self.publications.items()
            if state.pending
        ]
        if self.asset.pending:
            waiting.append(Debt(self.asset.library_sequence, self.asset.pending))
        return sorted(waiting, key=lambda debt: debt.sequence)

    def without(self, debt: Debt) -> "Record":
        """Return the record after the bus has confirmed an event."""
        if debt.publication is None:
            asset = replace(self.asset, announced=debt.sequence, pending=None)
            return replace(self, asset=asset)
        state = self.publications[debt.publication]
        return self.with_publication(replace(state, announced=debt.sequence, pending=None))


class Catalogue:
    """The catalogue table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use `table` through `client`."""
        self._client = client
        self._table = table
        self._write = TypeSerializer()
        self._read = TypeDeserializer()

    def read(self, asset_id: str, asset_type: str) -> Record:
        """Read an asset's partition; a blank record if the asset is unknown."""
        asset = AssetState(asset_id, asset_type)
        publications: dict[tuple[str, str], PublicationState] = {}
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"ASSET#{asset_id}"}},
        )
        for page in pages:
            for raw in page["Items"]:
                item = {name: self._read.deserialize(value) for name, value in raw.items()}
                if item["sk"] == "ASSET":
                    asset = _asset_from(item)
                else:
                    state = _publication_from(item)
                    publications[state.key] = state
        return Record(asset, publications)

    def write(self, before: Record, after: Record) -> Record:
        """Write all that changed or nothing; raises ConflictError if it was written since.

        A change can open or close other publications of the asset: their `status`, which only
        repeats what the facts say, is written with it as far as a transaction goes, else before it.
        """
        asset = replace(after.asset, revision=before.asset.revision + 1)
        changed = [
            self._put_publication(asset.asset_id, state, after)
            for key, state in after.publications.items()
            if state != before.publications.get(key)
        ]
        turned = [
            self._set_status(asset.asset_id, state, after)
            for key, state in after.publications.items()
            if state == before.publications.get(key) and _turned(state, before, after)
        ]
        if asset.expiring_at != before.asset.expiring_at:
            changed.append(self._put_expiry(asset))
        room = LARGEST_TRANSACTION - 1 - len(changed)
        for start in range(room, len(turned), LARGEST_TRANSACTION):
            chunk = turned[start : start + LARGEST_TRANSACTION]
            self._client.transact_write_items(TransactItems=chunk)
        try:
            self._client.transact_write_items(
                TransactItems=[self._put_asset(before.asset, asset), *changed, *turned[:room]]
            )
        except self._client.exceptions.TransactionCanceledException as error:
            raise ConflictError("another worker wrote this asset first") from error
        return replace(after, asset=asset)

    def confirm(self, asset_id: str, debt: Debt) -> None:
        """Note that the bus has an event that was owed, unless a newer one has replaced it."""
        if debt.publication:
            key, changed = _publication_key(asset_id, *debt.publication), "sequence"
        else:
            key, changed = _asset_key(asset_id), "library_sequence"
        self._update(
            key,
            UpdateExpression="SET announced = :sequence REMOVE pending",
            ConditionExpression="#changed = :sequence",
            ExpressionAttributeNames={"#changed": changed},
            ExpressionAttributeValues={":sequence": {"N": str(debt.sequence)}},
        )

    def confirm_files(self, asset_id: str, wanted: int) -> None:
        """Note that the queue of file jobs has heard of a change."""
        self._update(
            _asset_key(asset_id),
            UpdateExpression="SET files_asked = :wanted",
            ConditionExpression="files_wanted >= :wanted AND files_asked < :wanted",
            ExpressionAttributeValues={":wanted": {"N": str(wanted)}},
        )

    def hear(self, asset_id: str, received_at: int) -> None:
        """Note that a job of an asset that is known was received then (ms)."""
        self._update(
            _asset_key(asset_id),
            UpdateExpression="SET heard_at = :at",
            ConditionExpression=(
                "attribute_exists(pk) AND (attribute_not_exists(heard_at) OR heard_at < :at)"
            ),
            ExpressionAttributeValues={":at": {"N": str(received_at)}},
        )

    def _update(self, key: Mapping[str, str], **change: Any) -> None:  # noqa: ANN401 - boto3's
        try:
            self._client.update_item(TableName=self._table, Key=self._serialized(key), **change)
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def _put_asset(self, before: AssetState, after: AssetState) -> "TransactWriteItemTypeDef":
        item = self._serialized(_asset_item(after))
        if before.revision == 0:
            unknown = "attribute_not_exists(pk)"
            return {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": unknown}}
        return {
            "Put": {
                "TableName": self._table,
                "Item": item,
                "ConditionExpression": "revision = :read",
                "ExpressionAttributeValues": {":read": {"N": str(before.revision)}},
            }
        }

    def _put_expiry(self, asset: AssetState) -> "TransactWriteItemTypeDef":
        """Keep when the asset expires where a listing by time finds it."""
        key = {"pk": f"EXPIRY#{asset.asset_id}", "sk": "EXPIRY"}
        if asset.expiring_at is None:
            return {"Delete": {"TableName": self._table, "Key": self._serialized(key)}}
        item = {
            **key,
            "asset_id": asset.asset_id,
            "type": asset.type,
            "listing": EXPIRING,
            "modified_at": times.iso(asset.expiring_at),
        }
        return {"Put": {"TableName": self._table, "Item": self._serialized(item)}}

    def _put_publication(
        self, asset_id: str, state: PublicationState, record: Record
    ) -> "TransactWriteItemTypeDef":
        item = self._serialized(_publication_item(asset_id, state, record))
        return {"Put": {"TableName": self._table, "Item": item}}

    def _set_status(
        self, asset_id: str, state: PublicationState, record: Record
    ) -> "TransactWriteItemTypeDef":
        return {
            "Update": {
                "TableName": self._table,
                "Key": self._serialized(_publication_key(asset_id, *state.key)),
                "UpdateExpression": "SET #status = :status",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": {":status": {"S": _status(state, record)}},
            }
        }

    def _serialized(self, item: Mapping[str, object]) -> dict[str, Any]:
        present = {name: value for name, value in item.items() if value is not None}
        return {name: self._write.serialize(value) for name, value in present.items()}


def _status(state: PublicationState, record: Record) -> str:
    return "published" if is_open(state.facts, record.facts()) else "unpublished"


def _turned(state: PublicationState, before: Record, after: Record) -> bool:
    return _status(state, before) != _status(state, after)


def _asset_key(asset_id: str) -> dict[str, str]:
    return {"pk": f"ASSET#{asset_id}", "sk": "ASSET"}


def _asset_item(asset: AssetState) -> dict[str, object]:
    return {
        **_asset_key(asset.asset_id),
        "asset_id": asset.asset_id,
        "type": asset.type,
        "revision": asset.revision,
        "sequence": asset.sequence,
        "published": asset.published,
        "library": asset.library,
        "title": asset.title,
        "modified_at": NEVER_MODIFIED
        if asset.modified_at is None
        else times.iso(asset.modified_at),
        "version": asset.version,
        "organization_id": asset.organization_id,
        "fetch_began_at": asset.fetch_began_at,
        "details_source": asset.details_source,
        "details_key": asset.details_key,
        "details_etag": asset.details_etag,
        "href": asset.href,
        "seen_at": asset.seen_at,
        "heard_at": asset.heard_at,
        "removed_at": asset.removed_at,
        "settled": asset.settled and asdict(asset.settled),
        "told": asset.told,
        "library_sequence": asset.library_sequence,
        "announced": asset.announced,
        "pending": asset.pending and asdict(asset.pending),
        "expiry": asset.expires_at and times.iso(asset.expires_at),
        "expired": asset.expired,
        "files": asset.files,
        "files_wanted": asset.files_wanted,
        "files_asked": asset.files_asked,
        "listing": asset.listing,
    }


def _asset_from(item: Mapping[str, Any]) -> AssetState:
    modified_at = item["modified_at"]
    return AssetState(
        asset_id=item["asset_id"],
        type=item["type"],
        revision=int(item["revision"]),
        sequence=int(item["sequence"]),
        published=item["published"],
        library=item.get("library"),
        title=item.get("title"),
        modified_at=None if modified_at == NEVER_MODIFIED else times.read(modified_at),
        version=item.get("version"),
        organization_id=item.get("organization_id"),
        fetch_began_at=_number(item.get("fetch_began_at")),
        details_source=item.get("details_source"),
        details_key=item.get("details_key"),
        details_etag=item.get("details_etag"),
        href=item.get("href"),
        seen_at=_number(item.get("seen_at")),
        heard_at=_number(item.get("heard_at")),
        removed_at=_number(item.get("removed_at")),
        settled=Settled(**item["settled"]) if "settled" in item else None,
        told=item.get("told"),
        library_sequence=int(item.get("library_sequence", 0)),
        announced=int(item.get("announced", 0)),
        pending=_announcement_from(item),
        expires_at=times.read(item.get("expiry")),
        expired=item.get("expired", False),
        files=item.get("files"),
        files_wanted=int(item.get("files_wanted", 0)),
        files_asked=int(item.get("files_asked", 0)),
    )


def _publication_key(asset_id: str, channel: str, publishing_event_id: str) -> dict[str, str]:
    quoted = quote(channel, safe="%")  # the receiver has quoted it already
    event = quote(publishing_event_id, safe="")
    return {"pk": f"ASSET#{asset_id}", "sk": f"PUBLICATION#{quoted}#{event}"}


def _publication_item(asset_id: str, state: PublicationState, record: Record) -> dict[str, object]:
    facts = state.facts
    return {
        **_publication_key(asset_id, *state.key),
        "asset_id": asset_id,
        "channel": facts.channel,
        "publishing_event_id": facts.publishing_event_id,
        "status": _status(state, record),
        "published_at": facts.published_at,
        "synced_at": facts.synced_at,
        "unpublished_at": facts.unpublished_at,
        "modified_at": None if facts.modified_at is None else times.iso(facts.modified_at),
        "applied_at": facts.applied_at,
        "identities": {name: asdict(ended) for name, ended in facts.identities.items()},
        "metadata_href": state.metadata_href,
        "entry_hash": state.entry_hash,
        "entry_key": state.entry_key,
        "entry_etag": state.entry_etag,
        "sequence": state.sequence,
        "announced": state.announced,
        "pending": state.pending and asdict(state.pending),
    }


def _publication_from(item: Mapping[str, Any]) -> PublicationState:
    return PublicationState(
        facts=Publication(
            channel=item["channel"],
            publishing_event_id=item["publishing_event_id"],
            published_at=_number(item.get("published_at")),
            synced_at=_number(item.get("synced_at")),
            unpublished_at=_number(item.get("unpublished_at")),
            modified_at=times.read(item.get("modified_at")),
            applied_at=int(item["applied_at"]),
            identities={
                name: Ended(ended["job_id"], int(ended["at"]), ended["superseded"])
                for name, ended in item["identities"].items()
            },
        ),
        metadata_href=item.get("metadata_href"),
        entry_hash=item.get("entry_hash"),
        entry_key=item.get("entry_key"),
        entry_etag=item.get("entry_etag"),
        sequence=int(item["sequence"]),
        announced=int(item["announced"]),
        pending=_announcement_from(item),
    )


def _announcement_from(item: Mapping[str, Any]) -> Announcement | None:
    return Announcement(**item["pending"]) if "pending" in item else None


def _number(value: Decimal | None) -> int | None:
    return None if value is None else int(value)
