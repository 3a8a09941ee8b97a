"""The relay's own worker: its loop, Open API, permits and budget are the real ones.

What they keep in DynamoDB and SQS is kept in memory here, each call taking its time.
"""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

from cmp_relay.breaker import Breaker
from cmp_relay.budget import Budget
from cmp_relay.jobs import PublishJob, read_publish_job
from cmp_relay.leases import Lease
from cmp_relay.open_api import OpenApi
from cmp_relay.origins import Origins
from cmp_relay.outcomes import Attempt, Ending, Outcomes
from cmp_relay.permits import Permits
from cmp_relay.slots import Limits
from cmp_relay.telemetry import logger, metrics
from cmp_relay.tokens import Token
from cmp_relay.worker import Worker
from tools.simulation.burst import LOOKING_UP, STORING, TABLE_CALL
from tools.simulation.cmp import BASE
from tools.simulation.memory_store import CountedStore, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_sqs import SQSClient

    from cmp_relay.dead_letters import DeadLetters
    from cmp_relay.jobs import Job
    from cmp_relay.outcomes import Outcome
    from cmp_relay.slots import Slot
    from cmp_relay.tokens import TokenSource
    from tools.simulation.burst import World
    from tools.simulation.message_queue import Message

FUNCTION_SECONDS = 60
RESERVE_SECONDS = 40
RETRY_SECONDS = 20
REQUEST_SECONDS = 12
PER_MONTH = 200_000
BULK_SHARE = 0.7


@dataclass
class Tables:
    """What all environments of the relay share: the budget's item, kept slots, attempts."""

    world: World
    budget: MemoryStore
    attempts: AttemptsInMemory
    kept: dict[str, Slot | None] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World) -> Tables:
        """Begin with empty tables."""
        way = TABLE_CALL[0] / 2, TABLE_CALL[1] / 2  # to the table, and back with the answer
        return cls(world, MemoryStore(lambda: world.takes(way)), AttemptsInMemory(world))

    @contextmanager
    def held(self, asset_id: str) -> Iterator[Lease]:
        """Hold an asset's lease, which nobody else wants: a burst has each asset once."""
        self.world.takes(TABLE_CALL)
        lease = Lease(f"fetch#{asset_id}", "worker", self.kept.get(asset_id))
        try:
            yield lease
        finally:
            self.world.takes(TABLE_CALL)
            kept = lease.kept
            self.kept[asset_id] = (
                kept if kept and kept.due > self.world.time.milliseconds() else None
            )

    def send(self, body: str, **_why: object) -> None:
        """Take a dead letter."""
        self.world.dead_letters.append(body)


class AttemptsInMemory(Outcomes):
    """The attempts of all jobs, without their items."""

    def __init__(self, world: World) -> None:
        """Begin with none."""
        self._world = world
        self._numbers: Counter[str] = Counter()

    def begin(self, job: Job, receive: str) -> Attempt:
        """Count an attempt."""
        self._world.takes(TABLE_CALL)
        self._numbers[job.job_id] += 1
        return Attempt(self._numbers[job.job_id], receive)

    def take_back(self, job_id: str, attempt: Attempt, waits_for: str) -> None:
        """Take an attempt back."""
        self._world.takes(TABLE_CALL)
        self._numbers[job_id] -= 1

    def close(self, job: Job, outcome: Outcome, reason: str | None = None) -> None:
        """End a job."""
        self._world.takes(TABLE_CALL)


@dataclass(frozen=True)
class Visibility:
    """The one call of SQS that a worker makes itself."""

    world: World

    def change_message_visibility(
        self,
        *,
        QueueUrl: str,
        ReceiptHandle: str,
        VisibilityTimeout: int,
    ) -> None:
        """Hide a message."""
        self.world.takes(TABLE_CALL)
        message = self.world.queue.messages[int(ReceiptHandle)]
        self.world.queue.hide(message, VisibilityTimeout)


class EverGoodToken:
    """A token that CMP takes."""

    def current(self) -> Token:
        """Return it."""
        return Token("simulated", "1", expires_at=float("inf"))


@dataclass(frozen=True)
class Invocation:
    """The context of one invocation."""

    world: World
    ends_at: float
    function_name: str = "simulated"

    def get_remaining_time_in_millis(self) -> int:
        """Return the time left in ms."""
        return int((self.ends_at - self.world.time.now) * 1000)


class RelayFunction:
    """One execution environment of a worker that publishes assets."""

    def __init__(self, world: World, tables: Tables) -> None:
        """Put the worker together as `composition` and `lookup` do."""
        self._world = world
        self._tables = tables
        self._store = CountedStore(tables.budget)
        clock = world.time
        limits = Limits(world.plan.per_second, world.plan.per_minute, PER_MONTH, BULK_SHARE)
        self._permits = Permits(
            Budget(self._store, limits, now=clock.milliseconds),
            Breaker(self._store, limits, now=clock.milliseconds),
            "live",
            now=clock.milliseconds,
            sleep=clock.sleep,
        )
        self._api = OpenApi(
            world.cmp.client(),
            cast("TokenSource", EverGoodToken()),
            Origins.parse([BASE.removesuffix("/v3")]),
            BASE,
            REQUEST_SECONDS,
            now=clock.seconds,
        )
        self._worker = Worker(
            read=read_publish_job,
            work=self._work,
            outcomes=tables.attempts,
            dead_letters=cast("DeadLetters", tables),
            client=cast("SQSClient", Visibility(world)),
            queue_url="queue",
            reserve_seconds=RESERVE_SECONDS,
            retry_seconds=RETRY_SECONDS,
            now=clock.milliseconds,
        )

    def handle(self, messages: list[Message]) -> set[int]:
        """Work on a batch."""
        event = {"Records": [message.record() for message in messages]}
        context: Any = Invocation(self._world, self._world.time.now + FUNCTION_SECONDS)
        answer = self._worker.handle(event, context)
        return {int(str(each["itemIdentifier"])) for each in answer["batchItemFailures"]}

    def _work(self, job: PublishJob, _attempt: Attempt) -> Ending:
        before = self._store.writes
        try:
            with self._tables.held(job.asset.id) as lease:
                self._world.takes(LOOKING_UP)
                self._api.behind(self._permits.of(lease, 1)).get(str(job.asset.href))
                self._world.takes(STORING)
        finally:
            self._world.writes[job.job_id] += self._store.writes - before
        return Ending("applied")


def prepare(world: World) -> Callable[[], RelayFunction]:
    """Prepare the relay's workers, which share their tables."""
    return partial(RelayFunction, world, Tables.of(world))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep logs and metrics of the workers to themselves while the block runs."""
    level = logger.log_level
    logger.setLevel(logging.CRITICAL)
    try:
        with patch.object(metrics, "add_metric"):
            yield
    finally:
        logger.setLevel(level)
