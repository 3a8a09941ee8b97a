"""The plan of a chaos run: everything that will happen, decided by the seed alone.

Lives are what CMP's users do to assets, troubles what goes wrong meanwhile. Times are seconds after
the start. Pure: `driver` carries it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tools.chaos.aws_faults import AwsFault
    from tools.chaos.talks import Talks

EventName = Literal[
    "asset_published",
    "asset_synced",
    "asset_unpublished",
    "asset_added",
    "asset_modified",
    "asset_removed",
]
Waiting = Literal["nothing", "received", "applied"]
FILES = ("image", "video", "raw_file")
PUBLISH_EVENTS = ("asset_published", "asset_synced", "asset_unpublished")


@dataclass(frozen=True)
class Asset:
    """An asset of the plan; `size` is that of its file, as samples have it if it is not told.

    A private one's file is given to whoever shows a token of CMP's alone.
    """

    id: str
    kind: str
    size: int | None = None
    is_private: bool = False

    @property
    def has_files(self) -> bool:
        """Tell whether there is something to download; an article's pictures are its files."""
        return self.is_a_file or self.kind == "article"

    @property
    def is_a_file(self) -> bool:
        """Tell whether it is a file itself, of which CMP tells length and version."""
        return self.kind in FILES


@dataclass(frozen=True)
class Act:
    """One thing that happens to the assets of a life, and when each copy of its delivery is sent.

    First the assets change or move, then the delivery's body is built, and `offsets` later each
    copy is sent. `waits_for` is what has to be true of all earlier deliveries of the life first.
    A change can bring another file with it (`uploads`), and put labels on or take them off.
    """

    at: float
    event_name: EventName
    offsets: tuple[float, ...]
    publishing_event: str | None = None
    channel: str | None = None
    changes: bool = False
    uploads: bool = False
    labelled: bool | None = None
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
class TalkFault:
    """The next `count` requests about tasks or reports to CMP, or to Jira, go wrong.

    Of those whose path begins with `path`, and with `method` of that method alone; `lost` is done,
    and its answer breaks off.
    """

    at: float
    where: Literal["CMP tasks", "CMP reports", "Jira"]
    kind: str
    path: str
    count: int = 1
    method: str | None = None
    status: int | None = None
    retry_after: int | None = None
    seconds: float = 15.0


@dataclass(frozen=True)
class FileFault:
    """The next `count` downloads of an asset go wrong."""

    at: float
    kind: str
    count: int
    asset: Asset
    status: int | None = None
    more_bytes: int | None = None
    after_bytes: int | None = None
    bytes_per_second: int | None = None


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
    """All execution environments of a function end in whatever they do.

    If it is to be `amid_upload`, in the middle of a file that S3 has a part of; if `queue` is
    named, while a message of it is being worked on.
    """

    at: float
    function: str
    amid_upload: bool = False
    queue: str | None = None


@dataclass(frozen=True)
class AwsTrouble:
    """Calls of AWS go wrong."""

    at: float
    fault: AwsFault


@dataclass(frozen=True)
class Stray:
    """Something that nobody can read or nobody waits for: what it is and where it comes in."""

    at: float
    kind: Literal["no_job", "unreadable_delivery"]


Trouble = (
    CmpFault
    | TalkFault
    | FileFault
    | Outage
    | ExpiredTokens
    | RevokedCredentials
    | Kill
    | AwsTrouble
    | Stray
)


@dataclass(frozen=True)
class Plan:
    """All lives, talks and troubles of one seed, troubles in the order of their time."""

    seed: int
    lives: tuple[Life, ...]
    troubles: tuple[Trouble, ...]
    talks: Talks

    @property
    def assets(self) -> list[Asset]:
        """List the assets of all lives."""
        return [asset for life in self.lives for asset in life.assets]

    @property
    def deliveries(self) -> int:
        """Count the deliveries of all lives."""
        return sum(life.deliveries for life in self.lives)
