"""Prepare the process before any test imports a function: its clients are made at import."""

from tests.support import environment

environment.prepare()

from collections.abc import Iterator  # noqa: E402

import hypothesis  # noqa: E402
import moto  # noqa: E402, F401  # moto reaches only clients that were made after its import
import pytest  # noqa: E402

from cmp_relay.telemetry import logger  # noqa: E402
from tests.support.context import LambdaContext  # noqa: E402

# How long an example takes is the machine's affair.
hypothesis.settings.register_profile("relay", deadline=None)
hypothesis.settings.load_profile("relay")


@pytest.fixture(autouse=True)
def log_level() -> Iterator[None]:
    """Let every test begin with the same log: the command line silences it for its process."""
    level = logger.log_level
    yield
    logger.setLevel(level)


@pytest.fixture
def lambda_context() -> LambdaContext:
    """Return what Lambda hands to a function beside the event."""
    return LambdaContext()
