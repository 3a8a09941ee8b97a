"""One stack for all e2e tests: the real template, built, deployed and reached over real HTTP."""

from collections.abc import Iterator

import pytest

from tests.e2e.relay import Relay
from tools.local_stack.bus_tap import BusTap
from tools.local_stack.stack import LocalStack
from tools.stand_in.client import StandIn


@pytest.fixture(scope="session")
def running_relay() -> Iterator[Relay]:
    with (
        LocalStack.start(name="e2e") as stack,
        StandIn(stack.cmp_url) as cmp,
    ):
        yield Relay(stack, cmp, BusTap.on(stack.boto, stack.env["EVENT_BUS"]))


@pytest.fixture
def relay(running_relay: Relay) -> Relay:
    running_relay.cmp.reset()
    running_relay.cmp.register_webhook(
        running_relay.stack.webhook_url, running_relay.stack.webhook_secret
    )
    return running_relay
