"""How many requests the organization may send: 429 for those beyond it.

Counted over the last second and the last minute: no edge of a window lets twice as many through.
Refused requests don't count.
"""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND, MINUTE = 1.0, 60.0


class LimitRules(BaseModel):
    """How many requests per second and per minute, None for any, and how 429 says when to retry."""

    model_config = ConfigDict(extra="forbid")

    per_second: int | None = None
    per_minute: int | None = None
    retry_after: Literal["seconds", "date", "none"] = "seconds"


@dataclass
class Limits:
    """The limits in force and the times of the requests let through."""

    rules: LimitRules = field(default_factory=LimitRules)
    now: Callable[[], float] = time.time
    admitted: deque[float] = field(default_factory=deque)

    def clear(self) -> None:
        """Lift all limits and forget the requests of the past."""
        self.rules = LimitRules()
        self.admitted.clear()

    def refusal(self) -> JSONResponse | None:
        """Count a request and answer None, or answer the 429 that it gets."""
        wait = self._wait(self.now())
        if wait > 0:
            return JSONResponse({"message": "Too Many Requests"}, 429, self._retry_after(wait))
        self.admitted.append(self.now())
        return None

    def _wait(self, now: float) -> float:
        while self.admitted and self.admitted[0] <= now - MINUTE:
            self.admitted.popleft()
        windows = ((self.rules.per_second, SECOND), (self.rules.per_minute, MINUTE))
        return max(self._until_free(allowed, length, now) for allowed, length in windows)

    def _until_free(self, allowed: int | None, length: float, now: float) -> float:
        if allowed is None:
            return 0.0
        within = [moment for moment in self.admitted if moment > now - length]
        if len(within) < allowed:
            return 0.0
        return within[-allowed] + length - now if allowed else length

    def _retry_after(self, wait: float) -> dict[str, str]:
        match self.rules.retry_after:
            case "seconds":
                return {"Retry-After": str(math.ceil(wait))}
            case "date":
                return {"Retry-After": formatdate(math.ceil(self.now() + wait), usegmt=True)}
            case "none":
                return {}
