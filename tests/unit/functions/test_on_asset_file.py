import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from cmp_relay import clients
from cmp_relay.leases import Leases
from functions.on_asset_file import app
from tests.support.context import LambdaContext as FakeContext
from tests.support.worker_stack import WorkerStack, worker_stack

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SAMPLE = Path(__file__).parents[3] / "events" / "invoke" / "on_asset_file.json"


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerStack]:
    with worker_stack(monkeypatch) as made:
        yield made


CONTEXT = cast("LambdaContext", FakeContext(remaining_milliseconds=900_000))


def sample() -> Any:  # noqa: ANN401 - JSON
    return json.loads(SAMPLE.read_text())


def test_ends_a_job_of_an_asset_without_files(stack: WorkerStack) -> None:
    stack.clock.milliseconds = 4_102_444_800_000  # when the sample was sent
    message = sample()["Records"][0]["body"]

    answer = app.handler(stack.event(message), CONTEXT)

    assert answer == {"batchItemFailures": []}
    (item,) = stack.items("FILES#")
    assert (item["files"], item["claims"]) == ({}, [])


def test_files_that_another_holds_for_hours_do_not_use_up_the_receives_of_the_queue(
    stack: WorkerStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[tuple[float, float]] = []

    def longest(least: float, most: float) -> float:
        waits.append((least, most))
        return most

    monkeypatch.setattr("random.uniform", longest)
    stack.clock.milliseconds = 4_102_444_800_000
    message = sample()["Records"][0]["body"]
    asset_id = json.loads(message)["asset"]["id"]
    Leases(clients.dynamodb(), "catalogue").acquire(f"files#{asset_id}", "another", 900)

    answer = app.handler(stack.event(message, receives=100), CONTEXT)

    assert len(answer["batchItemFailures"]) == 1
    # At half a minute on average the 1,000 receives of the queue last for eight hours.
    assert waits == [(1, 60)]
