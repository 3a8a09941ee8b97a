"""Whatever order library deliveries come in, the relay ends up with what CMP's library has.

All in memory and in virtual time: CMP's users act, deliveries take up to three days, workers get to
them later still, and the Open API answers from a replica that may be behind.
"""

import math
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmp_relay.bus import Bus
from cmp_relay.catalogue import Announcement, AssetState, Catalogue, Debt, Record
from cmp_relay.documents import Documents, Stored
from cmp_relay.errors import ConflictError, NotFoundError, PostponedError
from cmp_relay.findings import Findings, Found
from cmp_relay.jobs import LibraryJob
from cmp_relay.leases import Leases
from cmp_relay.library_sync import LibrarySync
from cmp_relay.outcomes import Attempt
from cmp_relay.records import Records
from tests.support import library_jobs
from tests.support.clock import NOON
from tests.support.publish_jobs import receipt

SECOND = 1_000
DAY = 24 * 3600 * SECOND
REPLICA_DELAY = 1_900
"""Less than library.FRESHNESS_MARGIN, which is there for it."""


class MemoryCatalogue(Catalogue):
    """The record of one asset; refuses to build on what was written since."""

    def __init__(self) -> None:
        self.record = Record(AssetState("image-1", "image"))

    def read(self, asset_id: str, asset_type: str) -> Record:
        return self.record

    def write(self, before: Record, after: Record) -> Record:
        if before.asset.revision != self.record.asset.revision:
            raise ConflictError
        asset = replace(after.asset, revision=before.asset.revision + 1)
        self.record = replace(after, asset=asset)
        return self.record

    def confirm(self, asset_id: str, debt: Debt) -> None:
        self.record = self.record.without(debt)

    def hear(self, asset_id: str, received_at: int) -> None:
        self.record = replace(self.record, asset=self.record.asset.heard(received_at))


class MemoryDocuments(Documents):
    """One document, of which a newer one is never replaced by an older one."""

    def __init__(self) -> None:
        self.bucket = "assets"
        self.order = 0
        self.document: Mapping[str, Any] = {}

    def put(self, key: str, document: Mapping[str, Any], *, order: int, etag: str | None) -> Stored:
        assert order >= self.order
        self.order, self.document = order, document
        return Stored(str(order))

    def get(self, key: str) -> Mapping[str, Any]:
        return self.document


class MemoryBus(Bus):
    """A bus that hears everything once."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def put(self, announcement: Announcement) -> None:
        self.heard.append(announcement.detail_type)


class NobodyElse(Leases):
    """Leases that are free."""

    def __init__(self) -> None:
        """Hold none."""

    @contextmanager
    def held(self, name: str, owner: str, seconds: float) -> Iterator[Any]:
        yield None


@dataclass
class Cmp:
    """CMP's library: the asset's title since each moment, None while it is not there.

    Each look meets one of two replicas, of which one is `delay` ms behind.
    """

    delay: int
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311
    at: int = NOON
    titles: dict[int, str | None] = field(default_factory=dict)
    looks: int = 0

    def now(self) -> int:
        return self.at

    def title(self, at: int) -> str | None:
        return next(
            (self.titles[moment] for moment in sorted(self.titles)[::-1] if moment <= at), None
        )

    def in_library(self, job: LibraryJob, attempt: Attempt, href: str | None, *_: object) -> Found:
        try:
            return self.once("image", "image-1", href)
        except NotFoundError:
            self.at += 60 * SECOND
            return self.once("image", "image-1", href)

    def once(self, asset_type: str, asset_id: str, href: str | None, *_: object) -> Found:
        self.looks += 1
        title = self.title(self.at - self.chance.choice([0, self.delay]))
        if title is None:
            raise NotFoundError("GET: 404", status=404)
        return Found({"title": title}, "library", self.at, href)


@dataclass
class Delivery:
    """What CMP says of one deed, when we receive it, and when a worker gets to it."""

    job: LibraryJob
    worked_on_at: int


Deed = tuple[str, int, int, int]
NAMES = {
    ("come or go", True): "asset_removed",
    ("come or go", False): "asset_added",
    ("change", True): "asset_modified",
    ("change", False): "asset_added",
    ("publish", True): "asset_published",
    ("publish", False): "asset_added",
}
DEEDS: st.SearchStrategy[list[Deed]] = st.lists(
    st.tuples(
        st.sampled_from(["come or go", "change", "publish"]),
        st.sampled_from([0, 1, SECOND, 60 * SECOND, DAY, 4 * DAY]) | st.integers(0, 4 * DAY),
        st.sampled_from([0, 1, SECOND, DAY, 3 * DAY]) | st.integers(0, 3 * DAY),
        st.sampled_from([0, SECOND, 3 * SECOND, DAY]) | st.integers(0, DAY),
    ),
    min_size=1,
    max_size=7,
)
"""Each deed, the pause before it, how long its delivery takes, and how long that waits for a
worker (ms)."""


def act(cmp: Cmp, deeds: list[Deed]) -> list[Delivery]:
    """Let CMP's users act, and return their deliveries in the order in which workers get them."""
    at, deliveries = NOON, []
    for number, (deed, pause, takes, waits) in enumerate(deeds):
        at += pause
        there = cmp.title(at) is not None
        name = NAMES[deed, there]
        if name != "asset_published":
            cmp.titles[at] = None if name == "asset_removed" else f"Title {number}"
        of = receipt(f"delivery-{number}", at + takes)
        # A publish job looks as well; of the rest of it the library knows nothing.
        job = library_jobs.job("asset_modified" if name == "asset_published" else name, of)
        job = job.model_copy(update={"event_name": name})
        deliveries.append(Delivery(job, at + takes + waits))
    return sorted(deliveries, key=lambda delivery: delivery.worked_on_at)


def library_sync(cmp: Cmp) -> tuple[LibrarySync, MemoryCatalogue, MemoryBus]:
    catalogue, bus = MemoryCatalogue(), MemoryBus()
    records = Records(catalogue, bus, NobodyElse())
    return LibrarySync(records, Findings(MemoryDocuments()), cmp), catalogue, bus


def work(sync: LibrarySync, cmp: Cmp, deliveries: list[Delivery]) -> None:
    """Let workers have the deliveries one by one; what has to wait lets the others go first."""
    waiting = [(delivery.worked_on_at, delivery.job) for delivery in deliveries]
    while waiting:
        waiting.sort(key=lambda each: each[0])
        at, job = waiting.pop(0)
        cmp.at = max(cmp.at, at)
        try:
            if job.event_name == "asset_published":
                publish(sync, cmp, job)
            else:
                sync.apply(job, Attempt(1))
        except PostponedError as error:
            waiting.append((cmp.at + math.ceil(error.delay * SECOND), job))


def publish(sync: LibrarySync, cmp: Cmp, job: LibraryJob) -> None:
    """Do to the library what a publish job does to it: look, and keep what is there."""
    with sync.records.held(job.asset) as (record, _):
        asset = record.asset.heard(job.received_at)
        with suppress(NotFoundError):
            asset = sync.findings.keep(cmp.once("image", "image-1", None), asset)
        sync.records.write(record, replace(record, asset=asset))


@pytest.mark.parametrize("delay", [0, REPLICA_DELAY])
@settings(max_examples=400, deadline=None)
@given(deeds=DEEDS, chance=st.randoms(use_true_random=False))
def test_the_state_ends_up_as_cmps(delay: int, deeds: list[Deed], chance: random.Random) -> None:
    cmp = Cmp(delay, chance)
    sync, catalogue, bus = library_sync(cmp)

    work(sync, cmp, act(cmp, deeds))

    asset, title = catalogue.record.asset, cmp.title(cmp.at)
    assert asset.library == ("removed" if title is None else "present")
    if title is not None and delay == 0:
        assert asset.title == title
    assert bus.heard[-1] == f"LibraryAsset{'Removed' if title is None else 'Changed'}"
    assert catalogue.record.debts() == []


@settings(max_examples=200, deadline=None)
@given(
    order=st.permutations([*range(5), *range(3)]),
    pauses=st.lists(st.integers(0, 5000), min_size=8, max_size=8),
)
def test_changes_in_any_order_with_any_repeats_end_in_the_same_state(
    order: list[int], pauses: list[int]
) -> None:
    cmp = Cmp(delay=0, titles={NOON: "Now"})
    sync, catalogue, bus = library_sync(cmp)
    deliveries = [library_jobs.job("asset_modified", receipt(f"d-{n}", NOON + n)) for n in range(5)]

    for number, pause in zip(order, pauses, strict=True):
        sync.apply(deliveries[number], Attempt(1))
        cmp.at += pause

    asset = catalogue.record.asset
    assert (asset.library, asset.title, asset.published) == ("present", "Now", False)
    assert bus.heard == ["LibraryAssetChanged"]


def test_a_look_that_began_earlier_gives_way_also_if_it_found_nothing() -> None:
    cmp = Cmp(delay=0)
    sync, catalogue, _ = library_sync(cmp)
    seen = replace(catalogue.record.asset, library="present", seen_at=NOON + 61 * SECOND)
    catalogue.record = replace(catalogue.record, asset=seen)
    job = library_jobs.job("asset_modified", receipt("modified", NOON + 60 * SECOND))

    with pytest.raises(ConflictError):
        sync.apply(job, Attempt(1))

    assert catalogue.record.asset.library == "present"


def test_a_document_without_labels_is_told_without_them() -> None:
    cmp = Cmp(delay=0)
    sync, catalogue, bus = library_sync(cmp)
    seen = replace(catalogue.record.asset, library="present", seen_at=NOON + 61 * SECOND)
    catalogue.record = replace(catalogue.record, asset=seen)

    ending = sync.apply(library_jobs.job("asset_modified"), Attempt(1))

    assert (ending.outcome, bus.heard) == ("superseded", ["LibraryAssetChanged"])


def test_a_change_that_a_look_covers_makes_a_removal_doubtful_too() -> None:
    cmp = Cmp(delay=0, titles={NOON: "Removed and added again"})
    sync, catalogue, _ = library_sync(cmp)
    waited = library_jobs.job("asset_added", receipt("waited", NOON))
    covered = library_jobs.job("asset_added", receipt("covered", NOON + 5 * DAY - 10 * SECOND))
    late = library_jobs.job("asset_removed", receipt("late", NOON + 6 * DAY))

    cmp.at = NOON + 5 * DAY
    outcomes = [sync.apply(job, Attempt(1)).outcome for job in (waited, covered)]
    cmp.at = NOON + 6 * DAY + 60 * SECOND
    ending = sync.apply(late, Attempt(1))

    assert outcomes == ["applied", "superseded"]
    assert (ending.reason, catalogue.record.asset.library) == ("CMP still has it", "present")
