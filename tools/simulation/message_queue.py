"""A queue as SQS keeps it: visibility in whole seconds, receive counts, batches of ten."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from tools.simulation.virtual_time import Process, VirtualTime

BATCH = 10


@dataclass(slots=True)
class Message:
    """One message; `hidings` tells its newest visibility timeout from older ones."""

    number: int
    body: str
    sent_at: int
    server: int
    receives: int = 0
    hidings: int = 0
    deleted: bool = False

    def record(self) -> dict[str, Any]:
        """Return the message as Lambda hands it to a function."""
        return {
            "messageId": str(self.number),
            "receiptHandle": str(self.number),
            "body": self.body,
            "attributes": {
                "ApproximateReceiveCount": str(self.receives),
                "SentTimestamp": str(self.sent_at),
            },
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }


@dataclass
class MessageQueue:
    """Messages in virtual time, spread at random over `servers` as a standard queue does.

    Each server hands out its oldest visible message, and which one is asked is left to chance: that
    is AWS's best-effort ordering. With as many servers as messages there is no order at all.
    """

    time: VirtualTime
    random: Random
    visibility_timeout: int
    servers: int
    messages: list[Message] = field(default_factory=list)
    left: int = 0
    emptied_at: float = 0.0
    _visible: dict[int, list[tuple[int, Message]]] = field(default_factory=dict)
    _idle: list[Process] = field(default_factory=list)

    def send(self, bodies: Iterable[str]) -> None:
        """Put messages into the queue, visible at once."""
        for body in bodies:
            server = self.random.randrange(self.servers)
            message = Message(len(self.messages), body, self.time.milliseconds(), server)
            self.messages.append(message)
            self.left += 1
            self._appear(message, message.hidings)

    def receive(self) -> list[Message]:
        """Wait for visible messages and hide them; returns none once the queue is empty."""
        while self.left and not self._visible:
            self._idle.append(self.time.current())
            self.time.current().pause()
        taken = [self._take() for _ in range(BATCH) if self._visible]
        for message in taken:
            message.receives += 1
            self.hide(message, self.visibility_timeout)
        return taken

    def hide(self, message: Message, seconds: int) -> None:
        """Make a message visible after so many seconds."""
        message.hidings += 1
        hiding = message.hidings
        self.time.after(seconds, lambda: self._appear(message, hiding))

    def delete(self, message: Message) -> None:
        """Remove a message; the last one lets those go home who wait for more."""
        message.deleted = True
        self.left -= 1
        if not self.left:
            self.emptied_at = self.time.now
            while self._idle:
                self._wake()

    def _appear(self, message: Message, hiding: int) -> None:
        if message.deleted or message.hidings != hiding:
            return
        waiting = self._visible.setdefault(message.server, [])
        heapq.heappush(waiting, (message.number, message))
        if self._idle:
            self._wake()

    def _wake(self) -> None:
        self.time.after(0, self._idle.pop(0).resume)

    def _take(self) -> Message:
        server = self.random.choice(list(self._visible))
        _, message = heapq.heappop(self._visible[server])
        if not self._visible[server]:
            del self._visible[server]
        return message
