"""Replays at the command line: what they cost, change and bring."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cmp_relay import times
from cmp_relay.file_events import FILES_CHANGED
from tests.e2e.operator import Operator, lasting
from tests.e2e.relay import Relay

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]


def test_a_replay_leaves_the_catalogue_as_it_was_and_asks_cmp_next_to_nothing(
    operator: Operator,
) -> None:
    relay = operator.relay
    assets = [relay.cmp.add_asset(kind)["id"] for kind in ("image", "video", "article")]
    sent = [relay.cmp.publish(assets), relay.cmp.sync(assets), relay.cmp.unpublish(assets[:1])]
    ended = [relay.outcomes(each) for each in sent]
    assert len(ended) == 3
    chosen = [word for asset_id in assets for word in ("--asset", asset_id)]

    def of_assets(event: dict[str, Any]) -> bool:
        # Events of files come in their own time, also later than a replay begins.
        is_meant = event["detail"].get("asset", {}).get("id") in assets
        return is_meant and event["detail-type"] != FILES_CHANGED

    before = {asset_id: lasting(relay.state(asset_id)) for asset_id in assets}
    told = relay.told(of_assets)
    asked = len(relay.cmp.requests("/v3"))

    plan = operator.json("replay", *chosen, "--dry-run")
    assert "--yes" in operator.complaint("replay", *chosen, code=2)
    done = operator.json("replay", *chosen, "--yes", "--follow")
    again = operator.json("replay", *chosen, "--yes", "--resume", done["replay"])

    assert plan["events"] == {"asset_published": 3, "asset_synced": 3, "asset_unpublished": 1}
    assert (plan["assets"], plan["dry_run"]) == (3, True)
    assert (done["given"], done["outcomes"]) == (7, {"superseded": 7})
    assert again["given"] == 0
    assert {asset_id: lasting(relay.state(asset_id)) for asset_id in assets} == before
    assert relay.told(of_assets) == told
    assert len(relay.cmp.requests("/v3")) - asked <= len(assets)


def test_a_replay_leaves_open_what_was_unpublished_and_published_again(
    operator: Operator,
) -> None:
    relay = operator.relay
    asset_id = relay.cmp.add_asset("image")["id"]
    published = relay.cmp.publish([asset_id])
    assert relay.outcomes(published) == ["applied"]
    republish(relay, asset_id, published["publishing_event_id"])
    before = lasting(relay.state(asset_id))
    told = len(relay.events(asset_id, 3))

    done = operator.json("replay", "--asset", asset_id, "--yes", "--follow")

    assert done["outcomes"] == {"superseded": 3}
    assert relay.asset(asset_id)["published"] is True
    assert lasting(relay.state(asset_id)) == before
    assert len(relay.events(asset_id, told)) == told


def republish(relay: Relay, asset_id: str, publishing_event_id: str) -> None:
    """Let CMP's users take back what they have published, and publish it once more, changed."""
    event = {"publishing_event_id": publishing_event_id}
    assert relay.outcomes(relay.cmp.unpublish([asset_id], **event)) == ["applied"]
    relay.cmp.change_asset(asset_id, title="Once more")
    assert relay.outcomes(relay.cmp.publish([asset_id], **event)) == ["applied"]


@pytest.mark.long
def test_a_replay_of_a_day_costs_no_more_than_one_request_for_each_asset(
    operator: Operator, record_testsuite_property: Callable[[str, object], None]
) -> None:
    relay, began = operator.relay, times.iso(time.time_ns() // 1_000_000)
    assets = [relay.cmp.add_asset("image")["id"] for _ in range(100)]
    with ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(lambda number: relay.cmp.publish([assets[number % 100]]), range(500)))
    for each in sent:
        relay.outcomes(each)
    for asset_id, each in zip(assets[:10], sent, strict=False):
        republish(relay, asset_id, each["publishing_event_id"])

    def of_assets(event: dict[str, Any]) -> bool:
        return event["detail"].get("asset", {}).get("id") in assets

    relay.told(of_assets, 100 + 520)  # also that their files have come
    told = relay.told(of_assets)  # and those of what was published again
    before = {asset_id: lasting(relay.state(asset_id)) for asset_id in assets}
    asked = len(relay.cmp.requests("/v3"))

    done = operator.json("replay", "--since", began, "--rate", "100", "--yes", "--follow")

    requests = len(relay.cmp.requests("/v3")) - asked
    record_testsuite_property("replay_requests", requests)
    record_testsuite_property("replay_requests_at_most", done["requests_at_most"])
    assert (done["deliveries"], done["given"]) == (520, 520)
    assert done["outcomes"] == {"superseded": 520}
    assert {asset_id: lasting(relay.state(asset_id)) for asset_id in assets} == before
    assert relay.told(of_assets) == told
    assert requests <= done["requests_at_most"] <= len(assets)


def test_a_replay_brings_what_the_catalogue_has_lost(operator: Operator) -> None:
    relay = operator.relay
    asset_id = relay.cmp.add_asset("image")["id"]
    answer = relay.cmp.publish([asset_id])["deliveries"][0]["response"]
    relay.ended(answer)
    table = relay.stack.env["CATALOGUE_TABLE"]
    for sort_key in relay.state(asset_id):
        key = {"pk": {"S": f"ASSET#{asset_id}"}, "sk": {"S": sort_key}}
        relay.stack.boto("dynamodb").delete_item(TableName=table, Key=key)

    done = operator.json("replay", "--delivery", answer["delivery_id"], "--yes", "--follow")

    assert (done["requests_at_most"], done["outcomes"]) == (1, {"applied": 1})
    assert relay.asset(asset_id)["details_source"] == "library"
    event = relay.events(asset_id, 2)[-1]
    assert event["detail"]["delivery"]["id"] == answer["delivery_id"]
    own = relay.item(f"JOB#replay.{done['replay']}.{answer['delivery_id']}.0", "JOB")
    assert own is not None
    assert own["cause"] == "replay"


def test_a_replay_needs_to_know_what_and_finds_it_in_the_archive(operator: Operator) -> None:
    assert "--since" in operator.complaint("replay", code=2)
    told = operator.complaint("replay", "--delivery", "nobody", "--yes")
    assert "nobody is not in the archive" in told
    assert "no replay" in operator.complaint("replay", "--since", "1d", "--resume", "x", code=2)
