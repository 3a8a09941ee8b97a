"""Talks: what people in CMP and in Jira say, what programs command, and all other events.

Drawn by a seed, as lives are. Pure: `talking` carries them out.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tools.chaos.lives import LOAD_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tools.chaos.plan import Life

SAID_ON_EACH_SIDE = 3
REPORTED = (0.2, 0.45, 0.65, 0.8)
"""When publications are reported, as parts of the load: one for each."""
REPORTED_AFTER_SECONDS = 10.0
LOCALES = ("en", "de")
OTHERS = (
    "task_added",
    "task_metadata_modifed",
    "task_removed",
    "campaign_added",
    "work_request_added",
    "workflow_sub_step_updated",
    "event_modified",
    "never_heard_of",
)
LATEST_BEGIN = 3.0
"""People have to wait for the ticket before they speak."""
LATEST_COPY = 15.0

Side = Literal["cmp", "jira", "program"]
System = Literal["Jira", "Ours"]
SYSTEMS: tuple[System, ...] = ("Jira", "Jira", "Jira", "Jira", "Jira", "Ours", "Ours")


@dataclass(frozen=True)
class Saying:
    """Something said on one side of a step: one word, so that it is known again; `copies` of it."""

    at: float
    side: Side
    text: str
    copies: int = 1


@dataclass(frozen=True)
class Step:
    """An external step of CMP's: for Jira, or one that a program works on by commands alone."""

    name: str
    system: System
    begins: float
    sayings: tuple[Saying, ...]
    ends: float

    @property
    def has_ticket(self) -> bool:
        """Tell whether it becomes a ticket in Jira."""
        return self.system == "Jira"

    def said(self, *sides: Side) -> list[str]:
        """List what is said on these sides."""
        return [one.text for one in self.sayings if one.side in sides]


@dataclass(frozen=True)
class Publication:
    """A program's reports of one publishing event: each asset, in each locale."""

    at: float
    event: str
    asset_ids: tuple[str, ...]

    def reports(self) -> Iterator[tuple[str, str]]:
        """Yield asset and locale of each report."""
        return ((asset, locale) for asset in self.asset_ids for locale in LOCALES)


@dataclass(frozen=True)
class OtherEvent:
    """An event that has no worker of its own, and how late each copy of it comes."""

    at: float
    name: str
    subject: str
    offsets: tuple[float, ...]


@dataclass(frozen=True)
class Talks:
    """All talks of one seed."""

    steps: tuple[Step, ...] = ()
    publications: tuple[Publication, ...] = ()
    others: tuple[OtherEvent, ...] = ()


def draw(seed: int, lives: Sequence[Life]) -> Talks:
    """Draw the talks; publications of the lives are what programs report."""
    rng = random.Random(f"talks {seed}")  # noqa: S311 - to be repeated, not to be secret
    steps = [_step(rng, f"s{seed}-t{number}", system) for number, system in enumerate(SYSTEMS)]
    others = [_other(rng, f"s{seed}-o{number}", name) for number, name in enumerate(OTHERS)]
    return Talks(tuple(steps), tuple(_publications(lives)), tuple(others))


def _step(rng: random.Random, name: str, system: System) -> Step:
    begins = rng.uniform(0, LATEST_BEGIN)
    sides: list[Side] = ["cmp", "jira"] if system == "Jira" else []
    sayings = [
        Saying(
            at=round(rng.uniform(begins + 5, 0.95 * LOAD_SECONDS), 2),
            side=side,
            text=f"{name}-{side}-{number}",
            # Jira tells of every comment twice by itself.
            copies=1 if side == "jira" else rng.choice((1, 2)),
        )
        for side in (*sides, "program")
        for number in range(SAID_ON_EACH_SIDE)
    ]
    sayings.sort(key=lambda saying: saying.at)
    return Step(name, system, round(begins, 2), tuple(sayings), LOAD_SECONDS)


def _publications(lives: Sequence[Life]) -> Iterator[Publication]:
    """Yield publications that begin a life: nothing keeps CMP from making them in time."""
    begun = [
        life for life in lives if life.poison is None and life.acts[0].publishing_event is not None
    ]
    for share, life in zip(REPORTED, begun, strict=False):
        act = life.acts[0]
        at = max(share * LOAD_SECONDS, act.at + REPORTED_AFTER_SECONDS)
        ids = tuple(asset.id for asset in life.assets)
        yield Publication(round(at, 2), str(act.publishing_event), ids)


def _other(rng: random.Random, subject: str, name: str) -> OtherEvent:
    at = round(rng.uniform(0.05, 0.9) * LOAD_SECONDS, 2)
    return OtherEvent(at, name, subject, (0.0, round(rng.uniform(0, LATEST_COPY), 2)))


def url_of(asset_id: str, locale: str) -> str:
    """Return where the public finds an asset, as programs report it."""
    return f"https://www.example.com/{locale}/{asset_id}"
