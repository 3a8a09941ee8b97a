"""The token: renewed in one place, replaced when CMP refuses it, waited for without credentials."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.e2e.relay import Relay

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]


@pytest.fixture
def aged_token(relay: Relay) -> None:
    """Give the stored token an age at which CMP may be asked for another (rule 8: 60 s)."""
    with stored(relay, "TokenSecretArn") as document:
        document["obtained_at"] -= 120.0


@pytest.mark.usefixtures("aged_token")
def test_a_token_that_cmp_refuses_is_replaced_by_one_request_for_all_workers(
    relay: Relay,
) -> None:
    ids = [relay.cmp.add_asset("image")["id"] for _ in range(6)]
    relay.cmp.expire_tokens()

    sent = [relay.cmp.publish([asset_id]) for asset_id in ids[:5]]
    synced = relay.cmp.sync([ids[5]], publishing_event_id="sync")

    assert [relay.outcomes(one) for one in (*sent, synced)] == [["applied"]] * 6
    assert len(relay.cmp.requests("/o/oauth2")) == 1


@pytest.mark.usefixtures("aged_token")
def test_jobs_wait_while_the_credentials_are_missing(relay: Relay) -> None:
    asset_id = relay.cmp.add_asset("image")["id"]
    relay.cmp.expire_tokens()
    with stored(relay, "CredentialsSecretArn") as document:
        good = document["client_secret"]
        document["client_secret"] = "REPLACE ME"  # noqa: S105 - what a person left there

    sent = relay.cmp.publish([asset_id])
    job_id = f"{sent['deliveries'][0]['response']['delivery_id']}.0"
    told = relay.wait(lambda: _line(relay, job_id, "no token to be had"), "why there is no token")
    relay.wait(lambda: _line(relay, job_id, "job postponed"), "a postponed job")

    assert "client_secret" in told
    assert relay.cmp.requests("/o/oauth2") == []
    item = relay.item(f"JOB#{job_id}", "JOB")
    assert item is not None
    assert "outcome" not in item
    assert item["attempts"] == 0

    with stored(relay, "CredentialsSecretArn") as document:
        document["client_secret"] = good
    assert relay.outcomes(sent) == ["applied"]


def test_the_schedule_leaves_a_token_alone_that_is_good_for_long(relay: Relay) -> None:
    relay.cmp.clear_requests()

    answer = relay.stack.functions.invoke("refresh_token", {"source": "schedule"})

    assert answer.failed is False
    assert relay.cmp.requests("/o/oauth2") == []


def test_the_schedule_renews_a_token_of_which_less_than_half_is_left(relay: Relay) -> None:
    relay.cmp.clear_requests()
    with stored(relay, "TokenSecretArn") as document:
        before = document["access_token"]
        document["obtained_at"] = time.time() - 2000
        document["expires_at"] = time.time() + 1600

    relay.stack.functions.invoke("refresh_token", {"source": "schedule"})

    with stored(relay, "TokenSecretArn") as document:
        assert document["access_token"] != before
    assert len(relay.cmp.requests("/o/oauth2")) == 1


def _line(relay: Relay, job_id: str, message: str) -> str | None:
    lines = relay.stack.functions.logs("on_asset_published").splitlines()
    return next((line for line in lines if job_id in line and message in line), None)


@contextmanager
def stored(relay: Relay, output: str) -> Iterator[dict[str, Any]]:
    """Read a secret's JSON document and store it again as it is after the block."""
    secrets, arn = relay.stack.boto("secretsmanager"), relay.stack.outputs[output]
    document = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])
    yield document
    secrets.put_secret_value(SecretId=arn, SecretString=json.dumps(document))
