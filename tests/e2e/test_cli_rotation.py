"""The webhook's secret is rotated at the command line: no delivery is lost, the old one ends."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cmp_relay import times
from cmp_relay_cli import moments
from tests.e2e.operator import Operator, visitor
from tests.e2e.relay import Relay

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

BODY = '{"event_name": "asset_published", "data": {"publishing_event": {"id": "e"}}}'
READ = ("cloudformation:*", "secretsmanager:GetSecretValue")


@pytest.fixture
def own_secret(relay: Relay) -> Iterator[None]:
    """Leave the secret to other tests as it was."""
    before = content(relay)
    try:
        yield
    finally:
        relay.stack.boto("secretsmanager").put_secret_value(
            SecretId=relay.stack.outputs["WebhookSecretArn"], SecretString=before
        )
        relay.restart("receive_webhook")


def content(relay: Relay) -> str:
    answer = relay.stack.boto("secretsmanager").get_secret_value(
        SecretId=relay.stack.outputs["WebhookSecretArn"]
    )
    return str(answer["SecretString"])


def answers(relay: Relay, *secrets: str) -> list[int]:
    """Return how the receiver answers deliveries with these secrets once it has read its own anew.

    A new execution environment has nothing cached, as an old one has not after a minute.
    """
    relay.restart("receive_webhook")
    return [relay.post(BODY, secret=secret).status_code for secret in secrets]


def collect_metrics(relay: Relay, since: int, count: int) -> None:
    """Do as CloudWatch does with what the receiver writes, which the local AWS does not."""

    def written() -> list[dict[str, Any]] | None:
        lines = relay.stack.functions.logs("receive_webhook", since=since).splitlines()
        found = [json.loads(line) for line in lines if '"SecretMatched"' in line]
        return found if len(found) >= count else None

    for each in relay.wait(written, f"{count} metrics"):
        (description,) = each["_aws"]["CloudWatchMetrics"]
        relay.stack.boto("cloudwatch").put_metric_data(
            Namespace=description["Namespace"],
            MetricData=[
                {
                    "MetricName": "SecretMatched",
                    "Dimensions": [
                        {"Name": name, "Value": each[name]} for name in description["Dimensions"][0]
                    ],
                    "Timestamp": times.moment(each["_aws"]["Timestamp"]),
                    "Value": sum(each["SecretMatched"]),
                }
            ],
        )


@pytest.mark.usefixtures("own_secret")
def test_a_rotation_loses_no_delivery_and_ends_the_old_secret(operator: Operator) -> None:
    relay, began, old = operator.relay, moments.now(), operator.relay.stack.webhook_secret
    operator.at_home()
    words = ("--local", "rotate-secret")
    operator.json("--local", "register", "--name", "relay", "--yes")

    assert "no rotation is under way" in operator.complaint(*words, "finish", "--yes")
    new = operator.json(*words, "start", "--show", "--yes")["secret"]
    assert answers(relay, new, old, "wrong") == [202, 202, 401]
    collect_metrics(relay, began, 2)

    state = operator.json(*words, "status")
    assert state["accepted"] == ["current", "accepted-1"]
    assert state["webhooks"] == [{"name": "relay", "channel": "default", "secret": "accepted-1"}]
    assert state["since"] <= state["deliveries"]["accepted-1"]
    assert "rotation is under way" in operator.complaint(*words, "start", "--yes")
    assert "relay still sends accepted-1" in operator.complaint(*words, "finish", "--yes")

    operator.json("--local", "register", "--name", "relay", "--yes")
    assert [each["secret"] for each in relay.cmp.programs.webhooks()] == [new]
    told = operator.complaint(*words, "finish", "--yes")
    assert "still sends" not in told
    assert "a delivery still showed accepted-1" in told
    assert "may be retried until" in told
    assert "--yes" in operator.complaint(*words, "finish", "--days", "0", code=2)
    assert answers(relay, old) == [202]
    shown = operator.run(*words, "status", "--days", "0")
    assert operator.json(*words, "finish", "--days", "0", "--yes")["dropped"] == ["accepted-1"]

    assert answers(relay, new, old) == [202, 401]
    assert json.loads(content(relay)) == {"current": new, "accepted": []}
    assert "finish` may drop the old secret" in shown.stdout
    for secret in (new, old):
        assert secret not in told + shown.stdout + shown.stderr + json.dumps(state)


@pytest.mark.usefixtures("own_secret")
def test_a_leaked_secret_is_refused_at_once(operator: Operator) -> None:
    relay, old = operator.relay, operator.relay.stack.webhook_secret

    operator.json("rotate-secret", "start", "--yes")
    assert "lost" in operator.complaint("rotate-secret", "finish", "--force", code=2)
    assert answers(relay, old) == [202]
    operator.json("rotate-secret", "finish", "--force", "--yes")

    assert answers(relay, old) == [401]


@pytest.mark.long
@pytest.mark.usefixtures("own_secret")
def test_every_receiver_knows_the_new_secret_when_the_command_ends(operator: Operator) -> None:
    relay = operator.relay
    answers(relay, relay.stack.webhook_secret)

    begun = operator.run("rotate-secret", "start", "--show", "--yes")

    new = begun.stdout.partition("new secret: ")[2].split()[0]
    assert relay.post(BODY, secret=new).status_code == 202
    assert "now CMP may have it" in begun.stderr


def test_who_may_not_write_the_secret_changes_nothing(operator: Operator) -> None:
    before = content(operator.relay)

    for allowed, missing in (
        ((), "PutSecretValue"),
        (("secretsmanager:PutSecretValue",), "UpdateSecretVersionStage"),
    ):
        with visitor(operator, *READ, *allowed) as reader:
            told = reader.complaint("rotate-secret", "start", "--yes")
        assert f"may not do {missing}" in told

    assert content(operator.relay) == before
    with visitor(operator, "cloudformation:*") as stranger:
        assert "may not do GetSecretValue" in stranger.complaint("rotate-secret", "status")
