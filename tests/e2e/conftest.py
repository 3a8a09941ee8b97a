"""One stack for all e2e tests: the real template, built, deployed and reached over real HTTP."""

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.e2e.relay import Relay
from tools.local_stack.bus_tap import BusTap
from tools.local_stack.stack import LocalStack
from tools.stand_in.client import StandIn

# Far above what the tests ask for: only tests of the budget shall wait for it.
LIMITS = {"ApiRequestsPerSecond": "100", "ApiRequestsPerMinute": "6000"}
RULES = {
    "FolderRules": (
        'kind=image label="Web/Ready to go" -> website/images/;'
        " kind=raw_file when=published -> published/; folder=/Press -> press/"
    ),
    "MaxFileMegabytes": "1000",
}


@pytest.fixture(scope="session")
def running_relay(request: pytest.FixtureRequest) -> Iterator[Relay]:
    # A name of its own: two runs side by side must not end each other's stack.
    with (
        LocalStack.start(name=f"e2e-{os.getpid()}", parameters=LIMITS | RULES) as stack,
        StandIn(stack.cmp_url) as cmp,
    ):
        yield Relay(stack, cmp, BusTap.on(stack.boto, stack.env["EVENT_BUS"]))
    if not request.session.testsfailed:  # else its logs are worth a look
        shutil.rmtree(stack.folder.root)


@pytest.fixture
def relay(running_relay: Relay) -> Relay:
    running_relay.cmp.reset()
    running_relay.cmp.register_webhook(
        running_relay.stack.webhook_url, running_relay.stack.webhook_secret
    )
    return running_relay
