import pytest

from cmp_relay import sightings
from cmp_relay.sightings import Sightings
from tests.support.worker_stack import WorkerStack


@pytest.fixture
def seen(stack: WorkerStack) -> Sightings:
    return Sightings(stack.s3, "assets")


def test_what_was_seen_on_all_pages(seen: Sightings) -> None:
    seen.note("run-1", 0, {"image-1": "image"})
    seen.note("run-1", 1, {"video-1": "video"})
    seen.note("run-2", 0, {"image-2": "image"})

    assert seen.all("run-1") == {"image-1": "image", "video-1": "video"}


def test_a_page_that_is_read_again_replaces_itself(seen: Sightings) -> None:
    seen.note("run-1", 0, {"image-1": "image"})
    seen.note("run-1", 0, {"image-2": "image"})

    assert seen.all("run-1") == {"image-2": "image"}


def test_what_may_be_gone_is_no_sighting(seen: Sightings) -> None:
    seen.keep_candidates("run-1", [{"id": "image-1", "type": "image"}])

    assert seen.candidates("run-1") == [{"id": "image-1", "type": "image"}]
    assert seen.all("run-1") == {}


def test_all_of_a_run_is_forgotten_and_nothing_else(
    seen: Sightings, stack: WorkerStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sightings, "LARGEST_DELETION", 2)
    for page in range(3):
        seen.note("run-1", page, {})
    seen.keep_candidates("run-1", [])
    seen.note("run-10", 0, {})

    seen.forget("run-1")

    assert list(stack.documents()) == ["reconcile/run-10/pages/000000.json"]
