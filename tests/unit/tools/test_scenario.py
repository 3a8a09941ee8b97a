"""What the scenario sends, and what it takes for complete."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tools.scenario import deliveries
from tools.scenario.files import AssetFiles, MirroredFile
from tools.scenario.jobs import EndedJob
from tools.scenario.report import Passage, Report
from tools.scenario.talk import Turn

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
    events={"d.0": {"detail-type": "LibraryAssetChanged", "detail": {"asset": {"type": "image"}}}},
    assets=[ASSET],
    requests=1,
    wants_copies=True,
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


def test_what_was_not_told_back_is_not_complete() -> None:
    told = replace(REPORT, turns=[Turn("a comment in CMP is on the ticket", "Is it?")])
    untold = replace(REPORT, turns=[*told.turns, Turn("the sub-step is completed", None)])

    assert told.complete
    assert not untold.complete
    assert "the sub-step is completed not in time" in " ".join(shown(untold).split())


def test_a_job_without_its_event_is_not_complete() -> None:
    assert not replace(REPORT, events={}).complete


def test_rules_that_copy_nothing_are_complete_where_nobody_knows_them() -> None:
    uncopied = replace(ASSET, files=[replace(FILE, copy=None)], found={KEY: 10})

    assert replace(REPORT, assets=[uncopied], wants_copies=False).complete


def ended(outcome: str, reason: str | None) -> Report:
    job = EndedJob("d.0", "asset_published", "a", outcome, reason)
    passage = Passage("asset_published", "default", "d", 1, [job])
    return replace(REPORT, passages=[passage], events={})


def shown(report: Report) -> str:
    written = io.StringIO()
    report.show(Console(file=written, width=120), Path(".local/logs"))
    return written.getvalue()


def test_samples_that_are_sent_once_more_have_arrived() -> None:
    again = ended("superseded", "repeats job c.0")

    assert again.complete
    assert "superseded image present none, a repeat" in " ".join(shown(again).split())


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ("superseded", "a newer version of this publication has been applied"),
        ("dead_lettered", "forbidden: GET https://x: 403"),
    ],
)
def test_a_job_that_ended_otherwise_has_not_arrived(outcome: str, reason: str) -> None:
    report = ended(outcome, reason)

    assert not report.complete
    assert "Not everything arrived; see .local/logs." in shown(report)
