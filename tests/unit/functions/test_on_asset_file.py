import json
from collections.abc import Iterator
from importlib import reload
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from cmp_relay import clients
from cmp_relay.leases import Leases
from cmp_relay.mirroring import SETTINGS_SECONDS
from cmp_relay.outcomes import MOST_ATTEMPTS
from cmp_relay.worker import EXPIRY_SECONDS
from functions.on_asset_file import app
from tests.support.context import LambdaContext as FakeContext
from tests.support.log_lines import log_lines
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


@pytest.fixture
def wrong_rules(stack: WorkerStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerStack]:
    """Let the function start with rules that a person has got wrong."""
    with monkeypatch.context() as wrong:
        wrong.setenv("FOLDER_RULES", "-> a/; kind=images -> b/")
        reload(app)
    yield stack
    reload(app)


def test_jobs_wait_for_rules_that_can_be_read_and_are_done_minutes_after_they_came(
    wrong_rules: WorkerStack, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = wrong_rules
    stack.clock.milliseconds = 4_102_444_800_000
    message = sample()["Records"][0]["body"]

    with log_lines() as lines:
        came_back = [app.handler(stack.event(message), CONTEXT) for _ in range(MOST_ATTEMPTS + 1)]

    assert all(len(answer["batchItemFailures"]) == 1 for answer in came_back)
    delays = [line["delay"] for line in lines.named("job postponed")]
    assert delays == [SETTINGS_SECONDS] * (MOST_ATTEMPTS + 1)
    assert stack.dead_letters() == []
    assert {line["detail"] for line in lines.named("settings cannot be read")} == {
        "FOLDER_RULES: rule 2: kind is not one of article, image, raw_file, video"
    }
    written = map(json.loads, capsys.readouterr().out.splitlines())
    assert [line["FileSettingsUnreadable"] for line in written] == [[1.0]] * (MOST_ATTEMPTS + 1)

    reload(app)  # what the deployment that mends them does

    assert app.handler(stack.event(message), CONTEXT) == {"batchItemFailures": []}
    (item,) = stack.items("JOB#")
    assert (item["outcome"], item["attempts"]) == ("applied", 1)


def test_a_thousand_receives_last_for_as_long_as_a_job_may_wait() -> None:
    assert SETTINGS_SECONDS * 1000 > EXPIRY_SECONDS
