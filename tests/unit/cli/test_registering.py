"""What `register` would change in CMP, and what it leaves alone."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock, create_autospec

import pytest
from typer.testing import CliRunner, Result

from cmp_relay.cmp_v3 import OrganizationSettings
from cmp_relay.errors import UnavailableError
from cmp_relay_cli import cmp, registering
from cmp_relay_cli.app import app
from cmp_relay_cli.errors import OperatorError, UsageError
from cmp_relay_cli.output import Output
from cmp_relay_cli.registering import Plan
from cmp_relay_cli.stack import Choice, Stack

URL = "https://api.example/webhooks/cmp"
ELSEWHERE = "https://other.example/webhooks/cmp"


def webhook(name: str, url: str) -> dict[str, Any]:
    return {"name": name, "callback_url": url, "secret": "old", "event_names": ["asset_added"]}


def known(*webhooks: object) -> Mock:
    """Return settings with these webhooks, which take any change of the one called relay."""
    settings: Mock = create_autospec(OrganizationSettings, instance=True)
    settings.get.return_value = {"resources": {"webhooks": [*webhooks]}}
    kinds = ("create", "update")
    settings.preview.return_value = {"changeset": {each: {"webhooks": ["relay"]} for each in kinds}}
    return settings


def plan(*webhooks: object) -> Plan:
    wanted = {"name": "relay", "url": URL, "secret": "new"}
    return registering.plan(known(*webhooks), **wanted, events=["asset_added"])


Register = Callable[..., Result]


@pytest.fixture
def register(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Register:
    """Return the command itself, for a CMP with given settings and a stack with a secret."""

    def run(settings: Mock, *words: str, current: str = "the-new-one") -> Result:
        content = json.dumps({"current": current, "accepted": ["old"]})
        made = stack.secrets.create_secret(Name="webhook", SecretString=content)
        outputs = {**stack.outputs, "WebhookSecretArn": made["ARN"], "WebhookUrl": URL}
        monkeypatch.setattr(Choice, "find", lambda _: replace(stack, outputs=outputs))
        api = nullcontext(SimpleNamespace(settings=settings))
        monkeypatch.setattr(cmp, "connected", lambda _: api)
        return CliRunner().invoke(app, ["register", "--name", "relay", *words])

    return run


@pytest.mark.parametrize("url", [URL, f"{URL}/", f"{URL}?key=hidden"])
@pytest.mark.parametrize("own", [[], [webhook("relay", ELSEWHERE)]], ids=["new", "moved"])
def test_makes_no_second_way_here_but_names_the_first(own: list[object], url: str) -> None:
    with pytest.raises(OperatorError, match="--name 'of old'") as refused:
        plan(webhook("of old", url), *own)

    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("url", [ELSEWHERE, f"{URL}/website", f"{URL}s"])
def test_a_webhook_that_leads_elsewhere_is_no_hindrance(url: str) -> None:
    assert plan(webhook("other", url)).changes == ["new"]


def test_what_leads_here_twice_already_can_still_be_brought_up_to_date() -> None:
    assert plan(webhook("other", URL), webhook("relay", URL)).changes == ["secret"]


def test_shows_the_difference_before_it_asks_and_no_secret(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = webhook("relay", f"{ELSEWHERE}?key=hidden") | {"secret": "the-old-one"}
    settings = known(old)
    shown: list[str] = []

    def confirm(output: Output, question: str, *, yes: bool) -> None:
        shown.append(question)
        raise OperatorError("nothing was changed")

    monkeypatch.setattr(Output, "confirm", confirm)
    told = register(settings, "--event", "task_added").stderr

    assert shown == ["Change url, secret, events of the webhook relay in CMP?"]
    for line in (f"url before {ELSEWHERE}", f"url {URL}", "events added task_added"):
        assert line in " ".join(told.split())
    for secret in ("the-new-one", "the-old-one", "hidden"):
        assert secret not in told
    assert settings.apply.call_count == 0


@pytest.mark.parametrize("words", [["--yes"], ["--json", "--yes"]])
def test_who_is_not_asked_gets_the_difference_in_the_result_alone(
    register: Register, words: list[str]
) -> None:
    ended = register(known(), *words)

    assert (ended.exit_code, ended.stderr) == (0, "")
    assert URL in ended.stdout


def test_a_program_that_does_not_say_yes_gets_one_sentence(register: Register) -> None:
    ended = register(known(), "--json")

    assert isinstance(ended.exception, UsageError)
    assert (ended.stdout, ended.stderr) == ("", "")


@pytest.mark.parametrize(
    "settings",
    [{}, {"resources": {"webhooks": {"items": []}}}, {"resources": {"webhooks": [None]}}],
)
def test_changes_nothing_if_cmp_tells_of_its_webhooks_in_another_shape(
    register: Register, settings: dict[str, Any]
) -> None:
    unknown = known()
    unknown.get.return_value = settings

    ended = register(unknown, "--yes")

    assert isinstance(ended.exception, OperatorError)
    assert "a shape that we do not know, so nothing was changed" in str(ended.exception)
    assert unknown.apply.call_count == 0


def test_an_empty_secret_is_not_registered(register: Register) -> None:
    settings = known()

    ended = register(settings, "--yes", current="")

    assert isinstance(ended.exception, OperatorError)
    assert "no current one: `cmp-relay rotate-secret start`" in str(ended.exception)
    assert settings.apply.call_count == 0


def test_a_lost_answer_is_told_as_one(register: Register) -> None:
    settings = known()
    settings.apply.side_effect = UnavailableError("POST /settings: ReadTimeout")

    told = str(register(settings, "--yes").exception)

    assert told.startswith("it is not known whether the webhook relay is registered (POST /sett")
    assert "register --dry-run` before you do it again" in told
