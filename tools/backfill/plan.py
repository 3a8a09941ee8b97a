"""What a backfill is made of: how many assets there are, and how much is kept of each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from cmp_relay import gaps, listing
from tools.stand_in.kinds import KINDS

Level = Literal["full", "list"]


@dataclass(frozen=True)
class Plan:
    """A library of so many assets, to be kept at a level (`LibraryDetail`), with files or not."""

    assets: int
    level: Level
    files: bool = False

    @property
    def pages(self) -> int:
        """Return how many pages CMP's listing has."""
        return math.ceil(self.assets / listing.PAGE_SIZE)

    @property
    def requests(self) -> int:
        """Return how many requests the metadata costs if nothing goes wrong."""
        return self.pages + (self.assets * gaps.LOOK if self.level == "full" else 0)

    def orders(self) -> list[dict[str, Any]]:
        """List the assets for the stand-in: all kinds in turn, each with a title of its own."""
        return [
            {"kind": KINDS[number % len(KINDS)].name, "title": f"Asset {number}"}
            for number in range(self.assets)
        ]
