"""What the scenario sends, and what it takes for complete."""

from dataclasses import replace

import pytest

from tools.scenario import deliveries
from tools.scenario.files import AssetFiles, MirroredFile
from tools.scenario.jobs import EndedJob
from tools.scenario.report import Passage, Report

KEY, COPY = "assets/image/a/1/Sample.jpg", "website/images/a.jpg"
FILE = MirroredFile("image/jpeg", 10, KEY, COPY)
ASSET = AssetFiles(
    asset_id="a",
    kind="image",
    state="present",
    has_to_have_files=True,
    settled=True,
    files=[FILE],
    found={KEY: 10, COPY: 10},
)
JOB = EndedJob("d.0", "asset_added", "a", "applied", None)
REPORT = Report(
    passages=[Passage("asset_added", "default", "d", 1, [JOB])],
    events={"d.0": {"detail-type": "LibraryAssetChanged"}},
    assets=[ASSET],
    requests=1,
)


def test_every_sample_of_an_asset_is_sent_once() -> None:
    sent = [sample.file for name in deliveries.STAGES for sample in deliveries.stage(name)]

    assert sorted(sent) == sorted(deliveries.SAMPLES.glob("asset_*.json"))


def test_what_has_arrived_with_its_files_is_complete() -> None:
    assert REPORT.complete


def test_an_asset_that_is_gone_has_no_files() -> None:
    gone = replace(ASSET, has_to_have_files=False, files=[], found={})

    assert gone.complete
    assert not replace(gone, found={KEY: 10}).complete


@pytest.mark.parametrize(
    "wrong",
    [
        replace(ASSET, settled=False),
        replace(ASSET, files=[], found={}),
        replace(ASSET, has_to_have_files=False),
        replace(ASSET, found={KEY: 10}),
        replace(ASSET, found={KEY: 9, COPY: 10}),
        replace(ASSET, found={KEY: 10, COPY: 10, "videos/a.mp4": 10}),
        replace(ASSET, files=[replace(FILE, copy=None)], found={KEY: 10}),
    ],
    ids=["unsettled", "none", "too much", "no copy", "too short", "unclaimed", "no rule"],
)
def test_files_that_are_not_as_they_have_to_be_are_not_complete(wrong: AssetFiles) -> None:
    assert not replace(REPORT, assets=[wrong]).complete


def test_a_job_without_its_event_is_not_complete() -> None:
    assert not replace(REPORT, events={}).complete
