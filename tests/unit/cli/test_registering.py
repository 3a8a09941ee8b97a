"""What `register` would change in CMP, and what it leaves alone."""

from typing import Any
from unittest.mock import create_autospec

import pytest

from cmp_relay.cmp_v3 import OrganizationSettings
from cmp_relay_cli import registering
from cmp_relay_cli.errors import OperatorError
from cmp_relay_cli.registering import Plan

URL = "https://api.example/webhooks/cmp"
ELSEWHERE = "https://other.example/webhooks/cmp"


def webhook(name: str, url: str) -> dict[str, Any]:
    return {"name": name, "callback_url": url, "secret": "old", "event_names": ["asset_added"]}


def plan(*webhooks: object) -> Plan:
    settings = create_autospec(OrganizationSettings, instance=True)
    settings.get.return_value = {"resources": {"webhooks": [*webhooks]}}
    wanted = {"name": "relay", "url": URL, "secret": "new"}
    return registering.plan(settings, **wanted, events=["asset_added"])


@pytest.mark.parametrize("url", [URL, f"{URL}/", f"{URL}?key=hidden"])
@pytest.mark.parametrize("own", [[], [webhook("relay", ELSEWHERE)]], ids=["new", "moved"])
def test_makes_no_second_way_here_but_names_the_first(own: list[object], url: str) -> None:
    with pytest.raises(OperatorError, match="--name 'of old'") as refused:
        plan(webhook("of old", url), *own)

    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("url", [ELSEWHERE, f"{URL}/website", f"{URL}s"])
def test_a_webhook_that_leads_elsewhere_is_no_hindrance(url: str) -> None:
    assert plan(webhook("other", url), None).changes == ["new"]


def test_what_leads_here_twice_already_can_still_be_brought_up_to_date() -> None:
    assert plan(webhook("other", URL), webhook("relay", URL)).changes == ["secret"]
