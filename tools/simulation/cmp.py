"""CMP's Open API as an organization under limits meets it: exact, and some way off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from tools.stand_in.limits import LimitRules, Limits

if TYPE_CHECKING:
    from random import Random

    from tools.simulation.virtual_time import VirtualTime

BASE = "https://cmp.example/v3"
LATENCY = (0.08, 0.4)
LONGEST_WAY = 0.05
"""Of the latency, at most so much passes before CMP counts a request (s)."""


class Cmp:
    """Answers after its latency; what is over the limits of any second or minute gets 429."""

    def __init__(self, time: VirtualTime, random: Random, rules: LimitRules) -> None:
        """Put the limits in force."""
        self._time = time
        self._random = random
        self._limits = Limits(rules, now=time.seconds)
        self.answers: list[tuple[float, int]] = []

    def client(self) -> httpx.Client:
        """Return a client whose requests all come here."""
        return httpx.Client(transport=httpx.MockTransport(self._answer), base_url=BASE)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        latency = self._random.uniform(*LATENCY)
        way = self._random.uniform(0, LONGEST_WAY)
        self._time.sleep(way)
        refusal = self._limits.refusal()
        status = refusal.status_code if refusal else 200
        self.answers.append((self._time.now, status))
        self._time.sleep(latency - way)
        if refusal:
            return httpx.Response(status, headers=dict(refusal.headers))
        return httpx.Response(status, json={"id": request.url.path.rsplit("/", 1)[-1]})
