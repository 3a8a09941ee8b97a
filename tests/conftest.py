"""Prepare the process before any test imports a function: its clients are made at import."""

from tests.support import environment

environment.prepare()

import hypothesis  # noqa: E402
import moto  # noqa: E402, F401  # moto reaches only clients that were made after its import
import pytest  # noqa: E402

from tests.support.context import LambdaContext  # noqa: E402

# How long an example takes is the machine's affair.
hypothesis.settings.register_profile("relay", deadline=None)
hypothesis.settings.load_profile("relay")


@pytest.fixture
def lambda_context() -> LambdaContext:
    """Return what Lambda hands to a function beside the event."""
    return LambdaContext()
