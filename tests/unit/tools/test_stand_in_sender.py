"""Deliveries of the stand-in, seen from the webhook that gets them."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.stand_in.client import StandIn

pytestmark = pytest.mark.enable_socket


@dataclass
class Receiver:
    """A webhook that answers with the statuses of its script, then 202.

    With a meeting, it answers nobody until all of them are there.
    """

    url: str = ""
    script: list[int] = field(default_factory=list)
    meeting: threading.Barrier | None = None
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.moments.append(time.monotonic())
            receiver.paths.append(self.path)
            receiver.headers.append({k.lower(): v for k, v in self.headers.items()})
            receiver.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            if receiver.meeting is not None:
                receiver.meeting.wait(10)
            self.send_response(receiver.script.pop(0) if receiver.script else 202)
            self.end_headers()
            self.wfile.write(b'{"jobs": 1}')

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    state = Receiver()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(state)) as server:
        state.url = f"http://127.0.0.1:{server.server_port}/webhooks/cmp"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield state
        server.shutdown()
        thread.join()


@pytest.fixture
def stand_in(server: StandIn, receiver: Receiver) -> StandIn:
    server.reset()
    server.register_webhook(receiver.url, "hush", retry_base_seconds=0.05, attempts=3)
    return server


@pytest.mark.parametrize("status", [200, 202])
def test_takes_200_and_202_as_delivered(stand_in: StandIn, receiver: Receiver, status: int) -> None:
    receiver.script = [status]

    (delivery,) = stand_in.deliver(body={"event_name": "asset_added"})

    assert (delivery["delivered"], delivery["status"], delivery["attempts"]) == (True, status, 1)
    assert delivery["response"] == {"jobs": 1}
    assert delivery["event_name"] == "asset_added"


def test_library_events_are_sent_in_any_manner(stand_in: StandIn, receiver: Receiver) -> None:
    asset_id = stand_in.add_asset("image")["id"]

    sent = stand_in.announce_library("asset_removed", asset_id, copies=2, channel="library")

    body = json.dumps(stand_in.library_body("asset_removed", asset_id)).encode()
    assert [(one["event_name"], one["channel"]) for one in sent] == [
        ("asset_removed", "library"),
        ("asset_removed", "library"),
    ]
    assert receiver.bodies == [body, body]


@pytest.mark.parametrize("status", [201, 301, 401, 500])
def test_tries_again_after_anything_else(
    stand_in: StandIn, receiver: Receiver, status: int
) -> None:
    receiver.script = [status]

    (delivery,) = stand_in.deliver(body={})

    assert (delivery["delivered"], delivery["attempts"]) == (True, 2)


def test_waits_twice_as_long_each_time_and_gives_up_in_the_end(
    stand_in: StandIn, receiver: Receiver
) -> None:
    receiver.script = [503, 503, 503]

    (delivery,) = stand_in.deliver(body={})

    first, second, third = receiver.moments
    assert (delivery["delivered"], delivery["status"], delivery["attempts"]) == (False, 503, 3)
    assert second - first >= 0.05
    assert third - second >= 0.1


def test_a_webhook_that_is_not_there_is_a_failed_delivery(stand_in: StandIn) -> None:
    stand_in.register_webhook("http://127.0.0.1:9/", retry_base_seconds=0, attempts=2)

    (delivery,) = stand_in.deliver(body={})

    assert (delivery["delivered"], delivery["status"], delivery["attempts"]) == (False, None, 2)


def test_sends_the_secret_as_a_header(stand_in: StandIn, receiver: Receiver) -> None:
    stand_in.deliver(body={})

    assert receiver.headers[0]["callback-secret"] == "hush"
    assert receiver.headers[0]["content-type"] == "application/json"


def test_sends_the_secret_in_the_url_if_the_webhook_says_so(
    stand_in: StandIn, receiver: Receiver
) -> None:
    stand_in.register_webhook(receiver.url, "hush", url_secret=True)

    stand_in.deliver(body={}, channel="web")

    assert receiver.paths == ["/webhooks/cmp/web?key=hush"]
    assert "callback-secret" not in receiver.headers[0]


def test_headers_can_be_replaced_and_left_out(stand_in: StandIn, receiver: Receiver) -> None:
    stand_in.deliver(body={}, headers={"callback-secret": "wrong", "X-New": "1"})
    stand_in.deliver(body={}, headers={"Callback-Secret": None})

    assert receiver.headers[0]["callback-secret"] == "wrong"
    assert receiver.headers[0]["x-new"] == "1"
    assert "callback-secret" not in receiver.headers[1]


def test_reaches_a_name_under_localhost_by_its_host_header(
    stand_in: StandIn, receiver: Receiver
) -> None:
    named = receiver.url.replace("127.0.0.1", "abc.execute-api.localhost")
    stand_in.register_webhook(named)

    (delivery,) = stand_in.deliver(body={})

    assert delivery["delivered"]
    assert receiver.headers[0]["host"].startswith("abc.execute-api.localhost:")


def test_sends_what_is_not_json_as_it_is(stand_in: StandIn, receiver: Receiver) -> None:
    stand_in.deliver(raw="not {json")

    assert receiver.bodies == [b"not {json"]


def test_copies_come_one_after_the_other_or_at_the_same_moment(
    stand_in: StandIn, receiver: Receiver
) -> None:
    in_turn = stand_in.deliver(body={}, copies=2)
    receiver.meeting = threading.Barrier(5)
    at_once = stand_in.deliver(body={}, copies=5, concurrent=True)

    assert [one["attempts"] for one in in_turn] == [1, 1]
    assert [one["attempts"] for one in at_once] == [1, 1, 1, 1, 1]
    assert len(receiver.bodies) == 7


def test_deliveries_can_be_shuffled_repeatably_and_delayed(
    stand_in: StandIn, receiver: Receiver
) -> None:
    bodies, began = list(range(6)), time.monotonic()

    for _ in range(2):
        stand_in.deliver(bodies=bodies, shuffle_seed=1, delay_seconds=0.1)

    order = [int(body) for body in receiver.bodies]
    assert order[:6] == order[6:] != bodies
    assert sorted(order[:6]) == bodies
    assert receiver.moments[0] - began >= 0.1


def test_publishing_sends_the_delivery_and_tells_how_it_went(
    stand_in: StandIn, receiver: Receiver
) -> None:
    asset_id = stand_in.add_asset("image")["id"]

    published = stand_in.publish([asset_id], channel="web")
    withdrawn = stand_in.unpublish([asset_id], publishing_event_id="another", copies=2)

    assert published["deliveries"][0]["status"] == 202
    assert receiver.paths == ["/webhooks/cmp/web", "/webhooks/cmp", "/webhooks/cmp"]
    assert withdrawn["publishing_event_id"] == "another"
    assert [one["event_name"] for one in stand_in.deliveries()] == [
        "asset_published",
        "asset_unpublished",
        "asset_unpublished",
    ]
