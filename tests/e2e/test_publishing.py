"""What arrives of a publish: once, in its latest state, whatever CMP still shows of the asset."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import pytest

from tests.e2e.relay import Relay

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

KINDS = ["article", "image", "video", "raw_file", "structured_content"]


def test_brings_all_five_kinds_into_catalogue_bucket_and_bus(relay: Relay) -> None:
    shown = {kind: relay.cmp.add_asset(kind) for kind in KINDS}

    sent = relay.cmp.publish([asset["id"] for asset in shown.values()], channel="website")

    assert set(relay.outcomes(sent)) == {"applied"}
    for kind, asset in shown.items():
        item = relay.asset(asset["id"])
        assert (item["type"], item["title"], item["published"]) == (kind, asset["title"], True)
        assert (item["library"], item["details_source"]) == ("present", "library")
        assert relay.document(item["details_key"])["asset"] == asset
        event = relay.events(asset["id"], count=1)[0]
        assert (event["source"], event["detail-type"]) == ("cmp-relay", "AssetPublished")
        detail = event["detail"]
        assert detail["channel"] == "website"
        assert detail["publishing_event"]["id"] == sent["publishing_event_id"]
        assert detail["triggered_from"]["source_type"] == "task"
        entry = relay.document(detail["entry"]["key"])
        assert entry["id"] == asset["id"]
        assert "html_body" not in json.dumps(event)


@pytest.mark.parametrize("generation", ["current", "old"])
def test_takes_the_same_delivery_five_times_in_sequence_once(relay: Relay, generation: str) -> None:
    asset_id = relay.cmp.add_asset("image")["id"]

    sent = relay.cmp.publish([asset_id], copies=5, generation=generation)

    assert sorted(map(str, relay.outcomes(sent))) == ["applied", *["superseded"] * 4]
    assert len(relay.requests(asset_id)) == 1
    assert len(relay.events(asset_id)) == 1
    assert relay.asset(asset_id)["revision"] == 1


def test_takes_the_same_delivery_five_times_at_the_same_moment_once(relay: Relay) -> None:
    ids = [relay.cmp.add_asset(kind)["id"] for kind in KINDS]

    sent = relay.cmp.publish(ids, copies=5, concurrent=True)

    outcomes = sorted(map(str, relay.outcomes(sent)))
    assert outcomes == ["applied"] * 5 + ["superseded"] * 20
    for asset_id in ids:
        assert len(relay.requests(asset_id)) == 1
        assert len(relay.events(asset_id)) == 1
        assert relay.asset(asset_id)["revision"] == 1


def test_takes_the_new_version_of_a_sync(relay: Relay) -> None:
    asset_id = relay.cmp.add_asset("image", title="first")["id"]
    published = relay.cmp.publish([asset_id])
    relay.outcomes(published)
    relay.cmp.change_asset(asset_id, title="second")

    synced = relay.cmp.sync([asset_id])

    assert relay.outcomes(synced) == ["applied"]
    item = relay.asset(asset_id)
    assert item["title"] == "second"
    assert relay.document(item["details_key"])["asset"]["title"] == "second"
    types = [event["detail-type"] for event in relay.events(asset_id, count=2)]
    assert sorted(types) == ["AssetPublished", "AssetSynced"]
    assert len(relay.requests(asset_id)) == 2


@pytest.mark.parametrize(
    ("place", "source"), [("deleted", "delivery"), ("task", "task"), ("forbidden", "delivery")]
)
def test_keeps_what_was_delivered_or_found_of_an_asset_that_the_library_does_not_show(
    relay: Relay, place: Literal["deleted", "task", "forbidden"], source: str
) -> None:
    asset_id = relay.cmp.add_asset("image", title="as delivered")["id"]
    body = relay.cmp.body("publish", [asset_id])
    relay.cmp.move_asset(asset_id, place)

    answer = relay.cmp.deliver(body=body)[0]["response"]

    assert [job.outcome for job in relay.ended(answer)] == ["applied"]
    item = relay.asset(asset_id)
    assert item["details_source"] == source
    document = relay.document(item["details_key"])
    assert (document["details_source"], document["asset"]["title"]) == (source, "as delivered")
    assert relay.events(asset_id, count=1)[0]["detail"]["details_source"] == source
    if place == "forbidden":
        assert "AssetsForbidden" in relay.stack.logs()


def test_never_sends_the_token_to_another_origin(relay: Relay) -> None:
    asset_id = relay.cmp.add_asset("image")["id"]
    body = relay.cmp.body("publish", [asset_id])
    with listening() as (other, seen):
        link = f"{other}/v3/images/{asset_id}"
        body["data"]["assets"]["images"][0]["links"]["self"] = link

        answer = relay.cmp.deliver(body=body)[0]["response"]
        outcomes = [job.outcome for job in relay.ended(answer)]

    letter = relay.message_of("ASSET_PUBLISHED_DEAD_LETTER", answer["delivery_id"])
    reason = letter["MessageAttributes"]["reason"]["StringValue"]
    assert (outcomes, reason) == (["dead_lettered"], "untrusted_link")
    assert seen == []


def test_never_follows_a_redirect_to_another_origin(relay: Relay) -> None:
    asset_id = relay.cmp.add_asset("image")["id"]
    with listening() as (other, seen):
        relay.cmp.add_fault(
            "redirect", count=1, path="/v3/images", location=f"{other}/v3/images/{asset_id}"
        )

        sent = relay.cmp.publish([asset_id])
        outcomes = relay.outcomes(sent)

    assert outcomes == ["dead_lettered"]
    assert seen == []
    relay.message_of(
        "ASSET_PUBLISHED_DEAD_LETTER", sent["deliveries"][0]["response"]["delivery_id"]
    )


@pytest.mark.parametrize(
    "fault",
    [{"kind": "status", "status": 503}, {"kind": "malformed"}, {"kind": "disconnect"}],
    ids=["unavailable", "malformed", "disconnected"],
)
def test_tries_again_what_cmp_could_not_answer(relay: Relay, fault: dict[str, Any]) -> None:
    asset_id = relay.cmp.add_asset("image")["id"]
    relay.cmp.add_fault(**fault, count=1, path="/v3/images")

    sent = relay.cmp.publish([asset_id])

    assert relay.outcomes(sent) == ["applied"]
    assert len(relay.requests(asset_id)) == 2


@contextmanager
def listening() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Run a server that is not CMP and would log the headers of whatever reached it."""
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(dict(self.headers))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
