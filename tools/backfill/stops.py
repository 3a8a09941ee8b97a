"""Stops: the moments at which the workers of a backfill were killed, and how far it was then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.backfill.standing import Standing

TICKING = "reconcile_library"
STOPPED = (TICKING, "on_library_asset")
"""The functions whose workers are killed half-way."""


@dataclass(frozen=True)
class Stop:
    """What was half done, how far the rest was, and how many workers each function had."""

    half_way: str
    standing: Standing
    killed: Mapping[str, int]
