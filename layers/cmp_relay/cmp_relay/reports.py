"""The reports of what became of published assets: gathered for a while, then told in one request.

Each report is a command of its own, and ends as one. The job of each writes its report down and
comes back when the window of the publishing event is over; the first to come sends all that wait
(`report_flush`), and every job ends by what became of its report.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cmp_relay import clients, report, settings
from cmp_relay.commands import CommandJob
from cmp_relay.desk import Desk
from cmp_relay.errors import PostponedError, ReportRefusedError
from cmp_relay.outcomes import MOST_ATTEMPTS, Attempt, Ending
from cmp_relay.report import Report
from cmp_relay.report_flush import Flush
from cmp_relay.report_table import QUIET_MILLISECONDS, ReportTable, Window

SPREAD_SECONDS = 5
"""The jobs of one event come back within so many seconds: one sends, the others find that sent."""
STAY_MILLISECONDS = 15_000
"""How long one visit sends one request after the other; then another one goes on."""


@dataclass(frozen=True, slots=True)
class Reports:
    """Runs `report_publication`; `most` reports go into one request, `now` is in ms."""

    desk: Desk
    table: ReportTable
    most: int
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def run(self, job: CommandJob, attempt: Attempt) -> Ending:
        """Let the report wait, be sent with the others, and end by what became of it.

        Raises PostponedError until it is sent, ReportRefusedError with CMP's code if that refuses
        it.
        """
        mine = report.of(job, self.now())
        known = self.table.find(mine.event_id, mine.job_id)
        if known is None or known.verdict is None:
            self._await(self._window(mine, known))
            self._flush(mine, attempt)
            known = self.table.find(mine.event_id, mine.job_id)
        if known is None or known.verdict is None:
            raise PostponedError("its window has begun anew", delay=QUIET_MILLISECONDS / 1000)
        verdict = known.verdict
        if verdict.reason:
            # Told once, then forgotten: a dead letter that is sent back begins anew.
            self.table.forget(known)
            raise ReportRefusedError(verdict.detail or "", reason=verdict.reason)
        return Ending(verdict.outcome, verdict.detail, verdict.result)

    def _window(self, mine: Report, known: Report | None) -> Window:
        """Return the window in which the report waits; one that is new moves it on."""
        window = self.table.window(mine.event_id) if known else None
        if known is None:
            self.table.add(mine)
        return window or self.table.extend(mine.event_id)

    def _await(self, window: Window) -> None:
        left = (window.due - self.now()) / 1000
        if left > 0:
            apart = random.uniform(0, SPREAD_SECONDS)  # noqa: S311 - not a secret
            raise PostponedError("reports gather until their window is over", delay=left + apart)

    def _flush(self, mine: Report, attempt: Attempt) -> None:
        try:
            with self.desk.at(f"reports#{mine.event_id}", 1) as api:
                ends_at = self.now() + STAY_MILLISECONDS
                Flush(api, self.table, mine.event_id, self.most, self.now, ends_at).run()
        except PostponedError:
            raise
        except Exception:
            known = self.table.find(mine.event_id, mine.job_id)
            if known and known.verdict:
                return  # it was another one that failed
            if attempt.number >= MOST_ATTEMPTS:
                # Its job becomes a dead letter: nobody else is to tell CMP of it.
                self.table.forget(mine)
            raise


def build(environment: Mapping[str, str], desk: Desk, table_name: str) -> Reports:
    """Build what a function's environment names; raises SettingsError."""
    most = settings.read(settings.ReportSettings, environment).max_report_items
    return Reports(desk, ReportTable(clients.dynamodb(), table_name), most)
