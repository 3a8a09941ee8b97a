"""What the relay owes CMP of an asset's publications."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cmp_relay.catalogue import AssetState, PublicationState, Record
from cmp_relay.file_store import Stored
from cmp_relay.files import FilesState, MirroredFile, Place, Told
from cmp_relay.publications import Publication
from cmp_relay.report_duties import MOST, Duties
from cmp_relay.report_states import states
from tests.support.clock import NOON
from tests.support.fake_metadata import link

DUTIES = Duties(is_on=True, base="https://files.example.com", bucket="assets", own_bucket="assets")
STORED = Stored("assets/image/a/7/a.jpg", etag='"e"', size=1, checksum="c", mime_type="image/x")
FILES = FilesState("a", files={"file": MirroredFile("7", STORED)})


def publication(
    event_id: str = "event-1", sequence: int = 1, facts: Mapping[str, Any] | None = None
) -> PublicationState:
    return PublicationState(
        Publication("default", event_id, **(facts or {"published_at": 1})),
        metadata_href=link(event_id),
        sequence=sequence,
    )


def record(*publications: PublicationState, asset_type: str = "image") -> Record:
    return Record(AssetState("a", asset_type), {each.key: each for each in publications})


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({"published_at": 1}, "published"),
        ({"synced_at": 1}, "synced"),
        ({"published_at": 1, "synced_at": 2}, "synced"),
        ({"published_at": 2, "synced_at": 1}, "published"),
        ({"published_at": 1, "unpublished_at": 2}, "unpublished"),
        ({"published_at": 2, "unpublished_at": 1}, "unpublished"),
        ({"unpublished_at": 1}, "unpublished"),
    ],
)
def test_the_state_of_a_publication_follows_from_its_facts(
    facts: dict[str, int], status: str
) -> None:
    assert states(record(publication(facts=facts))) == {("default", "event-1"): status}


@pytest.mark.parametrize("asset_type", ["article", "structured_content", "something new"])
def test_what_is_no_file_is_reported_by_others(asset_type: str) -> None:
    known = record(publication(), asset_type=asset_type)

    assert states(known) == {}
    assert DUTIES.owe(known, FILES, NOON) == FILES


def test_a_publication_without_a_link_is_not_reported() -> None:
    assert states(record(replace(publication(), metadata_href=None))) == {}


def test_the_newest_are_owed_first_if_there_are_more_than_an_item_takes() -> None:
    known = record(*(publication(f"event-{number}", number) for number in range(MOST + 5)))

    first = DUTIES.owe(known, FILES, NOON)
    second = DUTIES.owe(known, replace(first, commands=()), NOON)

    assert (len(first.commands), len(second.commands)) == (MOST, 5)
    assert sorted(second.reported) == sorted(f"default#event-{n}" for n in range(MOST + 5))
    assert len(str(first.commands)) < 200_000
    assert DUTIES.owe(known, replace(second, commands=()), NOON).commands == ()


def test_a_file_that_is_elsewhere_is_not_public() -> None:
    elsewhere = replace(DUTIES, bucket="public")
    copied = FilesState("a", files={"file": MirroredFile("7", STORED, Place("public", "b.jpg"))})

    assert elsewhere.owe(record(publication()), FILES, NOON) == FILES
    assert DUTIES.owe(record(publication()), FilesState("a"), NOON) == FilesState("a")
    (command,) = elsewhere.owe(record(publication()), copied, NOON).commands
    url = json.loads(command)["arguments"]["public_url"]
    assert url == "https://files.example.com/b.jpg"
    ended = record(publication(facts={"published_at": 1, "unpublished_at": 2}))
    assert elsewhere.owe(ended, FILES, NOON).reported == {"default#event-1": Told("unpublished", 1)}


def test_equal_owings_are_equal_commands() -> None:
    known = record(publication(), publication("event-2"))

    assert DUTIES.owe(known, FILES, NOON) == DUTIES.owe(known, FILES, NOON)
    one, other = map(json.loads, DUTIES.owe(known, FILES, NOON).commands)
    assert one["command_id"] != other["command_id"]
