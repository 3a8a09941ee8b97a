"""Runs of the reconciliation: when one is due, how far it is, and how much it may spend.

Pure: no I/O, no clock. A run goes on from its checkpoint at every tick of the schedule, until it
has come to its end or has to stop.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from cmp_relay import times

Kind = Literal["incremental", "full"]
Phase = Literal["listing", "removals", "sending", "settling"]

TICK = 300_000
"""How far the schedule's ticks are apart (ms)."""
MARGIN = 600_000
"""How far before the watermark a listing begins (ms): clocks, and what was being written then."""
MOST_FAILURES = 288
"""A day of ticks in a row at which CMP gave no page: then a person has to look."""
MOST_RESTARTS = 3
"""So often a run reads the list from its beginning again, if links that CMP gave lead nowhere."""
SETTLE = 24 * 3600 * 1000
"""How long (ms) a run waits for the jobs that look for what may be gone, to report them."""
HOUR = 3600 * 1000
RETRY_HOURS = 24
"""How long no full run begins by itself after one that stopped: mostly a person has to act first,
and a run takes hours of the share."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What a run has found; `enqueued` are its jobs, `unsettled` those it did not see the end of.

    `candidates` are assets that the library did not list, `removed` those that were gone indeed.
    """

    matched: int = 0
    missing: int = 0
    outdated: int = 0
    candidates: int = 0
    removed: int = 0
    enqueued: int = 0
    unreadable: int = 0
    unsettled: int = 0

    def plus(self, **more: int) -> "Counts":
        """Return the sums."""
        return replace(self, **{name: getattr(self, name) + more[name] for name in more})


@dataclass(frozen=True, slots=True)
class Run:
    """A run under way; times are ms.

    `next` and `previous` are the links of the page to be read and of the one that was read last,
    `total` is how long the list was then, and `recent` are the ids that were on it. `mark` is the
    link of an earlier page, by which a circle is noticed. `sent` is how many candidates have their
    job, since `sent_at`; `failures` are ticks in a row without a page. `restarts` is how often the
    listing began anew, and `earlier` are those of the `pages` that were read before.
    """

    id: str
    kind: Kind
    began_at: int
    next: str
    previous: str | None = None
    phase: Phase = "listing"
    pages: int = 0
    total: int | None = None
    recent: tuple[str, ...] = ()
    mark: str | None = None
    sent: int = 0
    sent_at: int = 0
    failures: int = 0
    restarts: int = 0
    earlier: int = 0
    counts: Counts = field(default_factory=Counts)

    def leads_back(self, link: str | None) -> bool:
        """Tell whether the page to be read closes a circle if it leads to `link`."""
        return link is not None and link in {self.next, self.mark}

    def marked(self) -> str | None:
        """Return the mark for the pages after the one to be read: its link if it is page 2ⁿ.

        By Brent's algorithm: pages that lead in a circle, however long, come by such a mark before
        three times as many are read as there are, and one link is all that has to be kept.
        """
        number = self.pages - self.earlier + 1
        return self.next if number & (number - 1) == 0 else self.mark

    def can_restart(self) -> bool:
        """Tell whether the listing may begin anew: a first page leads to no better one."""
        return self.previous is not None and self.restarts < MOST_RESTARTS

    def restarted(self, first_page: str) -> "Run":
        """Return the run at the beginning of the list again; what it saw and counted stays."""
        return replace(
            self,
            next=first_page,
            previous=None,
            total=None,
            recent=(),
            mark=None,
            failures=0,
            restarts=self.restarts + 1,
            earlier=self.pages,
        )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where the reconciliation is; times are ms.

    `watermark` is when the newest run began that came to its end, `full_at` when the newest full
    one of those did; `began_at` is when the newest run began. `stopped_at` is when a full run
    stopped, unless one has come to its end since. `paid_at` is when all that runs have spent is
    paid for at the pace that they may have. `report` tells of the newest run that has ended.
    """

    revision: int = 0
    watermark: int | None = None
    began_at: int | None = None
    full_at: int | None = None
    stopped_at: int | None = None
    paid_at: int = 0
    run: Run | None = None
    report: Mapping[str, Any] | None = None

    def begun(self, run: Run) -> "Checkpoint":
        """Return the checkpoint at the beginning of a run."""
        return replace(self, run=run, began_at=run.began_at)

    def finished(self, now: int) -> "Checkpoint":
        """Return the checkpoint after its run has come to its end."""
        run = self._running()
        report = _report(run, "finished", now)
        after = replace(self, run=None, watermark=run.began_at, report=report)
        return replace(after, full_at=run.began_at, stopped_at=None) if _is_full(run) else after

    def stopped(self, now: int, reason: str) -> "Checkpoint":
        """Return the checkpoint after its run had to stop; the next one begins where it began."""
        run = self._running()
        report = _report(run, "stopped", now, reason)
        stopped_at = now if _is_full(run) else self.stopped_at
        return replace(self, run=None, stopped_at=stopped_at, report=report)

    def _running(self) -> Run:
        if self.run is None:
            raise ValueError("no run is under way")
        return self.run


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Hours between any two runs that begin by themselves, days between full ones; 0 for never."""

    hours: int
    full_days: int

    def due(self, checkpoint: Checkpoint, now: int) -> Kind | None:
        """Return the run that is due, if one is: a full one not soon after one that stopped."""
        may_be_full = _is_over(checkpoint.stopped_at, RETRY_HOURS, now)
        full = may_be_full and _is_over(checkpoint.full_at, self.full_days * 24, now)
        if not full and not _is_over(checkpoint.began_at, self.hours, now):
            return None
        kind = choose("full" if full else "incremental", checkpoint)
        return kind if kind == "incremental" or may_be_full else None


@dataclass(frozen=True, slots=True)
class Pace:
    """The share (percent) that runs may have of the requests that CMP allows in a minute.

    A tick may spend what comes together in the time of one tick; a page whose jobs go beyond that
    is paid for by the ticks after it.
    """

    share: int
    per_minute: int

    def has_room(self, paid_at: int, now: int) -> bool:
        """Tell whether more may be spent now."""
        return paid_at < now + TICK

    def pay(self, paid_at: int, now: int, requests: int) -> int:
        """Return when that many requests more will be paid for (ms)."""
        each = 60_000 * 100 / max(1, self.share * self.per_minute)
        return int(max(paid_at, now) + requests * each)


def choose(kind: Kind, checkpoint: Checkpoint) -> Kind:
    """Return the run that can be made: what was never listed in full has no changes since."""
    return kind if checkpoint.watermark is not None else "full"


def begin(kind: Kind, now: int, first_page: str) -> Run:
    """Return a run at its beginning."""
    return Run(f"{kind}-{times.iso(now)}", kind, now, first_page)


def since(kind: Kind, checkpoint: Checkpoint) -> int | None:
    """Return from which change on a run lists (ms), None for everything."""
    if kind == "full" or checkpoint.watermark is None:
        return None
    return checkpoint.watermark - MARGIN


def _report(run: Run, status: str, now: int, reason: str | None = None) -> dict[str, Any]:
    return {
        "run": run.id,
        "kind": run.kind,
        "status": status,
        "reason": reason,
        "began_at": times.iso(run.began_at),
        "ended_at": times.iso(now),
        "pages": run.pages,
        "restarts": run.restarts,
        **asdict(run.counts),
    }


def _is_full(run: Run) -> bool:
    return run.kind == "full"


def _is_over(since: int | None, hours: int, now: int) -> bool:
    return hours > 0 and (since is None or now >= since + hours * HOUR)
