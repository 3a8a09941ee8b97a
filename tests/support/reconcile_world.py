"""A library of CMP that can be listed and changes while it is, and the relay's run through it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cmp_relay import times
from cmp_relay.catalogue import AssetState, Catalogue, Record
from cmp_relay.checkpoints import Checkpoints
from cmp_relay.leases import Leases
from cmp_relay.library_queue import LibraryQueue
from cmp_relay.reconcile_table import ReconcileTable
from cmp_relay.reconciliation import Reconciliation
from cmp_relay.runs import Checkpoint, Pace, Rhythm
from cmp_relay.sightings import Sightings
from tests.support import environment
from tests.support.clock import NOON
from tests.support.publish_jobs import API, link
from tests.support.worker_stack import CONTEXT, WorkerStack, clients

LISTING = f"{API}/assets"
HOUR = 3600
DAY = 24 * HOUR


class Library(dict[str, Any]):
    """The resources of CMP by their links, with a listing of those that are assets.

    `meanwhile` is what happens before each page is given; `pages` are the links that were asked.
    """

    def __init__(self) -> None:
        """Hold nothing."""
        super().__init__()
        self.meanwhile: list[Callable[[], object]] = []
        self.pages: list[str] = []
        self.trouble: Exception | None = None

    def put(self, asset_id: str, changed_at: int = NOON - DAY * 1000, **fields: object) -> None:
        """Add an asset or change it (`changed_at` in ms)."""
        self[link(asset_id)] = {
            "id": asset_id,
            "type": "image",
            "title": asset_id,
            "modified_at": times.iso(changed_at),
            "is_archived": False,
            "owner_organization_id": "organization-1",
            "labels": [],
            "links": {"self": link(asset_id)},
            **fields,
        }

    def fill(self, *asset_ids: str) -> None:
        """Add assets, the later the older."""
        for place, asset_id in enumerate(asset_ids):
            self.put(asset_id, NOON - DAY * 1000 - place * 60_000)

    def delete(self, asset_id: str) -> None:
        """Delete an asset."""
        del self[link(asset_id)]

    def get(self, href: str, default: Any = None) -> Any:  # noqa: ANN401 - as a dict has it
        """Return what stands at a link, a page of the listing too."""
        if not href.startswith(LISTING):
            return super().get(href, default)
        self.pages.append(href)
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return self.trouble or self._page(href)

    def _page(self, href: str) -> Mapping[str, Any]:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(href).query).items()}
        since = asked.get("modified_at__from", "")
        found = sorted(
            (row for row in self.values() if str(row["modified_at"]) >= since),
            key=lambda row: (str(row["modified_at"]), str(row["id"])),
            reverse=True,
        )
        start, size = int(asked.get("offset", 0)), int(asked["page_size"])
        after = f"{href.split('&offset=')[0]}&offset={start + size}"
        return {
            "data": found[start : start + size],
            "pagination": {"next": after if start + size < len(found) else None, "previous": None},
            "total_count": len(found),
        }


@dataclass
class ReconcileWorld:
    """The workers' stack beside a library, and the reconciliation between them."""

    stack: WorkerStack
    library: Library = field(default_factory=Library)
    rhythm: Rhythm = field(default_factory=lambda: Rhythm(24, 7))
    pace: Pace = field(default_factory=lambda: Pace(share=100, per_minute=60_000))
    seconds_left: float = 240
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Create the queue of library jobs, and let the fake of CMP show the library."""
        self.stack.sqs.create_queue(QueueName="library")
        self.stack.api.resources = self.library

    def reconciliation(self) -> Reconciliation:
        """Build the reconciliation as a new execution environment would."""
        table, objects, _, queues = clients("workers")
        return Reconciliation(
            api=self.stack.api,
            permits=self.stack.permits("bulk"),
            base=API,
            leases=Leases(table, "catalogue", now=self.stack.lease_clock.seconds),
            checkpoints=Checkpoints(table, "catalogue"),
            table=ReconcileTable(table, "catalogue"),
            sightings=Sightings(objects, "assets"),
            queue=LibraryQueue(queues, environment.queue_url("library")),
            rhythm=self.rhythm,
            pace=self.pace,
            max_removal_share=5,
            now=self.stack.clock,
            sleep=self._sleep,
        )

    def know(self, *asset_ids: str) -> None:
        """Let the library have assets, and a run have brought them all an hour ago."""
        self.library.fill(*asset_ids)
        catalogue = Catalogue(self.stack.dynamodb, "catalogue")
        for asset_id in asset_ids:
            blank = Record(AssetState(asset_id, "image"))
            shown = AssetState(
                asset_id,
                "image",
                library="present",
                title=asset_id,
                modified_at=times.read(self.library[link(asset_id)]["modified_at"]),
                href=link(asset_id),
                seen_at=self.stack.clock(),
            )
            catalogue.write(blank, Record(shown))
        ran = Checkpoint(watermark=NOON, began_at=NOON, full_at=NOON)
        Checkpoints(self.stack.dynamodb, "catalogue").write(ran)
        self.stack.sleep(HOUR)

    def checkpoint(self) -> Checkpoint:
        """Return the checkpoint."""
        return Checkpoints(self.stack.dynamodb, "catalogue").read()

    def tick(self, run: str | None = None, owner: str = "owner") -> dict[str, Any]:
        """Let the schedule come by, or a person who wants a run."""
        event = {"source": "schedule"} if run is None else {"run": run}
        return self.reconciliation().tick(event, owner, lambda: self.seconds_left)

    def jobs(self) -> list[str]:
        """Take the jobs out of the queue."""
        found = []
        url = environment.queue_url("library")
        while batch := self.stack.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in batch:
                found.append(message["Body"])
                self.stack.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def work(self) -> int:
        """Let the worker do all jobs of the queue, a last look included; return how many."""
        jobs = self.jobs()
        for _ in range(2):
            self.stack.clock.advance(60)
            for job in jobs:
                self.stack.library_worker().handle(self.stack.event(job), CONTEXT)
        return len(jobs)

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.stack.sleep(seconds)
