"""The operator's command line on the running stack: what it shows and does."""

import json
from pathlib import Path

import pytest

from tests.e2e.operator import Operator
from tests.e2e.relay import Relay

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]


def test_status_shows_queues_outcomes_and_budget(operator: Operator) -> None:
    relay = operator.relay
    relay.outcomes(relay.cmp.publish([relay.cmp.add_asset("image")["id"]]))

    state = operator.json("status")
    shown = operator.run("status")

    names = {each["name"] for each in state["queues"]}
    assert {
        "AssetPublished",
        "AssetFile",
        "OtherEvent",
        "Quarantine",
        "RefreshTokenDeadLetter",
    } <= names
    assert state["today"]["delivery"]["applied"] >= 1
    assert 0 < state["budget"]["used"] <= state["budget"]["forecast"]
    assert state["budget"]["limit"] == 200_000
    assert state["token"]["stored_at"]
    assert shown.returncode == 0
    assert "AssetPublished" in shown.stdout


def test_explains_a_delivery_and_an_asset_from_the_receipt_to_the_outcome(
    operator: Operator,
) -> None:
    relay = operator.relay
    asset_id = relay.cmp.add_asset("image", title="A cat")["id"]
    answer = relay.cmp.publish([asset_id])["deliveries"][0]["response"]
    relay.ended(answer)

    delivery = operator.json("explain", answer["delivery_id"])
    asset = operator.json("explain", asset_id)

    assert delivery == operator.json("explain", f"{answer['delivery_id']}.0")
    assert (delivery["event_name"], delivery["archived"]) == ("asset_published", True)
    assert [job["outcome"] for job in delivery["jobs"]] == ["applied"]
    told = [each["what"] for each in delivery["timeline"]]
    assert told[0] == "verified, archived and split"
    assert told[-1] == "applied at attempt 1"
    assert asset["state"]["title"] == "A cat"
    assert asset["publications"][0]["status"] == "published"
    assert f"{answer['delivery_id']}.0" in {job["job_id"] for job in asset["jobs"]}
    shown = operator.run("explain", asset_id)
    assert "taken by a worker" in shown.stdout


def test_explains_what_could_not_be_read_and_what_nobody_has_seen(operator: Operator) -> None:
    relay = operator.relay
    unreadable = relay.post("{not json", secret=relay.stack.webhook_secret).json()["delivery_id"]

    found = operator.json("explain", unreadable)

    assert found["quarantine"]["reason"] == "unreadable_delivery"
    assert [each["what"] for each in found["timeline"]] == [
        "verified, archived and split",
        "quarantined: unreadable_delivery",
    ]
    assert "neither a delivery" in operator.complaint("explain", "nobody")


def test_sends_a_delivery_as_cmp_would_and_follows_it(operator: Operator) -> None:
    relay = operator.relay
    operator.at_home()
    asset_id = relay.cmp.add_asset("image", title="Sent by hand")["id"]
    file = operator.folder / "body.json"
    file.write_text(json.dumps(relay.cmp.body("publish", [asset_id])))

    dry = operator.json("--local", "send", "asset_unpublished", "--dry-run")
    assert "--yes" in operator.complaint("--local", "send", str(file), code=2)
    sent = operator.json("--local", "send", str(file), "--channel", "website", "--yes")
    sample = operator.json("--local", "send", "asset_unpublished", "--yes")

    assert (dry["event_name"], dry["dry_run"]) == ("asset_unpublished", True)
    assert sent["url"] == f"{relay.stack.webhook_url}/website"
    assert [(job["asset_id"], job["outcome"]) for job in sent["jobs"]] == [(asset_id, "applied")]
    assert relay.asset(asset_id)["title"] == "Sent by hand"
    assert {job["outcome"] for job in sample["jobs"]} == {"applied"}
    assert "neither a file nor a sample" in operator.complaint("--local", "send", "nothing")
    file.write_text("{}")
    assert "no delivery" in operator.complaint("--local", "send", str(file), code=2)


def test_what_was_sent_and_cannot_be_done_is_a_failure(operator: Operator) -> None:
    relay = operator.relay
    operator.at_home()
    file = operator.folder / "body.json"
    body = json.dumps(relay.cmp.body("publish", [relay.cmp.add_asset("image")["id"]]))
    file.write_text(body.replace(relay.stack.cmp_url, "https://elsewhere.example"))

    ended = operator.run("--local", "send", str(file), "--yes")

    assert ended.returncode == 1
    assert "untrusted_link" in ended.stdout
    assert "1 of 1 jobs are not done" in ended.stderr
    with relay.denied("receive_webhook", "s3:PutObject"):
        told = operator.complaint("--local", "send", "asset_added", "--yes")
    assert "the webhook answered 503" in told


def test_backfills_a_library_and_compares_it(empty_relay: Relay, tmp_path: Path) -> None:
    relay, operator = empty_relay, Operator(empty_relay, tmp_path)
    assets = [relay.cmp.add_asset("image")["id"] for _ in range(120)]

    dry = operator.json("backfill", "--dry-run")
    assert dry == {"would_begin": "full", "under_way": None, "last": None}
    assert "--yes" in operator.complaint("backfill", code=2)
    operator.at_home()
    report = operator.json("--local", "backfill", "--yes")  # whose counts are never behind

    assert (report["kind"], report["status"]) == ("full", "finished")
    assert (report["missing"], report["dead_letters"]) == (len(assets), 0)
    assert {relay.asset(asset_id)["library"] for asset_id in assets} == {"present"}
    again = operator.json("reconcile", "--yes")
    assert (again["kind"], again["status"], again["enqueued"]) == ("incremental", "finished", 0)
    shown = operator.run("status")
    assert again["run"] in shown.stdout

    with relay.denied("reconcile_library", "dynamodb:*"):
        told = operator.complaint("reconcile", "--full", "--yes")
    assert "reconcile_library failed" in told


def test_lists_gets_and_uploads_assets_within_the_budget(operator: Operator) -> None:
    relay = operator.relay
    file = operator.folder / "notes.txt"
    file.write_text("notes")
    before = operator.json("status")["budget"]["used"]

    assert operator.json("assets", "upload", str(file), "--dry-run")["bytes"] == 5
    made = operator.json("assets", "upload", str(file), "--title", "Made by hand", "--yes")
    listed = operator.json("assets", "list", "--kind", "raw_file", "--since", "1h")
    one = operator.json("assets", "get", made["id"])

    assert [(each["id"], each["title"]) for each in listed] == [(made["id"], "Made by hand")]
    assert (one["id"], one["title"]) == (made["id"], "Made by hand")
    assert operator.json("status")["budget"]["used"] >= before + 4
    assert "no asset nobody" in operator.complaint("assets", "get", "nobody")
    assert "no kind picture" in operator.complaint("assets", "list", "--kind", "picture", code=2)
    shown = operator.run("assets", "list", "--text", "nothing like it")
    assert shown.returncode == 0
    assert made["id"] not in shown.stdout
    assert relay.cmp.requests("/v3")


def test_the_local_stack_is_found_from_any_folder_below(operator: Operator) -> None:
    assert "make up" in operator.complaint("--local", "status")
    operator.at_home()
    below = operator.folder / "docs"
    below.mkdir()
    operator.folder = below

    bare = {"AWS_ENDPOINT_URL": "", "AWS_ACCESS_KEY_ID": "", "AWS_REGION": ""}
    ended = operator.run("status", "--local", "--json", **bare)

    assert json.loads(ended.stdout)["stack"] == operator.relay.stack.env["STACK_NAME"]
