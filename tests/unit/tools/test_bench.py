import json
from pathlib import Path

import pytest

from tools.bench import world
from tools.bench.stub import stub
from tools.bench.subjects import BenchmarkError, Subject, subjects


def subject(module: str, event: Path) -> Subject:
    return Subject("subject", module, event)


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    path = tmp_path / "event.json"
    path.write_text((world.EVENTS / "receive_webhook.json").read_text())
    return path


def test_every_function_has_what_it_needs_to_be_measured(tmp_path: Path) -> None:
    with stub() as url:
        for one in subjects(tmp_path, url):
            one.run(url)


@pytest.mark.parametrize("module", ["tools.bench.baseline", "functions.receive_webhook.app"])
def test_receiver_and_baseline_do_their_work_against_the_stub(module: str, delivery: Path) -> None:
    measured = subject(module, delivery)

    with stub() as url:
        measured.run(url, warm=2)

    assert measured.first > 0
    assert measured.warm
    assert measured.warm < measured.first


def test_a_function_that_fails_is_no_measurement(delivery: Path) -> None:
    event = json.loads(delivery.read_text())
    event["headers"]["callback-secret"] = "wrong"
    delivery.write_text(json.dumps(event))

    with stub() as url, pytest.raises(BenchmarkError, match="401"):
        subject("functions.receive_webhook.app", delivery).run(url)


def test_a_function_that_cannot_be_imported_is_no_measurement(delivery: Path) -> None:
    with stub() as url, pytest.raises(BenchmarkError, match="no_such_module"):
        subject("no_such_module", delivery).run(url)


def test_the_receivers_event_carries_the_sample_delivery() -> None:
    event = json.loads((world.EVENTS / "receive_webhook.json").read_text())

    assert json.loads(event["body"]) == json.loads(world.SAMPLE.read_text())
