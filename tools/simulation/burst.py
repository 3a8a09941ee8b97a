"""A burst: so many assets, published at once, meet so many workers of one kind."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from tools.simulation.cmp import BASE, Cmp
from tools.simulation.measures import Measures
from tools.simulation.message_queue import MessageQueue
from tools.simulation.virtual_time import VirtualTime
from tools.stand_in.limits import LimitRules

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.simulation.message_queue import Message

VISIBILITY_TIMEOUT = 360
DELIVERY = (0.02, 0.2)
COLD_START = 1.0
TABLE_CALL = (0.004, 0.012)
"""A call to DynamoDB or SQS (s)."""
LOOKING_UP = (0.02, 0.06)
"""What a job reads before it asks CMP: the asset's partition and the delivered entry (s)."""
STORING = (0.1, 0.25)
"""What it does with the answer: details, entry, items and the event (s)."""


@dataclass(frozen=True)
class Plan:
    """The burst, what CMP allows, and how many servers of SQS hold the messages."""

    assets: int
    per_second: int
    per_minute: int
    seed: int
    servers: int = 20

    @property
    def rate(self) -> float:
        """Return the requests per second that CMP allows in the long run."""
        return min(self.per_second, self.per_minute / 60)


@dataclass
class World:
    """Everything that the workers of one burst share."""

    plan: Plan
    random: random.Random
    time: VirtualTime
    cmp: Cmp
    queue: MessageQueue
    writes: Counter[str] = field(default_factory=Counter)
    dead_letters: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, plan: Plan) -> World:
        """Prepare a burst; nothing has happened yet."""
        chance, time = random.Random(plan.seed), VirtualTime()  # noqa: S311 - a simulation
        rules = LimitRules(per_second=plan.per_second, per_minute=plan.per_minute)
        return cls(
            plan=plan,
            random=chance,
            time=time,
            cmp=Cmp(time, chance, rules),
            queue=MessageQueue(time, chance, VISIBILITY_TIMEOUT, plan.servers),
        )

    def takes(self, seconds: tuple[float, float]) -> None:
        """Let something take its time."""
        self.time.sleep(self.random.uniform(*seconds))


class Function(Protocol):
    """One execution environment of a worker."""

    def handle(self, messages: list[Message]) -> set[int]:
        """Work on a batch and return the numbers of the messages that shall come back."""


@dataclass
class Mapping:
    """An event source mapping at its maximum concurrency: each poller has one environment."""

    world: World
    seconds: float = 0.0

    def poll(self, function: Function) -> None:
        """Hand batches to a function until the queue is empty."""
        cold = COLD_START
        while messages := self.world.queue.receive():
            self.world.takes(DELIVERY)
            began = self.world.time.now
            self.world.time.sleep(cold)
            kept = function.handle(messages)
            self.seconds += self.world.time.now - began
            cold = 0.0
            for message in messages:
                if message.number not in kept:
                    self.world.queue.delete(message)


def run(plan: Plan, workers: int, prepare: Callable[[World], Callable[[], Function]]) -> Measures:
    """Let the burst meet workers of one kind and return what was measured.

    `prepare` gets the world and returns what builds each of the execution environments.
    """
    random.seed(plan.seed)  # the relay's own jitter
    world = World.of(plan)
    mapping = Mapping(world)
    world.queue.send(_job(world, number) for number in range(plan.assets))
    build = prepare(world)
    for _ in range(workers):
        world.time.start(partial(mapping.poll, build()))
    world.time.run()
    return Measures.of(world, mapping.seconds)


def _job(world: World, number: int) -> str:
    asset_id = f"image-{number}"
    job = {
        "schema": 1,
        "job_id": f"burst.{number}",
        "delivery_id": "burst",
        "received_at": world.time.milliseconds(),
        "event_name": "asset_published",
        "channel": "default",
        "archive_key": "deliveries/burst.json",
        "entry": f"/data/assets/images/{number}",
        "asset": {"id": asset_id, "type": "image", "href": f"{BASE}/images/{asset_id}"},
        "publishing_event": {"id": "burst"},
    }
    return json.dumps(job)
