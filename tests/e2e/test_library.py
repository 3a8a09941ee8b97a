"""What CMP's library has is what the catalogue says it has, however its deliveries come."""

import time

import pytest

from tests.e2e.relay import Relay
from tools.stand_in.deliveries import LibraryEventName
from tools.stand_in.records import DeliveryRecord

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

LONGER_THAN_THE_MARGIN = 4.0


def outcomes(relay: Relay, sent: list[DeliveryRecord]) -> list[str | None]:
    """Wait for the jobs of all deliveries."""
    return [job.outcome for one in sent for job in relay.ended(one["response"])]


def tell(relay: Relay, event_name: LibraryEventName, asset_id: str) -> list[str | None]:
    return outcomes(relay, relay.cmp.announce_library(event_name, asset_id, channel="library"))


def keep_workers_off(relay: Relay, asset_id: str, seconds: float) -> None:
    """Hold the asset's lease, as a worker would that takes its time."""
    ends_at = int((time.time() + seconds) * 1000)
    relay.stack.boto("dynamodb").put_item(
        TableName=relay.stack.env["CATALOGUE_TABLE"],
        Item={
            "pk": {"S": f"LEASE#fetch#{asset_id}"},
            "sk": {"S": "LEASE"},
            "owner": {"S": "test"},
            "ends_at": {"N": str(ends_at)},
        },
    )


@pytest.mark.parametrize("kind", ["article", "image", "video", "raw_file", "structured_content"])
def test_brings_what_is_added_to_the_library(relay: Relay, kind: str) -> None:
    asset = relay.cmp.add_asset(kind)

    ended = tell(relay, "asset_added", asset["id"])

    assert ended == ["applied"]
    item = relay.asset(asset["id"])
    assert (item["type"], item["library"], item["published"]) == (kind, "present", False)
    assert item["listing"] == f"present#{kind}"
    assert item["organization_id"] == asset["owner_organization_id"]
    assert relay.document(item["details_key"])["asset"] == asset
    (event,) = relay.events(asset["id"], count=1)
    assert (event["detail-type"], event["detail"]["channel"]) == ("LibraryAssetChanged", "library")
    assert event["detail"]["asset"]["labels"] == asset["labels"]
    assert event["detail"]["details"]["key"] == item["details_key"]


def test_two_identical_deliveries_with_a_change_between_them_bring_the_second_state(
    relay: Relay,
) -> None:
    asset_id = relay.cmp.add_asset("image", title="first")["id"]
    body = relay.cmp.library_body("asset_modified", asset_id)
    outcomes(relay, relay.cmp.deliver(body=body))
    relay.cmp.change_asset(asset_id, title="second")

    ended = outcomes(relay, relay.cmp.deliver(body=body))

    assert ended == ["applied"]
    item = relay.asset(asset_id)
    assert item["title"] == "second"
    assert relay.document(item["details_key"])["asset"]["title"] == "second"
    titles = [one["detail"]["asset"]["title"] for one in relay.events(asset_id, count=2)]
    assert sorted(titles) == ["first", "second"]


def test_two_identical_deliveries_that_one_later_look_covers_cost_one_request(
    relay: Relay,
) -> None:
    asset_id = relay.cmp.add_asset("image")["id"]
    keep_workers_off(relay, asset_id, LONGER_THAN_THE_MARGIN)

    sent = relay.cmp.announce_library("asset_modified", asset_id, copies=2)

    assert sorted(map(str, outcomes(relay, sent))) == ["applied", "superseded"]
    assert len(relay.requests(asset_id)) == 1
    assert len(relay.events(asset_id)) == 1


def test_an_asset_can_be_removed_and_added_again(relay: Relay) -> None:
    asset_id = relay.cmp.add_asset("image", title="first")["id"]
    tell(relay, "asset_added", asset_id)
    relay.cmp.move_asset(asset_id, "deleted")

    removed = tell(relay, "asset_removed", asset_id)
    after_removal = relay.asset(asset_id)
    relay.cmp.add_asset("image", id=asset_id, title="second")
    added = tell(relay, "asset_added", asset_id)

    assert (removed, added) == (["applied"], ["applied"])
    assert (after_removal["library"], after_removal["listing"]) == ("removed", "removed#image")
    item = relay.asset(asset_id)
    assert (item["library"], item["title"]) == ("present", "second")
    events = sorted(relay.events(asset_id, count=3), key=lambda one: one["detail"]["sequence"])
    assert [event["detail-type"] for event in events] == [
        "LibraryAssetChanged",
        "LibraryAssetRemoved",
        "LibraryAssetChanged",
    ]


def test_a_removal_that_comes_after_a_new_addition_changes_nothing(relay: Relay) -> None:
    asset_id = relay.cmp.add_asset("image")["id"]
    late = relay.cmp.library_body("asset_removed", asset_id)
    tell(relay, "asset_added", asset_id)

    ended = outcomes(relay, relay.cmp.deliver(body=late))

    assert ended == ["superseded"]
    assert relay.asset(asset_id)["library"] == "present"
    assert len(relay.requests(asset_id)) == 2


def test_a_change_of_what_is_gone_ends_with_the_asset_removed(relay: Relay) -> None:
    asset_id = relay.cmp.add_asset("image")["id"]
    relay.cmp.move_asset(asset_id, "deleted")

    ended = tell(relay, "asset_modified", asset_id)

    assert ended == ["applied"]
    assert relay.asset(asset_id)["library"] == "removed"
    assert len(relay.requests(asset_id)) == 3


def test_what_may_not_be_read_is_a_dead_letter(relay: Relay) -> None:
    asset_id = relay.cmp.add_asset("image")["id"]
    relay.cmp.move_asset(asset_id, "forbidden")

    sent = relay.cmp.announce_library("asset_modified", asset_id)

    assert outcomes(relay, sent) == ["dead_lettered"]
    delivery_id = sent[0]["response"]["delivery_id"]
    letter = relay.message_of("LIBRARY_ASSET_DEAD_LETTER", delivery_id)
    assert letter["MessageAttributes"]["reason"]["StringValue"] == "forbidden"


def test_the_library_does_not_unpublish(relay: Relay) -> None:
    asset_id = relay.cmp.add_asset("image")["id"]
    relay.outcomes(relay.cmp.publish([asset_id]))
    relay.cmp.move_asset(asset_id, "deleted")

    tell(relay, "asset_removed", asset_id)

    item = relay.asset(asset_id)
    assert (item["published"], item["library"]) == (True, "removed")


def test_quarantines_a_library_delivery_that_names_no_asset(relay: Relay) -> None:
    answer = relay.cmp.deliver(body={"event_name": "asset_modified", "data": {"id": "x"}})[0]

    delivery_id = answer["response"]["delivery_id"]
    assert (answer["status"], answer["response"]["jobs"]) == (202, 0)
    assert "unreadable_delivery" in relay.message_of("QUARANTINE", delivery_id)["Body"]
