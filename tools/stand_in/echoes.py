"""What CMP tells of changes that were made through the Open API, as if a person had made them.

Nothing documents it, but integrators report such loops, and nothing in a delivery says who did it.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tools.stand_in.sender import Manner

if TYPE_CHECKING:
    from tools.stand_in.records import DeliveryRecord
    from tools.stand_in.sender import Sender


class WorkflowRules(Manner):
    """How echoes are sent, and what becomes of a change that was already made.

    `soon` sends an echo while the request is answered, `first` before. Completing, starting or
    skipping a sub-step that has ended is answered 422, which is a guess; `accepted` answers 200.
    """

    echoes: Literal["soon", "first", "none"] = "soon"
    repeats: Literal["refused", "accepted"] = "refused"


@dataclass
class Echoes:
    """Sends echoes to the webhook; without one, none."""

    sender: Sender
    rules: WorkflowRules = field(default_factory=WorkflowRules)
    _under_way: set[asyncio.Future[list[DeliveryRecord]]] = field(default_factory=set)

    def clear(self) -> None:
        """Go back to the rules of the start and call off what is still to be sent."""
        self.rules = WorkflowRules()
        for one in self._under_way:
            one.cancel()

    async def tell(self, body: dict[str, Any]) -> None:
        """Send a delivery as the rules have it."""
        if self.rules.echoes == "none" or self.sender.webhook is None:
            return
        sending = asyncio.ensure_future(self.sender.send([json.dumps(body)], self.rules))
        self._under_way.add(sending)  # the loop itself keeps no task alive
        sending.add_done_callback(self._under_way.discard)
        if self.rules.echoes == "first":
            await asyncio.wait([sending])
