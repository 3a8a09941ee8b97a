"""What publish, sync and unpublish make of an asset's publications, in whatever order they arrive.

Pure: no I/O, no clock. The facts of a publication are only ever added; whether it is open is
derived from the facts of all publications of the asset, so the order in which they came makes no
difference (design.md rule 4). CMP does not say whether an unpublish carries the id of the
publishing event that it ends (facts.md 2.7), so both readings hold:

- the same id: the publication has both facts and is closed, whichever came first. Only an
  asset_published received after both were applied, with a newer `modified_at`, opens it again. A
  late asset_synced never does: it cannot be told from one that CMP retried for three days
  (docs/decisions/0003).
- an id of its own: an unpublish that matches no publication ends all of that channel received
  before it.

A replayed notice is an old one: it is judged as of its receipt, so it changes nothing that is
known, and brings what is not (docs/decisions/0003).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

REPEAT_MILLISECONDS = 4 * 24 * 3600 * 1000
"""How long an ended job makes equal ones a repeat (design.md rule 3)."""
REMEMBERED = 50
"""So many ended jobs of a publication are remembered for replays, however long ago they were."""
MOST_REMEMBERED = 1000
"""And no more, however young they are: an item of DynamoDB holds 400 KB."""
UNPUBLISHED = "asset_unpublished"
REPLAYED = "replay."
"""How the ids of jobs begin that a replay gives."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Which job of an identity ended, when (ms), and why it changed nothing if it did not."""

    job_id: str
    at: int
    superseded: str | None = None

    @property
    def replayed(self) -> bool:
        """Tell whether it was a job of a replay: it brought what the catalogue lacked."""
        return self.job_id.startswith(REPLAYED)


@dataclass(frozen=True, slots=True)
class Publication:
    """The facts of one asset within one publishing event; times are ms, None while unknown.

    `published_at`, `synced_at` and `unpublished_at` are when the newest delivery of that kind came.
    """

    channel: str
    publishing_event_id: str
    published_at: int | None = None
    synced_at: int | None = None
    unpublished_at: int | None = None
    modified_at: int | None = None
    applied_at: int = 0
    identities: Mapping[str, Ended] = field(default_factory=dict)

    @property
    def received_at(self) -> int | None:
        """Return when the publication came: its publish, a sync as long as that is all there is."""
        return self.synced_at if self.published_at is None else self.published_at

    @property
    def unmatched(self) -> bool:
        """Tell whether this is an unpublish of which no publication is known."""
        return self.received_at is None and self.unpublished_at is not None


@dataclass(frozen=True, slots=True)
class Notice:
    """What one job says of one publication; `received_at` and `modified_at` in ms."""

    job_id: str
    event_name: str
    channel: str
    publishing_event_id: str
    entry_hash: str
    received_at: int
    modified_at: int | None = None

    @property
    def identity(self) -> str:
        """Name what makes two jobs of this publication the same (design.md rule 3)."""
        return f"{self.event_name}#{self.entry_hash}"

    @property
    def replayed(self) -> bool:
        """Tell whether it is of a job that a replay gives once more."""
        return self.job_id.startswith(REPLAYED)

    @property
    def unpublishes(self) -> bool:
        """Tell whether it ends a publication."""
        return self.event_name == UNPUBLISHED


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a notice: the facts after it, and why it changed nothing else."""

    publication: Publication
    superseded: str | None = None


def repeated(publication: Publication, notice: Notice, *, now: int) -> Ended | None:
    """Return the job that a notice repeats, None if there was none within four days.

    It is the notice's own job when that one was interrupted after its change was written. A
    replayed notice repeats every job that is remembered.
    """
    ended = publication.identities.get(notice.identity)
    if ended is None or ended.job_id == notice.job_id:
        return ended
    if notice.unpublishes and _says_more(publication, notice, ended):
        return None
    recent = now - ended.at < REPEAT_MILLISECONDS
    return ended if recent or notice.replayed else None


def judge(notice: Notice, siblings: Iterable[Publication], *, now: int) -> Verdict:
    """Decide what a notice that repeats none does, given all publications of its asset."""
    known = list(siblings)
    own = next((one for one in known if _same(one, notice)), None)
    before = own or Publication(notice.channel, notice.publishing_event_id)
    others = [one for one in known if not _same(one, notice)]
    at = max(before.applied_at, notice.received_at if notice.replayed else now)
    if notice.unpublishes:
        verdict = _unpublish(before, notice, at)
    elif before.unpublished_at is None:
        verdict = _publish(before, notice, others, at)
    else:
        verdict = _publish_closed(before, notice, at)
    if notice.replayed and verdict.publication == before:
        return Verdict(before, verdict.superseded or "all that it tells is known")
    ended = Ended(notice.job_id, now, verdict.superseded)
    return replace(verdict, publication=_remember(verdict.publication, notice, ended))


def is_open(publication: Publication, siblings: Iterable[Publication]) -> bool:
    """Tell whether a publication is open, given all publications of the asset."""
    received_at = publication.received_at
    if received_at is None or publication.unpublished_at is not None:
        return False
    return not any(_ends(sibling, publication.channel, received_at) for sibling in siblings)


def _ends(sibling: Publication, channel: str, received_at: int) -> bool:
    return (
        sibling.unmatched
        and sibling.channel == channel
        and (sibling.unpublished_at or 0) > received_at
    )


def _says_more(publication: Publication, notice: Notice, ended: Ended) -> bool:
    """Tell whether an unpublish ends more than an equal one did: all unpublishes look the same.

    One that has an id of its own ends nothing more: CMP has repeated it. What replays bring back is
    judged by its receipt alone, since its publish may be yet to come.
    """
    if publication.unpublished_at is None:
        return True
    counts = ended.replayed if notice.replayed else not publication.unmatched
    return counts and notice.received_at > publication.unpublished_at


def _unpublish(before: Publication, notice: Notice, at: int) -> Verdict:
    opened = before.unpublished_at is None
    if notice.replayed and opened and notice.received_at < (before.published_at or 0):
        return Verdict(before, superseded="this publication has been published since")
    later = max(before.unpublished_at or 0, notice.received_at)
    after = replace(before, unpublished_at=later)
    if before.unpublished_at is None or (before.unmatched and later > before.unpublished_at):
        return Verdict(replace(after, applied_at=at))
    return Verdict(after, superseded="this publication has been unpublished already")


def _publish(
    before: Publication, notice: Notice, others: Iterable[Publication], at: int
) -> Verdict:
    received = _received(before, notice)
    if _older(notice.modified_at, before.modified_at):
        return Verdict(received, superseded="a newer version of this publication has been applied")
    after = replace(received, modified_at=_newest(before, notice), applied_at=at)
    if not is_open(after, others):
        return Verdict(after, superseded="an unpublish received later has ended this publication")
    return Verdict(after)


def _publish_closed(before: Publication, notice: Notice, at: int) -> Verdict:
    publishes = notice.event_name == "asset_published"
    after = _received(before, notice)
    if publishes and _republishes(before, notice):
        opened = replace(after, unpublished_at=None, applied_at=at)
        return Verdict(replace(opened, modified_at=notice.modified_at))
    if notice.replayed and _was_republished(before, notice):
        return Verdict(replace(after, unpublished_at=None, applied_at=at))
    if publishes and before.modified_at is None:
        after = replace(after, modified_at=notice.modified_at, applied_at=at)
    elif notice.received_at <= before.applied_at and (not notice.replayed or _was_lost(before)):
        # What was under way beside the unpublish counts as if it had come first.
        after = replace(after, modified_at=_newest(before, notice))
    return Verdict(after, superseded="this publication has been unpublished")


def _republishes(before: Publication, notice: Notice) -> bool:
    return (
        before.received_at is not None
        and notice.received_at > max(before.applied_at, before.unpublished_at or 0)
        and _older(before.modified_at, notice.modified_at)
    )


def _was_republished(before: Publication, notice: Notice) -> bool:
    """Tell whether what was replayed before this was its republish, and came first by chance.

    A replay has brought the unpublish then: one that came by itself has seen what it closed.
    """
    unpublished_at = before.unpublished_at or 0
    return (
        _was_lost(before)
        and notice.received_at < unpublished_at < (before.published_at or 0)
        and _older(notice.modified_at, before.modified_at)
    )


def _was_lost(closed: Publication) -> bool:
    """Tell whether the unpublish that closed a publication was brought by a replay."""
    return any(
        ended.replayed and name.startswith(UNPUBLISHED) for name, ended in closed.identities.items()
    )


def _received(before: Publication, notice: Notice) -> Publication:
    if notice.event_name == "asset_published":
        return replace(before, published_at=max(before.published_at or 0, notice.received_at))
    return replace(before, synced_at=max(before.synced_at or 0, notice.received_at))


def _newest(before: Publication, notice: Notice) -> int | None:
    return max(notice.modified_at or 0, before.modified_at or 0) or None


def _older(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and one < other


def _remember(publication: Publication, notice: Notice, ended: Ended) -> Publication:
    others = {**publication.identities}
    others.pop(notice.identity, None)
    newest = sorted(others, key=lambda name: others[name].at)[1 - MOST_REMEMBERED :]
    always = newest[1 - REMEMBERED :]
    kept = {
        name: others[name]
        for name in newest
        if name in always or ended.at - others[name].at < REPEAT_MILLISECONDS
    }
    return replace(publication, identities={**kept, notice.identity: ended})


def _same(publication: Publication, notice: Notice) -> bool:
    return (publication.channel, publication.publishing_event_id) == (
        notice.channel,
        notice.publishing_event_id,
    )
