"""The plan of a chaos run: everything that will happen, decided by the seed alone.

Lives are what CMP's users do to assets, troubles what goes wrong meanwhile. Times are seconds after
the start. Pure: `driver` carries it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tools.chaos.aws_faults import AwsFault

EventName = Literal[
    "asset_published",
    "asset_synced",
    "asset_unpublished",
    "asset_added",
    "asset_modified",
    "asset_removed",
]
Waiting = Literal["nothing", "received", "applied"]
PUBLISH_EVENTS = ("asset_published", "asset_synced", "asset_unpublished")


@dataclass(frozen=True)
class Asset:
    """An asset of the plan."""

    id: str
    kind: str


@dataclass(frozen=True)
class Act:
    """One thing that happens to the assets of a life, and when each copy of its delivery is sent.

    First the assets change or move, then the delivery's body is built, and `offsets` later each
    copy is sent. `waits_for` is what has to be true of all earlier deliveries of the life first.
    """

    at: float
    event_name: EventName
    offsets: tuple[float, ...]
    publishing_event: str | None = None
    channel: str | None = None
    changes: bool = False
    place: Literal["library", "deleted"] | None = None
    waits_for: Waiting = "nothing"

    @property
    def is_of_publishing(self) -> bool:
        """Tell whether one delivery speaks of all assets of the life."""
        return self.event_name in PUBLISH_EVENTS


@dataclass(frozen=True)
class Life:
    """What happens to a few assets, in CMP's own order; `poison` says why it cannot succeed."""

    story: str
    assets: tuple[Asset, ...]
    acts: tuple[Act, ...]
    poison: Literal["untrusted_link", "unavailable", "request_refused"] | None = None

    @property
    def deliveries(self) -> int:
        """Count the deliveries."""
        return sum(
            len(act.offsets) * (1 if act.is_of_publishing else len(self.assets))
            for act in self.acts
        )


@dataclass(frozen=True)
class CmpFault:
    """The next `count` requests for assets of a kind go wrong, or of one asset if it is named.

    No later than `within` seconds after the first of them: trouble passes, also if nobody asks.
    """

    at: float
    kind: str
    count: int = 1
    status: int | None = None
    retry_after: str | int | None = None
    seconds: float = 60.0
    within: float = 3.0
    asset_kind: str = "image"
    asset: Asset | None = None


@dataclass(frozen=True)
class Outage:
    """CMP's whole API answers 503, so long from the first request that meets it."""

    at: float
    seconds: float


@dataclass(frozen=True)
class ExpiredTokens:
    """Every access token that CMP has issued is expired at once."""

    at: float


@dataclass(frozen=True)
class RevokedCredentials:
    """CMP refuses the client, and every token with it, until somebody lets it in again."""

    at: float
    seconds: float


@dataclass(frozen=True)
class Kill:
    """All execution environments of a function end in whatever they do."""

    at: float
    function: str


@dataclass(frozen=True)
class AwsTrouble:
    """Calls of AWS go wrong."""

    at: float
    fault: AwsFault


@dataclass(frozen=True)
class Stray:
    """Something that nobody can read or nobody waits for: what it is and where it comes in."""

    at: float
    kind: Literal["no_job", "unreadable_delivery", "other_event"]


Trouble = CmpFault | Outage | ExpiredTokens | RevokedCredentials | Kill | AwsTrouble | Stray


@dataclass(frozen=True)
class Plan:
    """All lives and all troubles of one seed, troubles in the order of their time."""

    seed: int
    lives: tuple[Life, ...]
    troubles: tuple[Trouble, ...]

    @property
    def assets(self) -> list[Asset]:
        """List the assets of all lives."""
        return [asset for life in self.lives for asset in life.assets]

    @property
    def deliveries(self) -> int:
        """Count the deliveries of all lives."""
        return sum(life.deliveries for life in self.lives)
