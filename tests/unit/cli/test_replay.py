"""A replay: which jobs it gives, how they differ from the first ones, and how it holds back."""

import dataclasses
import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cmp_relay import archive, jobs, work_views
from cmp_relay.deliveries import Receipt
from cmp_relay.outcomes import Outcomes
from cmp_relay_cli import replay, status
from cmp_relay_cli.app import app
from cmp_relay_cli.errors import MissingError, UsageError
from cmp_relay_cli.replay import Wanted
from cmp_relay_cli.stack import Choice, Stack
from tests.support import samples

MORNING = 1_763_708_400_000  # 2025-11-21T07:00Z
DAY = 24 * 3600 * 1000


class Objects:
    """What the archive writes through."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def put_object(self, bucket: str, key: str, body: bytes, content_type: str) -> None:
        self.stack.s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)


def archived(stack: Stack, name: str, received_at: int, event: str = "asset_published") -> None:
    """Archive a sample as the receiver does."""
    receipt = Receipt(name, received_at, "website", archive.key(name, received_at))
    document = archive.document(receipt, samples.raw(event), request_id="r", headers={})
    archive.store(Objects(stack), stack.archive, receipt, document)


def quiet(_: int) -> None:
    """Show no progress."""


def found(stack: Stack, wanted: Wanted) -> list[dict[str, Any]]:
    return replay.find(stack, wanted, quiet)


def messages(stack: Stack, queue: str) -> list[dict[str, Any]]:
    """Take all messages off a queue."""
    taken = []
    while batch := stack.sqs.receive_message(
        QueueUrl=stack.queue(queue), MaxNumberOfMessages=10, VisibilityTimeout=900
    ).get("Messages"):
        taken += [json.loads(message["Body"]) for message in batch]
    return taken


def test_finds_jobs_by_time_event_asset_and_delivery(stack: Stack) -> None:
    archived(stack, "one", MORNING)
    archived(stack, "two", MORNING + DAY, "asset_modified")
    archived(stack, "three", MORNING + 3 * DAY)
    everything = found(stack, Wanted(MORNING, MORNING + 4 * DAY))

    assert list(dict.fromkeys(job["delivery_id"] for job in everything)) == ["one", "two", "three"]
    day = found(stack, Wanted(MORNING + 1, MORNING + 3 * DAY))
    assert {job["delivery_id"] for job in day} == {"two"}
    modified = found(stack, Wanted(MORNING, MORNING + 4 * DAY, events=["asset_modified"]))
    assert modified == day
    asset_id = everything[0]["asset"]["id"]
    own = found(stack, Wanted(MORNING, MORNING + DAY, assets=[asset_id]))
    assert [job["asset"]["id"] for job in own] == [asset_id]
    named = Wanted(MORNING - 10 * DAY, MORNING + 4 * DAY, deliveries=["three"])
    assert {job["delivery_id"] for job in found(stack, named)} == {"three"}
    with pytest.raises(MissingError, match="nobody is not in the archive"):
        found(stack, Wanted(MORNING, MORNING + DAY, deliveries=["nobody"]))
    with pytest.raises(MissingError, match=r"three is .* received before 2025-11-\d\dT"):
        found(stack, Wanted(MORNING, MORNING + DAY, deliveries=["three"]))


def test_gives_jobs_that_keep_their_receipt_and_yield_to_live_ones(stack: Stack) -> None:
    archived(stack, "one", MORNING)
    wanted = found(stack, Wanted(MORNING, MORNING + DAY))

    given = replay.send(stack, wanted, "run", 1000, quiet, sleep=lambda _: None)

    assert given == len(wanted)
    taken = [jobs.read_publish_job(json.dumps(each)) for each in messages(stack, "AssetPublished")]
    assert {job.job_id for job in taken} == {f"replay.run.{each['job_id']}" for each in wanted}
    assert {(job.received_at, job.cause, job.lane) for job in taken} == {
        (MORNING, "replay", "bulk")
    }


def test_goes_on_where_it_was_stopped(stack: Stack) -> None:
    archived(stack, "one", MORNING)
    wanted = found(stack, Wanted(MORNING, MORNING + DAY))
    first = jobs.read_publish_job(json.dumps(replay.again(wanted[0], "run")))
    Outcomes(stack.dynamodb, stack.table).begin(first, "seen")

    given = replay.send(stack, wanted, "run", 1000, quiet, sleep=lambda _: None)

    assert given == len(wanted) - 1
    assert first.job_id not in {job["job_id"] for job in messages(stack, "AssetPublished")}
    assert replay.outcomes(stack, wanted, "run") == {"in flight": len(wanted)}


class TestResuming:
    """`--resume` names a replay that workers have seen, and no other one."""

    NAME = "2025-11-21T08:00:00.000Z"

    @pytest.fixture(autouse=True)
    def begun(self, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
        """Give the first job of a replay, which its worker sees, and stop."""
        monkeypatch.setattr(Choice, "find", lambda _: stack)
        archived(stack, "one", MORNING)
        first = replay.again(found(stack, Wanted(MORNING, MORNING + 1))[0], self.NAME)
        seen = jobs.read_publish_job(json.dumps(first))
        Outcomes(stack.dynamodb, stack.table).begin(seen, "seen")

    def resumed(self, name: str) -> Result:
        words = ["replay", "--since", "2h", "--resume", name, "--yes", "--json"]
        return CliRunner().invoke(app, words)

    @pytest.mark.parametrize("name", [NAME, "2025-11-21T08:00Z", "2025-11-21T09:00:00+01:00"])
    def test_a_name_may_be_written_in_any_way(self, stack: Stack, name: str) -> None:
        told = json.loads(self.resumed(name).stdout)

        assert told["replay"] == self.NAME
        assert told["given"] == told["jobs"] - 1
        given = {job["job_id"] for job in messages(stack, "AssetPublished")}
        assert len(given) == told["given"]
        assert all(job_id.startswith(f"replay.{self.NAME}.") for job_id in given)

    @pytest.mark.parametrize("name", ["2h", "x", ""])
    def test_what_names_no_replay_is_refused(self, stack: Stack, name: str) -> None:
        ended = self.resumed(name)

        assert isinstance(ended.exception, UsageError)
        assert messages(stack, "AssetPublished") == []

    def test_a_replay_that_nobody_has_seen_is_not_begun(self, stack: Stack) -> None:
        ended = self.resumed("2025-11-21T08:00:01Z")

        assert isinstance(ended.exception, MissingError)
        assert "2025-11-21T08:00:01.000Z" in str(ended.exception)
        assert messages(stack, "AssetPublished") == []


@pytest.mark.parametrize("place", ["waiting", "with a worker"])
def test_holds_back_while_the_queue_is_long_and_never_exceeds_its_rate(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    for number in range(4):
        archived(stack, f"d{number}", MORNING + number)
    wanted = found(stack, Wanted(MORNING, MORNING + DAY))
    monkeypatch.setattr(replay, "PIECE", 5)
    counts = [0, replay.MOST_WAITING + 1, replay.MOST_WAITING + 1, replay.MOST_WAITING]

    def look(*_: object) -> tuple[int, int]:
        count = counts.pop(0) if len(counts) > 1 else counts[0]
        return (count, 0) if place == "waiting" else (0, count)

    monkeypatch.setattr(status, "counts", look)
    slept: list[float] = []

    replay.send(stack, wanted, "run", 10, quiet, sleep=slept.append)

    pieces = -(-len(wanted) // 5)
    assert pieces > 2
    assert slept.count(replay.PAUSE_SECONDS) == 2
    assert slept.count(0.5) == pieces - 1


def test_counts_a_request_for_what_the_catalogue_does_not_cover(stack: Stack) -> None:
    archived(stack, "one", MORNING)
    archived(stack, "two", MORNING + 1, "asset_unpublished")
    wanted = found(stack, Wanted(MORNING, MORNING + DAY))
    published = [job for job in wanted if job["event_name"] == "asset_published"]
    assets = {job["asset"]["id"] for job in published}
    assert replay.cost(stack, wanted)["requests_at_most"] == len(assets)

    stack.dynamodb.put_item(
        TableName=stack.table,
        Item={
            "pk": {"S": f"ASSET#{published[0]['asset']['id']}"},
            "sk": {"S": "ASSET"},
            "asset_id": {"S": published[0]["asset"]["id"]},
            "details_source": {"S": "library"},
            "fetch_began_at": {"N": str(MORNING + 2000)},
        },
    )

    cost = replay.cost(stack, wanted)
    assert cost["requests_at_most"] == len(assets) - 1
    assert cost["events"] == {
        "asset_published": len(published),
        "asset_unpublished": len(wanted) - len(published),
    }


@pytest.mark.parametrize(
    ("event", "parameters", "requests"),
    [
        ("asset_modified", {}, 1),
        ("asset_modified", {"DetailRenditions": "true", "DetailCustomFields": "false"}, 2),
        ("asset_modified", {"DetailRenditions": "true", "DetailCustomFields": "true"}, 3),
        ("external_sub_step_started", {}, work_views.ERRAND),
        ("external_sub_step_comment_added", {}, work_views.ERRAND + 1),
        ("external_sub_step_comment_removed", {}, work_views.ERRAND),
        ("task_added", {"EnrichEvents": "campaign,task"}, 1),
        ("task_added", {"EnrichEvents": "campaign"}, 0),
        ("task_added", {"EnrichEvents": "none"}, 0),
    ],
)
def test_counts_as_many_requests_as_the_worker_of_an_event_may_send(
    stack: Stack, event: str, parameters: dict[str, str], requests: int
) -> None:
    archived(stack, "one", MORNING, event)
    stack = dataclasses.replace(stack, parameters={**stack.parameters, **parameters})
    (job,) = found(stack, Wanted(MORNING, MORNING + DAY))

    assert replay.requests(stack, [job]) == requests


def test_an_older_job_may_ask_though_the_newest_is_covered(stack: Stack) -> None:
    archived(stack, "one", MORNING)
    (first, *_) = found(stack, Wanted(MORNING, MORNING + DAY))
    asset = first["asset"]
    later = {**first, "event_name": "asset_modified", "received_at": MORNING + 1}
    stack.dynamodb.put_item(
        TableName=stack.table,
        Item={
            "pk": {"S": f"ASSET#{asset['id']}"},
            "sk": {"S": "ASSET"},
            "asset_id": {"S": asset["id"]},
            "details_source": {"S": "delivery"},
            "seen_at": {"N": str(MORNING + DAY)},
        },
    )

    assert replay.requests(stack, [later]) == 0
    assert replay.requests(stack, [first, later]) == 1
