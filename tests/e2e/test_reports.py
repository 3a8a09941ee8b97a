"""Reports on the deployed stack: gathered from several workers, told in few requests, each once."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from tests.e2e.relay import Item, Relay
from tests.e2e.test_commands import give, result

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

BASE = "https://files.example.com"
URL = "https://www.example.com/news"
MANY_SECONDS = 240.0
REPORTERS = ("on_asset_published", "on_asset_synced", "on_asset_unpublished", "on_asset_file")


def publishing_event(relay: Relay, asset_ids: list[str]) -> tuple[str, str]:
    """Let CMP have a publishing event of these assets; return its id and where it is told of it."""
    event = relay.cmp.body("publish", asset_ids)["data"]["publishing_event"]
    return event["id"], event["links"]["publishing_metadata"]


def report(relay: Relay, event: tuple[str, str], asset_id: str, **arguments: object) -> str:
    """Give a report and return its command's id."""
    told = {"asset_id": asset_id, "status": "published", "public_url": f"{URL}/{asset_id}"}
    return give(
        relay,
        "report_publication",
        publishing_event_id=event[0],
        publishing_metadata_link=event[1],
        command_id=None,
        **{**told, **arguments},
    )


def posts(relay: Relay, event: tuple[str, str]) -> int:
    """Count the requests that told CMP of a publishing event."""
    path = f"/v3/publishing-events/{event[0]}/publishing-metadata"
    return sum(one["method"] == "POST" for one in relay.cmp.requests(path))


def results(relay: Relay, command_ids: set[str]) -> dict[str, Item]:
    """Wait for the results of many commands."""
    deadline = time.monotonic() + MANY_SECONDS
    while time.monotonic() < deadline:
        found = relay.told(lambda one: one["detail"].get("command_id") in command_ids, 1)
        by_id = {event["detail"]["command_id"]: event["detail"] for event in found}
        if by_id.keys() == command_ids:
            return by_id
        time.sleep(1)
    raise AssertionError(f"{len(command_ids - by_id.keys())} commands have not ended")


def test_250_reports_take_three_requests_and_what_is_refused_is_told_to_its_sender(
    relay: Relay,
) -> None:
    asset_ids = relay.cmp.add_assets([{"kind": "image"} for _ in range(250)])
    refused = set(asset_ids[::10])
    relay.cmp.publishing.set_rules(
        refusals=dict.fromkeys(refused, "domain-not-whitelisted"), existing="strict"
    )
    event = publishing_event(relay, asset_ids)
    with ThreadPoolExecutor(16) as senders:
        given = senders.map(lambda asset_id: (report(relay, event, asset_id), asset_id), asset_ids)
        asset_by_command = dict(given)

    ended = results(relay, {*asset_by_command})

    assert posts(relay, event) <= 3
    told = {one["asset_id"] for one in relay.cmp.publishing.reports(event[0])}
    assert told == set(asset_ids) - refused
    dead = {name: one for name, one in ended.items() if one["outcome"] == "dead_lettered"}
    assert {asset_by_command[name] for name in dead} == refused
    assert {one["reason"] for one in dead.values()} == {"domain-not-whitelisted"}
    assert {one["outcome"] for one in ended.values()} == {"applied", "dead_lettered"}
    letters = [
        letter["MessageAttributes"]["reason"]["StringValue"]
        for letter in relay.messages("COMMAND_DEAD_LETTER", seconds=10)
        if any(f'"{name}"' in letter["Body"] for name in dead)
    ]
    assert letters == ["domain-not-whitelisted"] * len(refused)


def test_a_report_whose_answer_was_lost_is_there_once_and_applied(relay: Relay) -> None:
    asset_id = relay.cmp.add_asset("image")["id"]
    relay.cmp.publishing.set_rules(existing="strict")
    event = publishing_event(relay, [asset_id])
    relay.cmp.add_fault("lost", path=f"/v3/publishing-events/{event[0]}", method="POST")

    ended = results(relay, {report(relay, event, asset_id)})

    (detail,) = ended.values()
    (entry,) = relay.cmp.publishing.reports(event[0])
    assert posts(relay, event) == 2
    assert (detail["outcome"], detail["result"]["id"]) == ("applied", entry["id"])


def test_what_cmp_wants_otherwise_or_has_already_is_told(relay: Relay) -> None:
    asset_id = relay.cmp.add_asset("article")["id"]
    relay.cmp.publishing.set_rules(refusals={asset_id: "public-url-not-allowed"}, existing="strict")
    event = publishing_event(relay, [asset_id])

    first = result(relay, report(relay, event, asset_id))
    second = result(relay, report(relay, event, asset_id, status="failed"))

    assert (first["outcome"], first["result"]["changed"]) == ("applied", ["public_url"])
    assert (second["outcome"], second["reason"]) == ("dead_lettered", "metadata_exists_differs")


@pytest.fixture
def reporting(relay: Relay) -> Iterator[Relay]:
    """Let the relay report by itself, as `ReportPublications` does."""
    with ExitStack() as changes:
        for function in REPORTERS:
            switch = {"REPORT_PUBLICATIONS": "true"}
            if function == "on_asset_file":
                switch["PUBLIC_BASE_URL"] = BASE
            changes.enter_context(relay.environment(function, **switch))
        yield relay


def test_an_image_is_reported_when_its_file_is_there_and_when_it_is_published_no_more(
    reporting: Relay,
) -> None:
    relay = reporting
    label = {"group": {"id": "1", "name": "Web"}, "values": [{"id": "2", "name": "Ready to go"}]}
    asset_id = relay.cmp.add_asset("image", labels=[label])["id"]
    event_id = relay.cmp.publish([asset_id])["publishing_event_id"]

    def told() -> list[Any]:
        entries = relay.cmp.publishing.reports(event_id)
        return [(one["asset_id"], one["status"], one["public_url"]) for one in entries]

    url = f"{BASE}/website/images/{asset_id}.jpg"
    relay.wait(lambda: told() == [(asset_id, "published", url)], f"a report of {url}")
    assert f"website/images/{asset_id}.jpg" in relay.objects("website/")

    relay.cmp.unpublish([asset_id], publishing_event_id=event_id)

    relay.wait(lambda: told()[1:] == [(asset_id, "unpublished", None)], "a report of the end")
