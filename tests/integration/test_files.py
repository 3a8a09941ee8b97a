"""Files follow the state of their asset: brought, copied by rule, replaced and withdrawn."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cmp_relay.errors import ForbiddenError, NotFoundError
from cmp_relay.mirroring import LEASE_SECONDS
from tests.support import library_jobs
from tests.support.clock import NOON
from tests.support.file_server import FileServer, Replies, Reply, a_file, file_server
from tests.support.killer import ProcessKilled
from tests.support.publish_jobs import body, entry, link, receipt
from tests.support.worker_stack import CONTEXT, WorkerStack

PICTURE = b"\xff\xd8 a picture"
RULES = "kind=image label=Review/Approved -> website/images/"
APPROVED = [{"group": {"id": "1", "name": "Review"}, "values": [{"id": "2", "name": "Approved"}]}]
OBJECT = "assets/image/image-1/7/Harbour.jpg"
DETAILS = "assets/image/image-1/details.json"
COPY = "website/images/image-1.jpg"


@pytest.fixture
def host() -> Iterator[FileServer]:
    with file_server() as server:
        server.reply = a_file(PICTURE, "image/jpeg")
        yield server


class Relay:
    """A library worker and a worker of files with one asset between them."""

    def __init__(self, stack: WorkerStack, host: FileServer) -> None:
        self.stack = stack
        self.host = host
        self.rules = RULES
        self.deliveries = 0
        self.options: dict[str, Any] = {}

    def show(self, **fields: object) -> None:
        """Let CMP's library show the asset."""
        self.stack.api.resources[link("image-1")] = {
            "id": "image-1",
            "title": "Harbour.jpg",
            "url": f"{self.host.url}/image-1",
            "mime_type": "image/jpeg",
            "file_extension": "jpg",
            "file_size": len(PICTURE),
            "version_number": 7,
            "labels": APPROVED,
            "file_location": "Marketing",
            "modified_at": "2026-11-21T11:30:00Z",
            **fields,
        }

    def hear(self, event_name: str = "asset_modified") -> list[str]:
        """Deliver a library event and return the file jobs that come of it."""
        self.deliveries += 1
        self.stack.sleep(60)
        raw = library_jobs.body(event_name)
        came = receipt(f"delivery-{self.deliveries}", self.stack.clock() - 10_000)
        (job,) = self.stack.deliver(raw, came)
        assert self.stack.work(job) == []
        return self.stack.file_jobs()

    def work(self, *jobs: str) -> list[str]:
        """Let a new worker have file jobs and return those that come back."""
        worker = self.stack.file_worker(self.host.url, self.rules, **self.options)
        answer = worker.handle(self.stack.event(*jobs), CONTEXT)
        return [str(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]

    def follow(self, event_name: str = "asset_modified") -> None:
        """Deliver a library event and let its file jobs be done."""
        assert self.work(*self.hear(event_name)) == []

    def publish(self, event_name: str, **fields: Any) -> None:  # noqa: ANN401
        """Deliver a publish event and let all that comes of it be done."""
        self.deliveries += 1
        self.stack.sleep(60)
        raw = body(event_name, [entry(**fields)])
        (job,) = self.stack.deliver(raw, receipt(f"delivery-{self.deliveries}", self.stack.clock()))
        if self.stack.work(job):
            self.stack.sleep(60)  # not found: it is asked for once more
            assert self.stack.work(job) == []
        assert self.work(*self.stack.file_jobs()) == []

    def files(self) -> dict[str, Any]:
        """Return the item of the asset's files."""
        (found,) = self.stack.items("FILES#image-1")
        return found


@pytest.fixture
def relay(stack: WorkerStack, host: FileServer) -> Relay:
    made = Relay(stack, host)
    made.show()
    return made


def test_a_file_is_brought_and_copied_to_the_folder_of_its_rule(relay: Relay) -> None:
    relay.follow("asset_added")

    assert relay.stack.objects() == {OBJECT: PICTURE, COPY: PICTURE}
    head = relay.stack.s3.head_object(Bucket="assets", Key=COPY)
    assert head["ContentType"] == "image/jpeg"
    (event,) = [e for e in relay.stack.announced() if e["detail-type"] == "AssetFilesChanged"]
    (file,) = event["detail"]["files"]
    assert (file["object"], file["copy"], file["size"], file["mime_type"]) == (
        {"bucket": "assets", "key": OBJECT},
        {"bucket": "assets", "key": COPY},
        len(PICTURE),
        "image/jpeg",
    )


def test_a_file_that_is_there_is_not_downloaded_again(relay: Relay) -> None:
    relay.follow("asset_added")

    relay.show(title="Another title", labels=[*APPROVED, *APPROVED])
    relay.follow()

    assert len(relay.host.asked) == 1
    assert relay.stack.objects().keys() == {OBJECT, COPY}


def test_a_change_of_nothing_that_concerns_files_asks_for_none(relay: Relay) -> None:
    relay.follow("asset_added")

    relay.show(description="Another one", modified_at="2026-11-21T11:40:00Z")

    assert relay.hear() == []


def test_a_new_version_takes_the_place_of_the_old_one(relay: Relay) -> None:
    relay.follow("asset_added")

    newer = PICTURE + b", retouched"
    relay.host.reply = a_file(newer, "image/jpeg")
    relay.show(version_number=8, file_size=len(newer))
    relay.follow()

    assert relay.stack.objects() == {"assets/image/image-1/8/Harbour.jpg": newer, COPY: newer}


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({"labels": []}, {OBJECT}),
        ({"is_archived": True}, {OBJECT}),
        ({"expires_at": "2026-11-21T11:00:00Z"}, {OBJECT}),
        ({"url": None}, set()),
    ],
    ids=["relabelled", "archived", "expired", "without a file"],
)
def test_a_copy_goes_once_its_rule_does_not_match(
    relay: Relay, change: dict[str, object], left: set[str]
) -> None:
    relay.follow("asset_added")

    relay.show(**change)
    relay.follow()

    assert relay.stack.objects().keys() == left


def test_a_copy_moves_with_the_rule_that_matches(relay: Relay) -> None:
    relay.rules = "folder=/Press -> press/; folder=/Marketing -> marketing/"
    relay.follow("asset_added")
    assert relay.stack.objects().keys() == {OBJECT, "marketing/image-1.jpg"}

    relay.show(file_location="Press/2026")
    relay.follow()

    assert relay.stack.objects().keys() == {OBJECT, "press/image-1.jpg"}


def test_a_copy_is_withdrawn_also_if_the_new_version_cannot_be_had(relay: Relay) -> None:
    relay.follow("asset_added")

    relay.host.reply = lambda _: Reply(503)
    relay.show(version_number=8, labels=[])
    jobs = relay.hear()

    assert len(relay.work(*jobs)) == 1
    assert relay.stack.objects().keys() == {OBJECT}


def test_nothing_is_left_of_an_asset_that_is_removed(relay: Relay) -> None:
    relay.follow("asset_added")

    relay.stack.api.resources.clear()
    relay.follow("asset_removed")

    assert relay.stack.objects() == {}
    assert (relay.files()["claims"], relay.files()["files"]) == ([], {})


def test_what_is_withdrawn_can_be_kept(relay: Relay) -> None:
    relay.options = {"keep_withdrawn": True}
    relay.follow("asset_added")

    relay.show(labels=[])
    relay.follow()

    assert relay.stack.objects().keys() == {OBJECT, COPY}
    assert relay.files()["files"]["file"]["copy"] is None


def test_what_is_published_is_withdrawn_with_the_publication(relay: Relay) -> None:
    relay.rules = "when=published -> website/"
    raw = body("asset_published", [entry()])
    (job,) = relay.stack.deliver(raw, receipt("published"))
    assert relay.stack.work(job) == []
    assert relay.work(*relay.stack.file_jobs()) == []
    assert "website/image-1.jpg" in relay.stack.objects()

    end = body("asset_unpublished", [{"id": "image-1", "links": {"self": link("image-1")}}])
    (job,) = relay.stack.deliver(end, receipt("unpublished", NOON + 1000))
    assert relay.stack.work(job) == []
    assert relay.work(*relay.stack.file_jobs()) == []

    assert relay.stack.objects().keys() == {OBJECT}


@pytest.mark.parametrize(
    "refusal", [ForbiddenError("GET: 403", status=403), NotFoundError("GET: 404", status=404)]
)
def test_what_cmp_shows_no_more_keeps_its_folder_and_its_file_when_it_is_published_again(
    relay: Relay, refusal: Exception
) -> None:
    relay.rules = "folder=/Marketing when=published -> website/images/"
    relay.publish("asset_published")
    shown = dict(relay.stack.documents()[DETAILS]["asset"])
    relay.stack.api.resources[link("image-1")] = refusal
    file = {"url": f"{relay.host.url}/cdn/image-1", "file_size": str(len(PICTURE))}
    told = entry(**file, title="Delivered", modified_at="2026-11-21T12:01:30Z")

    relay.publish("asset_synced", **{**told, "url": f"{file['url']}?token=secret"})

    assert relay.stack.objects() == {OBJECT: PICTURE, COPY: PICTURE}
    assert len(relay.host.asked) == 1
    details = relay.stack.documents()[DETAILS]
    assert (details["details_source"], details["asset"]) == ("delivery", {**shown, **told})
    assert relay.stack.asset()["title"] == "Delivered"


def test_what_cmp_shows_no_more_has_the_new_file_that_is_published(relay: Relay) -> None:
    relay.rules = "folder=/Marketing when=published -> website/images/"
    relay.publish("asset_published")
    relay.stack.api.resources[link("image-1")] = ForbiddenError("GET: 403", status=403)
    newer = PICTURE + b", retouched"
    relay.host.reply = a_file(newer, "image/jpeg")

    relay.publish(
        "asset_synced",
        url=f"{relay.host.url}/another",
        file_size=len(newer),
        mime_type="image/jpeg",
        modified_at="2026-11-21T12:01:30Z",
    )

    objects = relay.stack.objects()
    (key,) = objects.keys() - {COPY}
    assert objects == {key: newer, COPY: newer}
    assert key != OBJECT
    assert "version_number" not in relay.stack.documents()[DETAILS]["asset"]


def test_an_expired_asset_is_marked_and_loses_its_copy(relay: Relay) -> None:
    relay.show(expires_at="2026-11-21T12:05:00Z")
    relay.follow("asset_added")
    (expiry,) = relay.stack.items("EXPIRY#")
    assert (expiry["listing"], expiry["modified_at"]) == ("expiring", "2026-11-21T12:05:00.000Z")
    assert COPY in relay.stack.objects()

    relay.stack.sleep(600)
    found = {**json.loads(library_jobs.message("asset_modified")), "event_name": "asset_expired"}
    found |= {"cause": "reconcile", "job_id": "expiry.1", "received_at": relay.stack.clock()}
    expiry_of = relay.stack.event(json.dumps(found))
    assert relay.stack.library_worker().handle(expiry_of, CONTEXT) == {"batchItemFailures": []}
    assert relay.work(*relay.stack.file_jobs()) == []

    assert relay.stack.asset()["expired"] is True
    assert relay.stack.items("EXPIRY#") == []
    assert relay.stack.objects().keys() == {OBJECT}
    told = [e["detail"] for e in relay.stack.announced() if "Library" in e["detail-type"]]
    assert [(each["asset"]["expired"], each["delivery"] is None) for each in told] == [
        (False, False),
        (True, True),
    ]


def test_a_private_file_is_fetched_by_a_link_with_a_token(relay: Relay) -> None:
    served = a_file(PICTURE, "image/jpeg")
    relay.host.reply = lambda asked: served(asked) if "token=1" in asked.path else Reply(403)
    relay.stack.api.urls["image-1"] = f"{relay.host.url}/image-1?token=1"

    relay.follow("asset_added")

    assert relay.stack.objects()[OBJECT] == PICTURE
    assert relay.stack.api.asked[-1].startswith("file-urls/image-1")
    assert "token" not in json.dumps(relay.stack.items(""), default=str)


def test_a_private_file_of_an_unknown_guid_is_a_dead_letter(relay: Relay) -> None:
    relay.host.reply = lambda _: Reply(401)

    relay.follow("asset_added")

    ((_, why),) = relay.stack.dead_letters()
    assert (why["reason"], why["event_name"]) == ("file_guid_unknown", "asset_file")
    assert relay.stack.objects() == {}


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (a_file(PICTURE + b"!", "image/jpeg"), "file_length"),
        (a_file(b"<html>", "text/html"), "file_type"),
        (lambda _: Reply(302, {"Location": "https://elsewhere.example.com/"}), "untrusted_link"),
        (lambda _: Reply(404), "file_not_found"),
        (
            lambda _: Reply(200, {"Content-Type": "image/jpeg"}, iter(lambda: b"x" * 9999, b"")),
            "file_length",
        ),
    ],
    ids=["length", "type", "redirect", "missing", "endless"],
)
def test_a_download_that_is_not_what_cmp_told_leaves_no_object(
    relay: Relay, reply: Replies, reason: str
) -> None:
    relay.host.reply = reply
    (job,) = relay.hear("asset_added")

    while relay.work(job):
        relay.stack.sleep(900)

    ((_, why),) = relay.stack.dead_letters()
    assert why["reason"] == reason
    assert relay.stack.objects() == {}
    assert relay.stack.asset()["library"] == "present"


def test_an_older_job_is_covered_by_a_newer_one(relay: Relay) -> None:
    (older,) = relay.hear("asset_added")
    relay.show(labels=[])
    (newer,) = relay.hear()

    assert relay.work(newer) == []
    assert relay.work(older) == []

    assert len(relay.host.asked) == 1
    outcomes = relay.stack.outcomes()
    assert [outcomes[json.loads(each)["job_id"]] for each in (older, newer)] == [
        "superseded",
        "applied",
    ]


def test_who_dies_at_any_call_leaves_nothing_behind(relay: Relay) -> None:
    def story() -> list[str]:
        relay.host.reply = a_file(PICTURE, "image/jpeg")
        relay.show()
        relay.follow("asset_added")
        newer = PICTURE + b", retouched"
        relay.host.reply = a_file(newer, "image/jpeg")
        relay.show(version_number=8, file_size=len(newer), file_extension="png")
        jobs = relay.hear()
        relay.stack.killer.calls.clear()
        return jobs

    assert relay.work(*story()) == []
    calls, expected = len(relay.stack.killer.calls), relay.stack.objects()
    heard = len({event["detail"]["id"] for event in relay.stack.announced()})
    claims = relay.files()["claims"]

    for call in range(calls):
        relay.stack.empty()
        jobs = story()
        relay.stack.killer.kill_at(call, after=True)
        with pytest.raises(ProcessKilled):
            relay.work(*jobs)
        relay.stack.killer.spare()
        relay.stack.lease_clock.advance(LEASE_SECONDS + 1)

        assert relay.work(*jobs) == [], call
        assert relay.stack.objects() == expected, call
        assert relay.files()["claims"] == claims, call
        assert len({event["detail"]["id"] for event in relay.stack.announced()}) == heard, call
