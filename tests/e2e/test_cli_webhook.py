"""The webhook at the command line: the doctor judges it, `register` mends it."""

import json

import pytest

from tests.e2e.operator import Operator, buried
from tests.e2e.relay import Relay

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]


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
    asked = operator.run(*words)
    assert relay.cmp.programs.webhooks() == []
    operator.json(*words, "--yes")
    (made,) = relay.cmp.programs.webhooks()

    assert plan["changes"] == ["new"]
    assert (asked.returncode, asked.stdout) == (2, "")
    assert "asset_modified" in asked.stderr.partition("--yes")[0]
    assert relay.stack.webhook_secret not in asked.stderr
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
