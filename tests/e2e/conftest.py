"""One stack for all e2e tests: the real template, built, deployed and reached over real HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.operator import Operator
from tests.e2e.relay import Relay, started

# Far above what the tests ask for: only tests of the budget shall wait for it.
LIMITS = {"ApiRequestsPerSecond": "100", "ApiRequestsPerMinute": "6000"}
RULES = {
    "FolderRules": (
        'kind=image label="Web/Ready to go" -> website/images/;'
        " kind=raw_file when=published -> published/; folder=/Press -> press/"
    ),
    "MaxFileMegabytes": "1000",
}
FAST = {
    "ApiRequestsPerSecond": "200",
    "ApiRequestsPerMinute": "12000",
    "MirrorFiles": "false",
    "ReconcileShare": "100",
}
HERE = Path(__file__).parent
LAST = "test_contract.py"
ON_REQUEST = ("long", "burst")
COLLECTED = pytest.StashKey[list[pytest.Item]]()


@pytest.hookimpl(tryfirst=True)  # before any test is deselected
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Judge the bus last, after all that happens on it."""
    config.stash[COLLECTED] = [item for item in items if item.path.parent == HERE]
    items.sort(key=lambda item: item.path == HERE / LAST)


@pytest.fixture
def is_whole_run(request: pytest.FixtureRequest) -> bool:
    """Tell whether all e2e tests have been run, but those that are asked for by their mark."""
    collected = request.config.stash[COLLECTED]
    usual = {item for item in collected if not any(map(item.get_closest_marker, ON_REQUEST))}
    files = {item.path for item in collected}
    return files == {*HERE.glob("test_*.py")} and usual <= {*request.session.items}


@pytest.fixture(scope="session")
def running_relay(request: pytest.FixtureRequest) -> Iterator[Relay]:
    with started("e2e", LIMITS | RULES, request.session) as relay:
        yield relay


@pytest.fixture
def relay(running_relay: Relay) -> Relay:
    running_relay.cmp.reset()
    running_relay.register_webhook()
    return running_relay


@pytest.fixture
def operator(relay: Relay, tmp_path: Path) -> Operator:
    return Operator(relay, tmp_path)


@pytest.fixture
def empty_relay(request: pytest.FixtureRequest) -> Iterator[Relay]:
    """A stack of its own: what other tests have left in the catalogue would seem gone."""
    with started("empty", FAST, request.session) as relay:
        relay.register_webhook()
        yield relay
