"""Downloads that go wrong end as dead letters with their reasons and leave nothing behind."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cmp_relay.file_store import PART_BYTES
from tests.e2e.relay import Item, Relay
from tools.stand_in.files import own_content

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

DEAD_LETTERS = "ASSET_FILE_DEAD_LETTER"
TWO_PARTS = 12_000_000
FIVE_PARTS = 40_000_000
LARGEST_MEGABYTES = "50"


@pytest.fixture
def impatient_worker(relay: Relay) -> Iterator[None]:
    """Let the worker of files come back after a second each time, and take no more than 50 MB."""
    limits = {"RETRY_SECONDS": "0", "MAX_FILE_MEGABYTES": LARGEST_MEGABYTES}
    with relay.environment("on_asset_file", **limits):
        yield


def bring(relay: Relay, asset: dict[str, Any]) -> None:
    """Tell the relay of an asset, whose metadata arrive whatever becomes of its file."""
    (sent,) = relay.cmp.announce_library("asset_added", asset["id"])
    assert [job.outcome for job in relay.ended(sent["response"])] == ["applied"]
    assert relay.asset(asset["id"])["library"] == "present"


def dead_letters(relay: Relay, wanted: set[str]) -> dict[str, Item]:
    """Take the dead letters of these assets off their queue."""
    found: dict[str, Item] = {}
    for message in relay.messages(DEAD_LETTERS):
        found[json.loads(message["Body"])["asset"]["id"]] = message
        if found.keys() >= wanted:
            return found
    raise AssertionError(f"no dead letters of {wanted - found.keys()}")


def reason(message: Item) -> str:
    return str(message["MessageAttributes"]["reason"]["StringValue"])


def uploads(relay: Relay) -> list[str]:
    listed = relay.stack.boto("s3").list_multipart_uploads(Bucket=relay.stack.env["ASSET_BUCKET"])
    return [upload["Key"] for upload in listed.get("Uploads", [])]


@pytest.mark.usefixtures("impatient_worker")
def test_a_download_that_goes_wrong_is_a_dead_letter_and_leaves_nothing(relay: Relay) -> None:
    elsewhere = f"{relay.stack.cmp_url}/elsewhere"
    # Side by side: each of them waits between its attempts.
    cases: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
        ("image", {}, {"kind": "length", "more_bytes": -1}, "file_length"),
        ("image", {}, {"kind": "length", "more_bytes": 1}, "file_length"),
        ("image", {}, {"kind": "type"}, "file_type"),
        ("image", {}, {"kind": "redirect", "location": elsewhere}, "untrusted_link"),
        ("image", {}, {"kind": "truncated"}, "unavailable"),
        ("image", {}, {"kind": "status", "status": 404}, "file_not_found"),
        ("video", {"file_size": TWO_PARTS}, {"kind": "endless"}, "file_length"),
        ("article", {}, {"kind": "endless"}, "file_too_large"),
    ]
    expected = {}
    for kind, fields, fault, why in cases:
        asset = relay.cmp.add_asset(kind, **fields)
        relay.cmp.add_download_fault(asset_id=asset["id"], **fault)
        bring(relay, asset)
        expected[asset["id"]] = why

    found = dead_letters(relay, set(expected))

    assert {asset_id: reason(message) for asset_id, message in found.items()} == expected
    left = [*relay.objects(""), *uploads(relay)]
    assert not [key for key in left if any(asset_id in key for asset_id in expected)]
    assert relay.cmp.requests("/elsewhere") == []


@pytest.mark.usefixtures("impatient_worker")
def test_a_dead_letter_that_is_sent_back_goes_on_where_the_host_broke_off(relay: Relay) -> None:
    asset = relay.cmp.add_asset("video", file_size=FIVE_PARTS)
    relay.cmp.add_download_fault("truncated", asset_id=asset["id"])
    bring(relay, asset)
    (message,) = dead_letters(relay, {asset["id"]}).values()
    assert reason(message) == "unavailable"
    assert not [key for key in relay.objects("") if asset["id"] in key]
    relay.cmp.clear_download_faults()
    relay.cmp.clear_downloads()

    relay.stack.boto("sqs").send_message(
        QueueUrl=relay.stack.env["ASSET_FILE_QUEUE_URL"],
        MessageBody=message["Body"],
        MessageAttributes={
            name: {"DataType": "String", "StringValue": attribute["StringValue"]}
            for name, attribute in message["MessageAttributes"].items()
        },
    )

    (event,) = relay.events(asset["id"], count=1, of_files=True)
    content = own_content(asset)
    assert content
    assert event["detail"]["files"][0]["size"] == content.size
    (download,) = relay.cmp.downloads(asset["id"])
    # Half of what was left came each time: two parts, then one, then none that was whole.
    assert download["range"] == f"bytes={3 * PART_BYTES}-"
    assert not [key for key in uploads(relay) if asset["id"] in key]
