"""Two plain workers to compare with: neither has a budget, both do the relay's work.

They are given the relay's queue, so that neither loses a message for coming back often.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from json import loads
from typing import TYPE_CHECKING

from tools.simulation.burst import LOOKING_UP, STORING, TABLE_CALL

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tools.simulation.burst import World
    from tools.simulation.message_queue import Message

LONGEST_BACK_OFF = 900


@dataclass(frozen=True)
class BackingOff:
    """Lets a message that met 429 come back after an exponential back-off with full jitter."""

    world: World
    client: httpx.Client

    def handle(self, messages: list[Message]) -> set[int]:
        """Work on a batch."""
        return {message.number for message in messages if not self._done(message)}

    def _done(self, message: Message) -> bool:
        self.world.takes(LOOKING_UP)
        if self.client.get(_link(message)).status_code == 200:
            self.world.takes(STORING)
            return True
        longest = min(LONGEST_BACK_OFF, 1 << min(message.receives, 10))
        self.world.takes(TABLE_CALL)
        self.world.queue.hide(message, round(self.world.random.uniform(0, longest)))
        return False


@dataclass(frozen=True)
class Patient:
    """Sleeps in the function for as long as a 429 asks, then asks again; few of them run."""

    world: World
    client: httpx.Client

    def handle(self, messages: list[Message]) -> set[int]:
        """Work on a batch."""
        for message in messages:
            self.world.takes(LOOKING_UP)
            while (answer := self.client.get(_link(message))).status_code == 429:
                self.world.time.sleep(float(answer.headers["retry-after"]))
            self.world.takes(STORING)
        return set()


def backing_off(world: World) -> Callable[[], BackingOff]:
    """Prepare workers that back off."""
    return partial(BackingOff, world, world.cmp.client())


def patient(world: World) -> Callable[[], Patient]:
    """Prepare workers that wait."""
    return partial(Patient, world, world.cmp.client())


def _link(message: Message) -> str:
    return str(loads(message.body)["asset"]["href"])
