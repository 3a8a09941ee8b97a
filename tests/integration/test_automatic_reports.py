"""The relay itself reports what became of a publication, once its file is where it has to be."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from cmp_relay.commands import read_command_job
from cmp_relay.mirroring import LEASE_SECONDS
from cmp_relay.report_duties import Duties
from tests.integration.test_files import COPY, PICTURE, RULES, Relay
from tests.support.fake_metadata import link as metadata_link
from tests.support.file_server import Reply, a_file, file_server
from tests.support.killer import ProcessKilled
from tests.support.publish_jobs import body, entry, link, receipt
from tests.support.worker_stack import WorkerStack

BASE = "https://files.example.com"
Told = tuple[str, str, str | None]


class Publisher(Relay):
    """Publishes an image with reports on."""

    def tell(self, event_name: str, event_id: str = "event-1", **fields: Any) -> list[str]:  # noqa: ANN401
        """Deliver a publish event and return the file jobs that come of it."""
        self.deliveries += 1
        self.stack.sleep(60)
        moment = self.stack.clock()
        if "modified_at" in fields:
            self.show(modified_at=fields["modified_at"])
        gone = event_name == "asset_unpublished"
        told = {"id": "image-1", "links": {"self": link("image-1")}} if gone else entry(**fields)
        raw = body(event_name, [told], event_id)
        (job,) = self.stack.deliver(raw, receipt(f"delivery-{self.deliveries}", moment))
        assert self.stack.work(job) == []
        return self.stack.file_jobs()

    def live(self, event_name: str, event_id: str = "event-1", **fields: Any) -> list[Told]:  # noqa: ANN401
        """Deliver a publish event, let its file jobs be done, and return what is reported."""
        for job in self.tell(event_name, event_id, **fields):
            assert self.work(job) == []
        return self.reported()

    def reported(self) -> list[Told]:
        """Return publishing event, status and URL of the reports that were commanded."""
        told = [command["arguments"] for command in self.stack.commands()]
        return [(one["publishing_event_id"], one["status"], one.get("public_url")) for one in told]


@pytest.fixture
def publisher(stack: WorkerStack) -> Iterator[Publisher]:
    stack.duties = Duties(is_on=True, base=BASE, bucket="assets", own_bucket="assets")
    with file_server() as host:
        host.reply = a_file(PICTURE, "image/jpeg")
        made = Publisher(stack, host)
        made.show()
        yield made


@pytest.mark.parametrize("rules", ["", RULES], ids=["stored", "copied"])
def test_a_publication_is_reported_with_the_url_of_its_file(
    publisher: Publisher, rules: str
) -> None:
    publisher.rules = rules
    publisher.show(title="Häfen & Schiffe.jpg")
    assert publisher.work(*publisher.tell("asset_published")) == []

    (command,) = publisher.stack.commands()

    key = COPY if rules else next(iter(publisher.stack.objects()))
    assert command["arguments"] == {
        "publishing_metadata_link": metadata_link("event-1"),
        "publishing_event_id": "event-1",
        "asset_id": "image-1",
        "status": "published",
        "public_url": f"{BASE}/{quote(key)}",
        "keep_existing": True,
    }
    read = read_command_job(json.dumps(command))
    assert (read.command, read.problem) == ("report_publication", None)


def test_each_state_of_each_publication_is_reported_once(publisher: Publisher) -> None:
    url = f"{BASE}/{COPY}"
    assert publisher.live("asset_published") == [("event-1", "published", url)]
    assert publisher.live("asset_published", modified_at="2026-11-21T12:30:00Z") == []
    assert publisher.live("asset_synced", modified_at="2026-11-21T12:31:00Z") == [
        ("event-1", "synced", url)
    ]
    assert publisher.live("asset_published", "event-2") == [("event-2", "published", url)]
    assert publisher.live("asset_unpublished") == [("event-1", "unpublished", None)]
    assert publisher.live("asset_published", modified_at="2026-11-21T12:40:00Z") == [
        ("event-1", "published", url)
    ]
    publisher.show(version_number=8)
    publisher.follow()
    assert publisher.reported() == []


def test_commands_of_one_publication_have_ids_of_their_own(publisher: Publisher) -> None:
    ids = []
    for event_name, minute in [("published", 10), ("unpublished", 0), ("published", 20)]:
        told = {"modified_at": f"2026-11-21T12:{minute}:00Z"} if minute else {}
        assert publisher.work(*publisher.tell(f"asset_{event_name}", **told)) == []
        ids += [command["command_id"] for command in publisher.stack.commands()]

    assert len(set(ids)) == len(ids) == 3
    assert {command_id.split(".")[1] for command_id in ids} == {"published", "unpublished"}


def test_an_unpublish_with_an_event_of_its_own_ends_and_is_told_of_both(
    publisher: Publisher,
) -> None:
    publisher.live("asset_published")

    assert sorted(publisher.live("asset_unpublished", "event-2")) == [
        ("event-1", "unpublished", None),
        ("event-2", "unpublished", None),
    ]


def test_nothing_is_published_before_its_file_is_there(publisher: Publisher) -> None:
    publisher.host.reply = lambda _: Reply(503)
    (job,) = publisher.tell("asset_published")

    assert publisher.work(job) != []
    assert publisher.reported() == []

    publisher.host.reply = a_file(PICTURE, "image/jpeg")
    assert publisher.work(job) == []
    assert publisher.reported() == [("event-1", "published", f"{BASE}/{COPY}")]


def test_an_unpublish_is_reported_after_the_withdrawal(publisher: Publisher) -> None:
    publisher.rules = "when=published -> website/"
    publisher.live("asset_published")
    (job,) = publisher.tell("asset_unpublished")
    publisher.stack.killer.kill_at("DeleteObject", after=False)
    with pytest.raises(ProcessKilled):
        publisher.work(job)
    publisher.stack.killer.spare()
    assert publisher.reported() == []
    publisher.stack.lease_clock.advance(LEASE_SECONDS + 1)

    assert publisher.work(job) == []

    assert "website/image-1.jpg" not in publisher.stack.objects()
    assert publisher.reported() == [("event-1", "unpublished", None)]


def test_what_is_in_no_public_bucket_is_not_reported_as_published(publisher: Publisher) -> None:
    publisher.stack.duties = Duties(is_on=True, base=BASE, bucket="public", own_bucket="assets")
    publisher.stack.s3.create_bucket(
        Bucket="public", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    publisher.rules = "label=Review/None -> website/"
    publisher.options = {"repository": "public"}
    assert publisher.live("asset_published") == []

    publisher.rules = RULES
    publisher.show(title="Another label", labels=[*publisher_labels()])
    publisher.follow()

    assert publisher.reported() == [("event-1", "published", f"{BASE}/{COPY}")]


def publisher_labels() -> list[dict[str, Any]]:
    group = {"group": {"id": "1", "name": "Review"}}
    values = [{"id": "2", "name": "Approved"}, {"id": "3", "name": "Again"}]
    return [{**group, "values": values}]


def test_without_a_base_a_report_has_no_url(publisher: Publisher) -> None:
    publisher.stack.duties = Duties(is_on=True, base="", bucket="assets", own_bucket="assets")

    assert publisher.live("asset_published") == [("event-1", "published", None)]


def test_a_link_that_is_none_is_left_out(publisher: Publisher, caplog: Any) -> None:  # noqa: ANN401
    (job,) = publisher.tell("asset_published", "event/../1")

    assert publisher.work(job) == []

    assert publisher.reported() == []
    assert "publication cannot be reported" in caplog.text


def test_while_reports_are_off_nothing_changes(publisher: Publisher) -> None:
    publisher.stack.duties = Duties(is_on=False, base=BASE, bucket="assets", own_bucket="assets")
    assert publisher.live("asset_published") == []

    assert publisher.tell("asset_published", "event-2") == [], "a publication asks for no file job"
    assert not publisher.files().keys() & {"reported", "commands"}

    publisher.stack.duties = Duties(is_on=True, base=BASE, bucket="assets", own_bucket="assets")
    publisher.show(version_number=8)
    publisher.follow()
    assert sorted(event_id for event_id, _, _ in publisher.reported()) == ["event-1", "event-2"]


def test_who_dies_at_any_call_reports_the_same_and_under_one_id(publisher: Publisher) -> None:
    def story() -> list[str]:
        publisher.live("asset_published")
        jobs = publisher.tell("asset_unpublished")
        publisher.stack.killer.calls.clear()
        return jobs

    stack = publisher.stack
    began = stack.clock.milliseconds
    assert publisher.work(*story()) == []
    calls, (expected,) = len(stack.killer.calls), stack.commands()

    for call in range(calls):
        stack.empty()
        stack.clock.milliseconds, publisher.deliveries = began, 0
        jobs = story()
        stack.killer.kill_at(call, after=True)
        with pytest.raises(ProcessKilled):
            publisher.work(*jobs)
        stack.killer.spare()
        stack.lease_clock.advance(LEASE_SECONDS + 1)

        assert publisher.work(*jobs) == [], call

        commands = stack.commands()
        assert {command["command_id"] for command in commands} == {expected["command_id"]}, call
        assert all(command == commands[0] for command in commands), call
        assert "commands" not in publisher.files(), call
