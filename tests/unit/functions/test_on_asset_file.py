import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

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


def sample() -> Any:  # noqa: ANN401 - JSON
    return json.loads(SAMPLE.read_text())


def test_ends_a_job_of_an_asset_without_files(stack: WorkerStack) -> None:
    stack.clock.milliseconds = 4_102_444_800_000  # when the sample was sent
    message = sample()["Records"][0]["body"]
    context = cast("LambdaContext", FakeContext(remaining_milliseconds=900_000))

    answer = app.handler(stack.event(message), context)

    assert answer == {"batchItemFailures": []}
    (item,) = stack.items("FILES#")
    assert (item["files"], item["claims"]) == ({}, [])
