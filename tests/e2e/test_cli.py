"""The operator's command line on the running stack: what it shows, does and complains of."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cmp_relay import times
from tests.e2e.relay import Relay
from tests.support.stub_server import stub_server
from tools.local_stack.bus_tap import BusTap
from tools.local_stack.folders import PROJECT
from tools.local_stack.stack import LocalStack
from tools.stand_in.client import StandIn

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

PATHS = os.pathsep.join(str(PROJECT / each) for each in ("tools/cli", "layers/cmp_relay"))


COMMANDS = [
    ["status"],
    ["explain", "nobody"],
    ["dead-letters", "list"],
    ["replay", "--since", "1h", "--yes"],
    ["send", "asset_unpublished", "--yes"],
    ["backfill", "--yes"],
    ["doctor"],
    ["register", "--yes"],
    ["assets", "list"],
    ["dead-letters", "redrive", "--all", "--yes"],
]
EXPIRED = b"""<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code>
<Message>The security token included in the request is expired</Message></Error></ErrorResponse>"""


FAST = {
    "ApiRequestsPerSecond": "200",
    "ApiRequestsPerMinute": "12000",
    "MirrorFiles": "false",
    "ReconcileShare": "100",
}


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
            timeout=600,
            stdin=subprocess.DEVNULL,
        )

    def at_home(self) -> None:
        """Stand where `make up` has left its file."""
        file = self.folder / ".local" / "stack.env"
        file.parent.mkdir()
        file.write_text(self.relay.stack.folder.environment.read_text())

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


@pytest.mark.long
def test_a_replay_of_a_day_costs_no_more_than_one_request_for_each_asset(
    operator: Operator,
) -> None:
    relay, began = operator.relay, times.iso(time.time_ns() // 1_000_000)
    assets = [relay.cmp.add_asset("image")["id"] for _ in range(100)]
    with ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(lambda number: relay.cmp.publish([assets[number % 100]]), range(500)))
    for each in sent:
        relay.outcomes(each)
    before = {asset_id: lasting(relay.state(asset_id)) for asset_id in assets}
    asked = len(relay.cmp.requests("/v3"))

    done = operator.json("replay", "--since", began, "--rate", "100", "--yes", "--follow")

    assert (done["deliveries"], done["given"]) == (500, 500)
    assert done["outcomes"] == {"superseded": 500}
    assert {asset_id: lasting(relay.state(asset_id)) for asset_id in assets} == before
    assert len(relay.cmp.requests("/v3")) - asked <= min(100, done["requests_at_most"])


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


@pytest.fixture
def empty_relay(request: pytest.FixtureRequest) -> Iterator[Relay]:
    """A stack of its own: what other tests have left in the catalogue would seem gone."""
    with (
        LocalStack.start(name=f"cli-{os.getpid()}", parameters=FAST) as stack,
        StandIn(stack.cmp_url) as cmp,
    ):
        cmp.register_webhook(stack.webhook_url, stack.webhook_secret)
        yield Relay(stack, cmp, BusTap.on(stack.boto, stack.env["EVENT_BUS"]))
    if not request.session.testsfailed:  # else its logs are worth a look
        shutil.rmtree(stack.folder.root)


def test_backfills_a_library_and_compares_it(empty_relay: Relay, tmp_path: Path) -> None:
    relay, operator = empty_relay, Operator(empty_relay, tmp_path)
    assets = [relay.cmp.add_asset("image")["id"] for _ in range(120)]

    dry = operator.json("backfill", "--dry-run")
    assert set(dry) == {"under_way", "last"}
    assert "--yes" in operator.complaint("backfill", code=2)
    report = operator.json("backfill", "--yes")

    assert (report["kind"], report["status"]) == ("full", "finished")
    assert report["missing"] == len(assets)
    assert {relay.asset(asset_id)["library"] for asset_id in assets} == {"present"}
    again = operator.json("reconcile", "--yes")
    assert (again["kind"], again["status"], again["enqueued"]) == ("incremental", "finished", 0)
    shown = operator.run("status")
    assert again["run"] in shown.stdout

    with relay.denied("reconcile_library", "dynamodb:*"):
        told = operator.complaint("reconcile", "--full", "--yes")
    assert "reconcile_library failed" in told


def webhook(relay: Relay, **changes: object) -> dict[str, object]:
    """Return a webhook as CMP's settings show it, which leads to this stack."""
    events = ["asset_added", "asset_modified", "asset_removed", "asset_renditions_created"]
    return {
        "name": "relay",
        "description": "",
        "callback_url": relay.stack.webhook_url,
        "secret": relay.stack.webhook_secret,
        "event_names": events,
        **changes,
    }


def findings(operator: Operator, about: str) -> dict[str, tuple[str, str]]:
    """Return what the doctor says about something: level and advice by what it is."""
    ended = operator.run("--local", "doctor", "--json")
    return {
        each["what"]: (each["level"], each["advice"] or "")
        for each in json.loads(ended.stdout)["findings"]
        if each["about"] == about
    }


def test_the_doctor_judges_the_webhooks_that_cmp_has(operator: Operator) -> None:
    relay = operator.relay
    operator.at_home()
    elsewhere = webhook(relay, callback_url="https://elsewhere.example/webhooks/cmp")

    relay.cmp.programs.register_webhooks(elsewhere)
    (none,) = findings(operator, "webhook").items()
    wrong = webhook(relay) | {"secret": "a-wrong-one"}
    relay.cmp.programs.register_webhooks(wrong, elsewhere)
    other = findings(operator, "webhook")
    place = f"{relay.stack.webhook_url}/x?key=hidden"
    second = webhook(relay, name="second", callback_url=place, event_names=["asset_added"])
    relay.cmp.programs.register_webhooks(webhook(relay), second)
    shown = operator.run("--local", "doctor")
    lines = {each.strip() for each in shown.stdout.splitlines()}

    assert none[1][0] == "problem"
    assert relay.stack.webhook_url in none[1][1]
    assert other["relay sends another secret"][0] == "problem"
    assert "✓ webhook: relay leads to channel default" in lines
    assert "✓ webhook: second leads to channel x" in lines
    assert "! webhook: asset_added comes from relay, second" in lines
    assert any("no webhook brings external_sub_step" in each for each in lines)
    for text in (shown.stdout, shown.stderr, json.dumps([none, other])):
        assert relay.stack.webhook_secret not in text
        assert "hidden" not in text
        assert "a-wrong-one" not in text


def test_the_doctor_finds_what_is_off(operator: Operator) -> None:
    relay = operator.relay
    operator.at_home()
    relay.cmp.programs.register_webhooks(webhook(relay))
    relay.outcomes(relay.cmp.publish([relay.cmp.add_asset("image")["id"]]))
    delivery_id, _ = buried(relay, 1)
    functions = relay.stack.boto("lambda")
    (mapping,) = functions.list_event_source_mappings(
        FunctionName=relay.stack.functions.physical_name("on_other_event")
    )["EventSourceMappings"]

    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        report = operator.json("--local", "doctor", code=1)
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    operator.json("dead-letters", "discard", "--delivery", delivery_id, "--yes")

    assert report["well"] is False
    levels = {(each["about"], each["what"]): each["level"] for each in report["findings"]}
    assert levels["workers", "nobody takes jobs from OtherEvent"] == "problem"
    assert any(about == "dead letters" and "AssetPublished" in what for about, what in levels)
    for well in ("credentials", "token", "CMP", "publishing channels", "requests", "schedules"):
        assert {level for (about, _), level in levels.items() if about == well} == {"ok"}, well


def test_registers_the_webhook_once_the_difference_was_seen(operator: Operator) -> None:
    relay, words = operator.relay, ("--local", "register", "--name", "relay")
    operator.at_home()

    plan = operator.json(*words, "--dry-run")
    asked = operator.complaint(*words, code=2)
    assert relay.cmp.programs.webhooks() == []
    operator.json(*words, "--yes")
    (made,) = relay.cmp.programs.webhooks()

    assert plan["changes"] == ["new"]
    assert "--yes" in asked
    assert made["callback_url"] == relay.stack.webhook_url
    assert made["secret"] == relay.stack.webhook_secret
    assert {"asset_modified", "external_sub_step_started"} <= {*made["event_names"]}
    assert operator.json(*words)["changes"] == []
    assert findings(operator, "webhook")["relay leads to channel default"][0] == "ok"


def test_brings_a_registration_up_to_date_and_tells_what_is_left_to_people(
    operator: Operator,
) -> None:
    relay, words = operator.relay, ("--local", "register", "--name", "relay", "--yes")
    operator.at_home()
    place = "https://elsewhere.example/x?key=hidden"
    old = webhook(relay, callback_url=place, event_names=["task_added"]) | {"secret": "a-wrong-one"}
    relay.cmp.programs.register_webhooks(old)

    done = operator.run(*words, "--event", "asset_added")

    assert done.returncode == 0, done.stderr
    assert "changes       url, secret, events" in done.stdout
    assert "drop at Apps & Webhooks what nobody asked for: task_added" in done.stdout
    for hidden in ("a-wrong-one", "hidden", relay.stack.webhook_secret):
        assert hidden not in done.stdout + done.stderr
    (after,) = relay.cmp.programs.webhooks()
    assert after["secret"] == relay.stack.webhook_secret
    assert after["event_names"] == ["task_added", "asset_added"]
    both = [webhook(relay), webhook(relay)]
    relay.cmp.programs.register_webhooks(*both)
    assert "CMP has 2 webhooks called relay" in operator.complaint(*words)
    assert relay.cmp.programs.webhooks() == both


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
    operator.at_home()
    below = operator.folder / "docs"
    below.mkdir()
    operator.folder = below

    bare = {"AWS_ENDPOINT_URL": "", "AWS_ACCESS_KEY_ID": "", "AWS_REGION": ""}
    ended = operator.run("status", "--local", "--json", **bare)

    assert json.loads(ended.stdout)["stack"] == operator.relay.stack.env["STACK_NAME"]


def test_no_credentials(operator: Operator) -> None:
    told = operator.complaint("status", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")

    assert "no AWS credentials" in told


def test_no_profile(operator: Operator) -> None:
    assert "no such profile" in operator.complaint("status", "--profile", "nobody")


def test_no_aws(operator: Operator) -> None:
    told = operator.complaint("status", AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1")

    assert "AWS does not answer" in told


@contextmanager
def visitor(operator: Operator, *actions: str) -> Iterator[Operator]:
    """Let somebody to the command line who may do these actions alone."""
    iam, name = operator.relay.stack.boto("iam"), "visitor"
    iam.create_user(UserName=name)
    if actions:
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    own = Operator(operator.relay, operator.folder)
    own.environment["AWS_ACCESS_KEY_ID"] = key["AccessKeyId"]
    own.environment["AWS_SECRET_ACCESS_KEY"] = key["SecretAccessKey"]
    try:
        yield own
    finally:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        if actions:
            iam.delete_user_policy(UserName=name, PolicyName="own")
        iam.delete_user(UserName=name)


def test_who_may_only_read_changes_nothing(operator: Operator) -> None:
    delivery_id, _ = buried(operator.relay, 1)
    readers = ("cloudformation:*", "dynamodb:Scan", "dynamodb:BatchGetItem", "sqs:GetQueue*")

    with visitor(operator, *readers) as reader:
        redriven = reader.complaint("dead-letters", "redrive", "--all", "--yes")
        discarded = reader.complaint("dead-letters", "discard", "--all", "--yes")

    assert "may not do ReceiveMessage" in redriven
    assert "may not do ReceiveMessage" in discarded
    gone = operator.json("dead-letters", "discard", "--delivery", delivery_id, "--yes")
    assert gone["discarded"] == [f"{delivery_id}.0"]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
class TestFailures:
    """What every command says when it cannot begin: one sentence, and nothing is changed."""

    def test_no_stack(self, operator: Operator, command: list[str]) -> None:
        told = operator.complaint(*command, "--stack-name", "nowhere")

        assert "no stack nowhere in us-east-1" in told
        assert "--region" in told

    def test_expired_credentials(self, operator: Operator, command: list[str]) -> None:
        with stub_server() as aws:
            aws.answers = [(403, EXPIRED)]
            told = operator.complaint(*command, AWS_ENDPOINT_URL=aws.url)

        assert "credentials have expired" in told
        assert "aws sso login" in told

    def test_no_permission(self, operator: Operator, command: list[str]) -> None:
        with visitor(operator) as stranger:
            told = stranger.complaint(*command)

        assert "may not do DescribeStacks" in told
