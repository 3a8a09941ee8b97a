"""CMP's webhooks held against what the stack expects."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay.verification import Secrets
from cmp_relay_cli import registration
from cmp_relay_cli.registration import Registered

URL = "https://api.example/webhooks/cmp"
SECRETS = Secrets((("current", "new"), ("accepted-1", "old"), ("accepted-2", "")))


def webhook(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    return {"name": "relay", "callback_url": URL, "secret": "new", "event_names": [], **fields}


def ours(*webhooks: object, in_url: bool = False) -> list[Registered]:
    settings = {"resources": {"webhooks": list(webhooks)}}
    return registration.ours(settings, URL, SECRETS, in_url=in_url)


@pytest.mark.parametrize(
    ("url", "channel"),
    [
        (URL, "default"),
        (f"{URL}/", "default"),
        (f"{URL}/website", "website"),
        (f"{URL}/website?key=hidden", "website"),
    ],
)
def test_knows_its_own_by_the_url_without_the_query(url: str, channel: str) -> None:
    assert ours(webhook(callback_url=url)) == [Registered("relay", channel, frozenset(), "current")]


@pytest.mark.parametrize("url", [f"{URL}s", "https://other.example/webhooks/cmp", "", None, 7])
def test_leaves_out_what_leads_elsewhere(url: object) -> None:
    assert ours(webhook(callback_url=url)) == []


@pytest.mark.parametrize(
    ("secret", "name"), [("new", "current"), ("old", "accepted-1"), ("", None), ("x", None)]
)
def test_names_the_secret_that_is_sent_and_never_tells_it(secret: str, name: str | None) -> None:
    (found,) = ours(webhook(secret=secret))

    assert found.secret == name


@pytest.mark.parametrize(
    ("secret", "query", "name"),
    [
        ("", "?key=new", "current"),
        ("", "?a=b&key=%6Fld#key=new", "accepted-1"),
        ("old", "?key=new", "accepted-1"),  # as the receiver's metric names it
        ("x", "?key=new", "current"),
        ("", "?key=x", None),
        ("", "?key=", None),
        ("new", "", "current"),
    ],
)
def test_names_the_secret_of_the_url_where_the_receiver_takes_it(
    secret: str, query: str, name: str | None
) -> None:
    row = webhook(secret=secret, callback_url=f"{URL}/website{query}")

    (found,) = ours(row, in_url=True)
    (refused,) = ours({**row, "secret": ""})

    assert (found.secret, found.channel) == (name, "website")
    assert refused.secret is None


def test_finds_what_comes_twice_and_what_does_not_come() -> None:
    first = webhook(event_names=["asset_added", "asset_modified", "external_sub_step_modfied"])
    second = webhook(name="second", event_names=["asset_added"])

    found = ours(first, second)

    assert registration.twice(found) == {"asset_added": ["relay", "second"]}
    missing = registration.missing(found)
    assert "asset_removed" in missing
    assert "asset_modified" not in missing
    assert "external_sub_step_modified" not in missing  # CMP's own slip is known
    assert "asset_published" not in missing  # comes through channels, which settings lack


def test_knows_settings_whose_webhooks_it_cannot_read() -> None:
    assert registration.legible({"resources": {"webhooks": [webhook()]}})
    assert registration.legible({"resources": {"webhooks": []}})
    assert not registration.legible({"resources": {"webhooks": [webhook(callback_url=7)]}})
    assert not registration.legible({"resources": {}})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
ROW = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("name", "callback_url", "secret", "event_names"), JSON)
)


@given(st.lists(ROW | JSON), st.text())
def test_whatever_cmp_shows_can_be_read(rows: list[object], query: str) -> None:
    found = ours(*rows, webhook(callback_url=f"{URL}?{query}"), in_url=True)

    assert found
    assert all(one.channel for one in found)
