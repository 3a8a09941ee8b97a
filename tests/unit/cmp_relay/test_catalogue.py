from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cmp_relay.catalogue import (
    Announcement,
    AssetState,
    Catalogue,
    Debt,
    PublicationState,
    Record,
)
from cmp_relay.errors import ConflictError
from cmp_relay.library import Settled
from cmp_relay.publications import Ended, Publication
from tests.support.worker_stack import WorkerStack

FULL_ASSET = AssetState(
    "asset",
    "image",
    revision=0,
    sequence=7,
    published=True,
    library="archived",
    title="Tïtle",
    modified_at=1_700_000_000_123,
    version="3",
    organization_id="organization",
    fetch_began_at=1_700_000_001_456,
    details_source="library",
    details_key="assets/image/asset/details.json",
    details_etag='"etag"',
    href="https://api.cmp.optimizely.com/v3/images/asset",
    seen_at=1_700_000_001_457,
    heard_at=1_700_000_001_458,
    removed_at=1_700_000_001_459,
    settled=Settled("job", "applied", "gone"),
    told="told",
    library_sequence=5,
    announced=4,
    pending=Announcement("library", "LibraryAssetChanged", "{}"),
)
FULL_PUBLICATION = PublicationState(
    Publication(
        "channel",
        "event",
        published_at=1,
        modified_at=1_700_000_000_123,
        applied_at=4,
        identities={"asset_published#hash": Ended("job", 5, "why"), "other": Ended("job", 6)},
    ),
    metadata_href="https://cmp.test/publishing-metadata",
    entry_hash="hash",
    entry_key="key",
    entry_etag='"etag"',
    sequence=7,
    announced=6,
    pending=Announcement("id", "AssetPublished", '{"a": 1}'),
)

DEBTS = (
    Debt(5, Announcement("library", "LibraryAssetChanged", "{}")),
    Debt(7, Announcement("id", "AssetPublished", '{"a": 1}'), ("channel", "event")),
)


@pytest.fixture
def catalogue(stack: WorkerStack) -> Catalogue:
    return Catalogue(stack.dynamodb, "catalogue")


def blank(asset_id: str = "asset") -> Record:
    return Record(AssetState(asset_id, "image"))


def opened(channel: str = "channel", event_id: str = "event", at: int = 1) -> PublicationState:
    return PublicationState(Publication(channel, event_id, published_at=at))


def test_an_unknown_asset_reads_as_a_blank_record(catalogue: Catalogue) -> None:
    assert catalogue.read("asset", "image") == blank()


def test_reads_every_field_that_it_wrote(catalogue: Catalogue) -> None:
    closed = PublicationState(Publication("channel", "closed", 1, unpublished_at=3))
    record = Record(FULL_ASSET).with_publication(FULL_PUBLICATION).with_publication(closed)

    written = catalogue.write(blank(), record)

    assert catalogue.read("asset", "image") == written
    assert written == replace(record, asset=replace(FULL_ASSET, revision=1))


def test_reads_an_asset_of_which_next_to_nothing_is_known(catalogue: Catalogue) -> None:
    written = catalogue.write(blank(), blank())

    assert catalogue.read("asset", "image") == written == Record(AssetState("asset", "image", 1))


def test_reads_what_was_written_last(catalogue: Catalogue, stack: WorkerStack) -> None:
    asked: list[bool] = []

    def note(params: Mapping[str, Any], **_: object) -> None:
        asked.append(params.get("ConsistentRead", False))

    events = stack.dynamodb.meta.events
    events.register("provide-client-params.dynamodb.Query", note)
    catalogue.read("asset", "image")
    events.unregister("provide-client-params.dynamodb.Query", note)

    assert asked == [True]


def test_reads_more_publications_than_one_page_holds(catalogue: Catalogue) -> None:
    record = blank()
    for number in range(8):
        large = replace(
            opened(event_id=f"event-{number}"),
            pending=Announcement("id", "AssetPublished", "x" * 200_000),
        )
        record = catalogue.write(record, record.with_publication(large))

    assert len(catalogue.read("asset", "image").publications) == 8


@pytest.mark.parametrize("stale_revision", [0, 1])
def test_refuses_to_build_on_what_another_has_changed(
    catalogue: Catalogue, stack: WorkerStack, stale_revision: int
) -> None:
    first = catalogue.write(blank(), blank().with_publication(opened()))
    current = catalogue.write(first, first.with_publication(opened(event_id="other")))
    stale = blank() if stale_revision == 0 else first

    with pytest.raises(ConflictError):
        catalogue.write(stale, stale.with_publication(opened(event_id="lost")))

    assert catalogue.read("asset", "image") == current


def test_one_change_can_end_more_publications_than_a_transaction_holds(
    catalogue: Catalogue, stack: WorkerStack
) -> None:
    record = blank()
    for number in range(230):
        record = record.with_publication(opened(event_id=f"event-{number}"))
        if number % 90 == 89:
            record = catalogue.write(catalogue.read("asset", "image"), record)
    record = catalogue.write(catalogue.read("asset", "image"), record)
    end = PublicationState(Publication("channel", "end", unpublished_at=2))

    catalogue.write(record, record.with_publication(end))

    items = stack.items("ASSET#")
    assert {item["status"] for item in items if item["sk"] != "ASSET"} == {"unpublished"}
    assert stack.asset("asset")["published"] is False


def test_writes_the_status_of_publications_that_another_has_ended(
    catalogue: Catalogue, stack: WorkerStack
) -> None:
    first = catalogue.write(blank(), blank().with_publication(opened(at=1)))
    ending = PublicationState(Publication("channel", "own", unpublished_at=2))

    catalogue.write(first, first.with_publication(ending))

    statuses = {
        item["publishing_event_id"]: item["status"]
        for item in stack.items("ASSET#")
        if item["sk"] != "ASSET"
    }
    assert statuses == {"event": "unpublished", "own": "unpublished"}
    assert stack.asset("asset")["published"] is False


def test_an_event_stays_owed_until_it_is_confirmed(catalogue: Catalogue) -> None:
    record = catalogue.write(blank(), Record(FULL_ASSET).with_publication(FULL_PUBLICATION))
    library, publication = DEBTS
    assert catalogue.read("asset", "image").debts() == [library, publication]

    catalogue.confirm("asset", publication)
    assert catalogue.read("asset", "image").debts() == [library]

    catalogue.confirm("asset", library)
    confirmed = catalogue.read("asset", "image")
    assert confirmed == record.without(publication).without(library)
    assert confirmed.publication("channel", "event").announced == 7
    assert confirmed.asset.announced == 5


def test_confirming_an_event_leaves_a_newer_one_owed(catalogue: Catalogue) -> None:
    new = Announcement("new", "AssetSynced", "{}")
    asset = replace(FULL_ASSET, library_sequence=8, pending=new)
    newer = Record(asset).with_publication(replace(FULL_PUBLICATION, sequence=9, pending=new))
    written = catalogue.write(blank(), newer)

    for debt in DEBTS:
        catalogue.confirm("asset", debt)

    assert catalogue.read("asset", "image") == written


def test_what_is_owed_is_listed_oldest_first() -> None:
    newest = replace(FULL_PUBLICATION, facts=opened(event_id="newest").facts, sequence=9)
    record = Record(FULL_ASSET).with_publication(newest).with_publication(FULL_PUBLICATION)

    assert [debt.sequence for debt in record.debts()] == [5, 7, 9]


@pytest.mark.parametrize(("received_at", "heard_at"), [(9, 9), (8, 8), (7, 8)])
def test_the_newest_job_is_the_one_that_was_heard(
    catalogue: Catalogue, received_at: int, heard_at: int
) -> None:
    catalogue.write(blank(), Record(blank().asset.heard(8)))

    catalogue.hear("asset", received_at)

    assert catalogue.read("asset", "image").asset.heard_at == heard_at


def test_an_asset_that_is_unknown_stays_so(catalogue: Catalogue, stack: WorkerStack) -> None:
    catalogue.hear("asset", 8)

    assert stack.items("ASSET#") == []


@pytest.mark.parametrize(
    ("asset", "listing"),
    [
        (AssetState("1", "image", published=True, library="present"), "published#image"),
        (AssetState("1", "article", library="removed"), "removed#article"),
        (AssetState("1", "video"), "unpublished#video"),
    ],
)
def test_is_listed_by_state_and_type(
    catalogue: Catalogue, stack: WorkerStack, asset: AssetState, listing: str
) -> None:
    record = Record(asset)
    if asset.published:
        record = record.with_publication(opened())
    catalogue.write(Record(AssetState("1", asset.type)), record)

    found = stack.dynamodb.query(
        TableName="catalogue",
        IndexName="listing",
        KeyConditionExpression="listing = :listing",
        ExpressionAttributeValues={":listing": {"S": listing}},
    )

    assert [item["sk"]["S"] for item in found["Items"]] == ["ASSET"]
    assert found["Items"][0]["modified_at"] == {"S": "1970-01-01T00:00:00.000Z"}


@pytest.mark.parametrize("text", ["a#b", "a/b", "100%", "%23", "ä💡", "#", "ASSET", " "])
def test_any_text_can_be_an_id(catalogue: Catalogue, text: str) -> None:
    record = Record(AssetState(text, text))
    for channel, event_id in ((text, text), ("x", f"y#{text}"), ("x#y", text)):
        record = record.with_publication(opened(channel, event_id))
    written = catalogue.write(Record(AssetState(text, text)), record)

    for key, state in written.publications.items():
        catalogue.confirm(text, Debt(state.sequence, Announcement("id", "type", "{}"), key))

    assert catalogue.read(text, text) == written
    assert len(written.publications) == 3
