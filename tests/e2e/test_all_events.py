"""Every event that CMP is known to send reaches the bus, as documented and as misspelt."""

import json
from typing import Any

import pytest

from cmp_relay import routing
from tests.e2e.relay import Item, Relay
from tests.support import samples
from tools.scenario import deliveries
from tools.stand_in import subjects

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

FIRST = [name for stage in deliveries.STAGES for name in (stage, f"{stage}.old")]
"""What concerns assets, in the order in which each has something to tell."""


EXTERNAL = [name for name in samples.names() if name.startswith("external_")]
"""Of one step and its comment, which CMP shows as they are by now."""
OTHERS = sorted(set(samples.names()) - set(FIRST) - set(EXTERNAL))


def send(relay: Relay, name: str) -> Any:  # noqa: ANN401 - JSON can be anything
    """Deliver a sample whose links lead somewhere, and return the answer.

    Through a channel of its own: the older generations repeat the ids of the newer ones.
    """
    text = deliveries.at_home(samples.raw(name).decode(), relay.stack.cmp_url)
    deliveries.prepare(relay.cmp, text)
    subjects.hold(relay.cmp, json.loads(text)["data"])
    path = f"/{name.replace('.', '-')}"
    return relay.post(text, secret=relay.stack.webhook_secret, path=path).json()


def told(relay: Relay, answer: Any) -> bool:  # noqa: ANN401
    """Wait for an event for each job of a delivery, and tell whether they came."""

    def is_of_it(event: Item) -> bool:
        delivery = event["detail"].get("delivery") or {}
        return bool(delivery.get("id") == answer["delivery_id"])

    relay.ended(answer)
    count: int = answer["jobs"]
    events = relay.told(is_of_it, count=count)
    return len({event["detail"]["id"] for event in events}) == count


def test_every_sample_of_every_event_is_told_on_the_bus(relay: Relay) -> None:
    names = {routing.canonical(samples.sample(name)["event_name"]) for name in samples.names()}
    assert len(names) == 43

    one_by_one = [name for name in FIRST if name in samples.names()] + EXTERNAL
    untold = [name for name in one_by_one if not told(relay, send(relay, name))]
    answers = {name: send(relay, name) for name in OTHERS}
    untold += [name for name, answer in answers.items() if not told(relay, answer)]

    assert untold == []
