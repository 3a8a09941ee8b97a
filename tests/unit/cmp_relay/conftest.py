from collections.abc import Iterator

import pytest

from tests.support.worker_stack import WorkerStack, worker_stack


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerStack]:
    """Yield the publish workers' AWS, in moto and empty."""
    with worker_stack(monkeypatch) as made:
        yield made
