"""The operator's command line on the running stack: what it shows, does and complains of."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.relay import Relay
from tests.support.stub_server import stub_server
from tools.local_stack.folders import PROJECT

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

PATHS = os.pathsep.join(str(PROJECT / each) for each in ("tools/cli", "layers/cmp_relay"))


COMMANDS = [
    ["status"],
    ["explain", "nobody"],
    ["dead-letters", "list"],
    ["replay", "--since", "1h", "--yes"],
    ["dead-letters", "redrive", "--all", "--yes"],
]
EXPIRED = b"""<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code>
<Message>The security token included in the request is expired</Message></Error></ErrorResponse>"""


class Operator:
    """Somebody at the command line, with the credentials of the local stack."""

    def __init__(self, relay: Relay, folder: Path) -> None:
        self.relay = relay
        self.folder = folder
        names = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": PATHS,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CMP_RELAY_STACK": relay.stack.env["STACK_NAME"],
            **{name: relay.stack.env[name] for name in names},
        }

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command and return how it ended."""
        return subprocess.run(  # noqa: S603 - our own
            [sys.executable, "-W", "error", "-m", "cmp_relay_cli", *words],
            cwd=self.folder,
            env=self.environment | variables,
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )

    def json(self, *words: str, code: int = 0) -> Any:  # noqa: ANN401 - JSON can be anything
        """Run a command that ends with this code and return the document that it printed."""
        ended = self.run(*words, "--json")
        assert ended.returncode == code, ended.stderr
        return json.loads(ended.stdout)

    def complaint(self, *words: str, code: int = 1, **variables: str) -> str:
        """Run a command that fails and return its one sentence."""
        ended = self.run(*words, **variables)
        assert (ended.returncode, ended.stdout) == (code, ""), ended.stderr
        lines = ended.stderr.strip().splitlines()
        assert len(lines) == 1, ended.stderr
        return lines[0]


@pytest.fixture
def operator(relay: Relay, tmp_path: Path) -> Operator:
    return Operator(relay, tmp_path)


def buried(relay: Relay, count: int) -> tuple[str, list[str]]:
    """Let a delivery of so many assets become dead letters, and return its id and theirs."""
    assets = [relay.cmp.add_asset("image")["id"] for _ in range(count)]
    with relay.environment("on_asset_published", CMP_API_ORIGINS="https://elsewhere.example"):
        answer = relay.cmp.publish(assets)["deliveries"][0]["response"]
        ended = relay.ended(answer)
    assert {job.outcome for job in ended} == {"dead_lettered"}
    return answer["delivery_id"], assets


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


def test_only_the_chosen_dead_letters_are_sent_back(operator: Operator) -> None:
    relay = operator.relay
    chosen, assets = buried(relay, 3)
    other, others = buried(relay, 2)

    groups = operator.json("dead-letters", "list", "--delivery", chosen, "--delivery", other)
    assert [(each["reason"], each["count"]) for each in groups] == [("untrusted_link", 5)]
    one = operator.json("dead-letters", "show", f"{chosen}.0")
    assert one["asset_id"] == assets[0]
    assert "CmpApiOrigins" in one["advice"]

    asked = operator.complaint("dead-letters", "redrive", "--delivery", chosen, code=2)
    assert "--yes" in asked
    dry = operator.json("dead-letters", "redrive", "--delivery", chosen, "--dry-run")
    assert (len(dry["chosen"]), dry["moved"]) == (3, [])
    moved = operator.json("dead-letters", "redrive", "--delivery", chosen, "--yes")
    assert sorted(moved["moved"]) == [f"{chosen}.{number}" for number in range(3)]

    assert relay.wait(lambda: all(map(relay.state, assets)), "the redriven assets")
    assert not any(relay.state(asset_id) for asset_id in others)

    gone = operator.json("dead-letters", "discard", "--delivery", other, "--yes")
    assert sorted(gone["discarded"]) == [f"{other}.0", f"{other}.1"]
    assert operator.json("dead-letters", "list", "--delivery", other) == []
    assert relay.item(f"JOB#{other}.0", "JOB")["outcome"] == "dead_lettered"  # type: ignore[index]


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
        return event["detail"].get("asset", {}).get("id") in assets

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
    assert "no moment" in operator.complaint("replay", "--since", "1d", "--resume", "x", code=2)


def lasting(state: dict[str, Any]) -> dict[str, Any]:
    """Return an asset's items without what only tells that a job of it came."""
    passing = {"heard_at", "revision"}
    return {
        sort_key: {name: value for name, value in item.items() if name not in passing}
        for sort_key, item in state.items()
    }


def test_dead_letters_have_to_be_chosen_and_known(operator: Operator) -> None:
    assert "--all" in operator.complaint("dead-letters", "redrive", "--yes", code=2)
    assert "no dead letter" in operator.complaint("dead-letters", "show", "nobody.0")
    wrong = operator.complaint("dead-letters", "list", "--since", "yesterday", code=2)
    assert "yesterday is no moment" in wrong


def test_the_local_stack_is_found_from_any_folder_below(operator: Operator) -> None:
    assert "make up" in operator.complaint("--local", "status")
    place = operator.folder / ".local"
    place.mkdir()
    (place / "stack.env").write_text(operator.relay.stack.folder.environment.read_text())
    below = operator.folder / "docs"
    below.mkdir()
    operator.folder = below

    bare = {"AWS_ENDPOINT_URL": "", "AWS_ACCESS_KEY_ID": "", "AWS_REGION": ""}
    ended = operator.run("status", "--local", "--json", **bare)

    assert json.loads(ended.stdout)["stack"] == operator.relay.stack.env["STACK_NAME"]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
class TestFailures:
    """What every command says when it cannot begin: one sentence, and nothing is changed."""

    def test_no_stack(self, operator: Operator, command: list[str]) -> None:
        told = operator.complaint(*command, "--stack-name", "nowhere")

        assert "no stack nowhere in us-east-1" in told
        assert "--region" in told

    def test_no_credentials(self, operator: Operator, command: list[str]) -> None:
        told = operator.complaint(*command, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")

        assert "no AWS credentials" in told

    def test_no_profile(self, operator: Operator, command: list[str]) -> None:
        assert "no such profile" in operator.complaint(*command, "--profile", "nobody")

    def test_no_aws(self, operator: Operator, command: list[str]) -> None:
        told = operator.complaint(
            *command, AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1"
        )

        assert "AWS does not answer" in told

    def test_expired_credentials(self, operator: Operator, command: list[str]) -> None:
        with stub_server() as aws:
            aws.answers = [(403, EXPIRED)]
            told = operator.complaint(*command, AWS_ENDPOINT_URL=aws.url)

        assert "credentials have expired" in told
        assert "aws sso login" in told

    def test_no_permission(self, operator: Operator, command: list[str]) -> None:
        iam = operator.relay.stack.boto("iam")
        iam.create_user(UserName="visitor")
        try:
            key = iam.create_access_key(UserName="visitor")["AccessKey"]
            told = operator.complaint(
                *command,
                AWS_ACCESS_KEY_ID=key["AccessKeyId"],
                AWS_SECRET_ACCESS_KEY=key["SecretAccessKey"],
            )
        finally:
            iam.delete_access_key(UserName="visitor", AccessKeyId=key["AccessKeyId"])
            iam.delete_user(UserName="visitor")

        assert "may not do DescribeStacks" in told
