"""Deliveries arrive in any order; the state of an asset ends up as CMP's all the same."""

import pytest

from tests.e2e.relay import Relay

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]


def test_an_unpublish_before_its_publish_leaves_the_asset_unpublished(relay: Relay) -> None:
    asset_id = relay.cmp.add_asset("image")["id"]
    publish = relay.cmp.body("publish", [asset_id], publishing_event_id="same")
    unpublish = relay.cmp.body("unpublish", [asset_id], publishing_event_id="same")

    first = relay.cmp.deliver(body=unpublish)[0]["response"]
    relay.ended(first)
    second = relay.cmp.deliver(body=publish)[0]["response"]

    assert [job.outcome for job in relay.ended(second)] == ["superseded"]
    assert relay.asset(asset_id)["published"] is False
    assert [event["detail-type"] for event in relay.events(asset_id)] == ["AssetUnpublished"]
    assert relay.requests(asset_id) == []


@pytest.mark.parametrize("ending", ["same id", "another id"])
def test_an_unpublish_ends_the_publication_whichever_id_it_carries(
    relay: Relay, ending: str
) -> None:
    asset_id = relay.cmp.add_asset("image")["id"]
    published = relay.cmp.publish([asset_id], channel="website")
    relay.outcomes(published)
    event_id = published["publishing_event_id"] if ending == "same id" else f"{asset_id}-end"

    unpublished = relay.cmp.unpublish([asset_id], channel="website", publishing_event_id=event_id)

    assert relay.outcomes(unpublished) == ["applied"]
    assert relay.asset(asset_id)["published"] is False
    publication = relay.state(asset_id)[f"PUBLICATION#website#{published['publishing_event_id']}"]
    assert publication["status"] == "unpublished"
    last = relay.events(asset_id, count=2)[-1]
    assert (last["detail-type"], last["detail"]["asset"]["published"]) == (
        "AssetUnpublished",
        False,
    )
    assert last["detail"]["ended"] == [published["publishing_event_id"]]


def test_an_unpublish_with_an_id_of_its_own_leaves_other_channels_alone(relay: Relay) -> None:
    asset_id = relay.cmp.add_asset("image")["id"]
    relay.outcomes(relay.cmp.publish([asset_id], channel="website", publishing_event_id="w"))
    relay.outcomes(relay.cmp.publish([asset_id], channel="shop", publishing_event_id="s"))

    relay.outcomes(relay.cmp.unpublish([asset_id], channel="shop", publishing_event_id="end"))

    state = relay.state(asset_id)
    assert state["PUBLICATION#website#w"]["status"] == "published"
    assert state["PUBLICATION#shop#s"]["status"] == "unpublished"
    assert state["ASSET"]["published"] is True


def test_a_republish_with_a_newer_modification_opens_the_publication_again(
    relay: Relay,
) -> None:
    asset_id = relay.cmp.add_asset("image")["id"]
    published = relay.cmp.publish([asset_id])
    relay.outcomes(published)
    relay.outcomes(relay.cmp.unpublish([asset_id]))
    relay.cmp.change_asset(asset_id, title="again")

    again = relay.cmp.publish([asset_id], publishing_event_id=published["publishing_event_id"])

    assert relay.outcomes(again) == ["applied"]
    item = relay.asset(asset_id)
    assert (item["published"], item["title"]) == (True, "again")
    sequences = [event["detail"]["sequence"] for event in relay.events(asset_id, count=3)]
    assert sorted(sequences) == [1, 2, 3]


def test_an_older_version_that_comes_late_changes_nothing(relay: Relay) -> None:
    asset_id = relay.cmp.add_asset("image", title="first")["id"]
    late = relay.cmp.body("publish", [asset_id], publishing_event_id="p")
    relay.cmp.change_asset(asset_id, title="second")
    relay.outcomes(relay.cmp.sync([asset_id], publishing_event_id="p"))

    answer = relay.cmp.deliver(body=late)[0]["response"]

    assert [job.outcome for job in relay.ended(answer)] == ["superseded"]
    assert relay.asset(asset_id)["title"] == "second"
