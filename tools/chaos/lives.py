"""Lives of assets: stories of publishing and library, drawn by a seed.

Each story is unambiguous under the rules of docs/decisions/0003, in whatever order its deliveries
arrive; where the order of arrival does matter (an unpublish with an id of its own, the same
publishing event published again) the story waits.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tools.chaos.plan import Act, Asset, Life

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tools.chaos.plan import EventName

    Story = Callable[["Teller", int], None]

KINDS = ("article", "image", "video", "raw_file", "structured_content")
LOAD_SECONDS = 100.0
"""Within that time all lives begin their acts."""
LATEST_OFFSET = 8.0
LATEST_COPY = 15.0
MOST_COPIES_SHARE = 0.3
UPLOAD_SHARE = 0.6
PRIVATE_SHARE = 0.4
LARGE_BYTES = 20_000_000
"""Three parts of an upload to S3."""


@dataclass
class Teller:
    """Writes the acts of one life down, one after the other."""

    rng: random.Random
    files: random.Random
    life: str
    step: float
    clock: float = 0.0
    acts: list[Act] = field(default_factory=list)

    def tell(
        self,
        event_name: EventName,
        event: str | None = None,
        *,
        copies: bool = True,
        changes: bool = False,
        **more: object,
    ) -> None:
        """Add an act; `event` names a publishing event within the life."""
        self.clock += self.step * self.rng.uniform(0.3, 1.0)
        offsets = [self.rng.uniform(0, LATEST_OFFSET)]
        if copies and self.rng.random() < MOST_COPIES_SHARE:
            offsets.append(self.rng.uniform(0, LATEST_COPY))
        act = Act(
            at=round(self.clock, 2),
            event_name=event_name,
            offsets=tuple(round(one, 2) for one in offsets),
            publishing_event=f"{self.life}-{event}" if event else None,
            changes=changes,
            uploads=changes and self.files.random() < UPLOAD_SHARE,
            labelled=self.files.choice((True, False, None)) if changes else None,
            **more,  # type: ignore[arg-type]
        )
        self.acts.append(act)

    def changes(self, event_name: EventName, rounds: int, event: str | None = None) -> None:
        """Let the assets change so often, each change announced."""
        for _ in range(rounds):
            self.tell(event_name, event, changes=True)


def _steady(teller: Teller, rounds: int) -> None:
    teller.tell("asset_published", "1")
    teller.changes("asset_synced", rounds, "1")


def _withdrawn(teller: Teller, rounds: int) -> None:
    _steady(teller, rounds)
    teller.tell("asset_unpublished", "1")


def _again(teller: Teller, rounds: int) -> None:
    teller.tell("asset_published", "1")
    teller.tell("asset_unpublished", "1")
    teller.tell("asset_published", "2", changes=True)
    teller.changes("asset_synced", rounds, "2")


def _own_id(teller: Teller, rounds: int) -> None:
    teller.tell("asset_published", "1", channel="website")
    for _ in range(rounds):
        teller.tell("asset_synced", "1", channel="website", changes=True)
    teller.tell("asset_unpublished", "end", channel="website", waits_for="received")
    if teller.rng.random() < 0.5:
        teller.tell("asset_published", "2", channel="website", changes=True, waits_for="received")


def _two_channels(teller: Teller, rounds: int) -> None:
    teller.tell("asset_published", "web", channel="website")
    teller.tell("asset_published", "print", channel="print")
    for _ in range(rounds):
        teller.tell("asset_synced", "web", channel="website", changes=True)
    teller.tell("asset_unpublished", "print", channel="print")


def _reopened(teller: Teller, rounds: int) -> None:
    _steady(teller, rounds)
    teller.tell("asset_unpublished", "1", copies=False)
    teller.tell("asset_published", "1", changes=True, waits_for="applied")


def _kept(teller: Teller, rounds: int) -> None:
    teller.tell("asset_added")
    teller.changes("asset_modified", rounds)


def _removed(teller: Teller, rounds: int) -> None:
    _kept(teller, rounds)
    teller.tell("asset_removed", place="deleted")


def _readded(teller: Teller, rounds: int) -> None:
    _removed(teller, 1)
    teller.tell("asset_added", place="library", changes=True)
    teller.changes("asset_modified", rounds)


def _both(teller: Teller, rounds: int) -> None:
    teller.tell("asset_added")
    teller.tell("asset_published", "1")
    teller.changes("asset_modified", rounds)
    teller.tell("asset_synced", "1", changes=True)
    if teller.rng.random() < 0.5:
        teller.tell("asset_removed", place="deleted")


def _vanished(teller: Teller, rounds: int) -> None:
    """Let the asset be gone before anybody can ask for it."""
    teller.tell("asset_published", "1")
    teller.step, step = 0.1, teller.step
    teller.tell("asset_removed", place="deleted")
    teller.step = step
    if teller.rng.random() < 0.5:
        teller.tell("asset_added", place="library")
        teller.changes("asset_synced", rounds, "1")


PUBLISHING: dict[str, Story] = {
    "steady": _steady,
    "withdrawn": _withdrawn,
    "again": _again,
    "own id": _own_id,
    "two channels": _two_channels,
    "reopened": _reopened,
}
LIBRARY: dict[str, Story] = {
    "kept": _kept,
    "removed": _removed,
    "re-added": _readded,
    "both": _both,
    "vanished": _vanished,
}
STORIES = {**PUBLISHING, **LIBRARY}
ASKED_FOR = ("steady", "kept")
"""The stories of which CMP is asked for every asset, whatever comes first."""
DOWNLOADED = (*ASKED_FOR, "again", "re-added")
"""The stories of which every file is downloaded once at least."""
POISONS = ("untrusted_link", "unavailable", "request_refused")


def draw(seed: int, *, assets: int, deliveries: int) -> list[Life]:
    """Draw lives of so many assets, with at least so many deliveries, poisoned ones included."""
    rng = random.Random(f"lives {seed}")  # noqa: S311 - to be repeated, not to be secret
    others = [_large(seed), *(_poisoned(seed, poison) for poison in POISONS)]
    casts = _casts(rng, seed, assets - len(others))
    rounds = [1] * len(casts)
    lives = [_life(seed, *cast, rounds=1) for cast in casts]
    while sum(life.deliveries for life in (*lives, *others)) < deliveries:
        chosen = rng.randrange(len(casts))
        rounds[chosen] += 1
        lives[chosen] = _life(seed, *casts[chosen], rounds=rounds[chosen])
    return [*lives, *others]


def _casts(rng: random.Random, seed: int, assets: int) -> list[tuple[str, tuple[Asset, ...]]]:
    """Give every asset a story; those of publishing often have several."""
    casts: list[tuple[str, tuple[Asset, ...]]] = []
    names: list[str] = []
    given = 0
    while given < assets:
        if not names:
            names = rng.sample(sorted(STORIES), len(STORIES))
        story = names.pop()
        size = min(rng.choice((1, 1, 2, 3)) if story in PUBLISHING else 1, assets - given)
        kinds = [rng.choice(KINDS) for _ in range(size)]
        casts.append((story, tuple(_assets(seed, len(casts), kinds))))
        given += size
    return casts


def _assets(seed: int, life: int, kinds: Iterable[str]) -> Iterable[Asset]:
    for number, kind in enumerate(kinds):
        asset = Asset(f"s{seed}-l{life:02d}-a{number}", kind)
        drawn = random.Random(f"{asset.id} files").random()  # noqa: S311 - to be repeated
        yield replace(asset, is_private=asset.is_a_file and drawn < PRIVATE_SHARE)


def _life(seed: int, story: str, assets: tuple[Asset, ...], *, rounds: int) -> Life:
    name = assets[0].id.rpartition("-")[0]
    rng = random.Random(f"{name} {story}")  # noqa: S311 - to be repeated, not to be secret
    begins = rng.uniform(0, LOAD_SECONDS / 3)
    files = random.Random(f"{name} {story} files")  # noqa: S311 - to be repeated
    teller = Teller(rng, files, name, step=(LOAD_SECONDS - begins) / (rounds + 4), clock=begins)
    STORIES[story](teller, rounds)
    return Life(story, assets, tuple(teller.acts))


def _large(seed: int) -> Life:
    """Let a large file be published early, and replaced twice."""
    asset = Asset(f"s{seed}-large", "video", size=LARGE_BYTES)
    published = Act(at=1.0, event_name="asset_published", offsets=(0.0,), publishing_event=asset.id)
    synced = replace(published, event_name="asset_synced", changes=True, uploads=True)
    again = (replace(synced, at=share * LOAD_SECONDS) for share in (0.5, 0.9))
    return Life("steady", (asset,), (published, *again))


def _poisoned(seed: int, poison: str) -> Life:
    asset = Asset(f"s{seed}-{poison.replace('_', '-')}", "image")
    act = Act(at=2.0, event_name="asset_published", offsets=(0.0,), publishing_event=asset.id)
    return Life("poisoned", (asset,), (act,), poison)  # type: ignore[arg-type]
