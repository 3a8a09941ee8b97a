"""The flush: all reports of one publishing event that wait are told to CMP (facts.md 5).

CMP answers 200 even if it refuses some of them, takes each once, and has no way to change what it
has taken. So what it has already is compared with what it was to be told: a repeated report, after
a worker died perhaps, has been applied.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from cmp_relay import report_batch
from cmp_relay.errors import (
    ApiError,
    ForbiddenError,
    NotFoundError,
    PostponedError,
    RequestRefusedError,
    UnavailableError,
    UntrustedLinkError,
)
from cmp_relay.fields import at, text
from cmp_relay.open_api import OpenApi
from cmp_relay.report import Report
from cmp_relay.report_batch import EXISTS, Draft, Said
from cmp_relay.report_table import ReportTable, window_of

FOR_WHAT_IT_HOLDS = frozenset({400, 413, 422})
"""Statuses of a request that CMP would take with less in it, or something else."""
MOST_PAGES = 10
"""Of a list that has none by CMP's documentation."""


@dataclass(slots=True)
class Flush:
    """The sending of one publishing event's reports by who holds its lease, until `ends_at` (ms).

    `silent` counts the reports that CMP was sent and has said nothing of.
    """

    api: OpenApi
    table: ReportTable
    event_id: str
    most: int
    now: Callable[[], int]
    ends_at: int
    silent: int = field(default=0, init=False)

    def run(self) -> None:
        """Send what waits, until nothing does or what came meanwhile has a window of its own.

        Raises PostponedError when the visit's time is over, and ApiErrors that can be retried.
        """
        while True:
            window = self.table.window(self.event_id)
            known = self.table.of(self.event_id)
            waiting = [report for report in known if report.verdict is None]
            if not waiting:
                if self.table.close(self.event_id, window):
                    return
                continue
            really = window_of(waiting)
            if really.due > self.now():
                self.table.reopen(self.event_id, really.first_at)
                return
            self._send(known)

    def _send(self, known: Sequence[Report]) -> None:
        covered = {report.job_id: report for report in report_batch.covered(known)}
        self.table.settle(covered.values())
        drafts = report_batch.drafts(each for each in known if each.job_id not in covered)
        for link in sorted({draft.first.link for draft in drafts}):
            again = [draft for draft in drafts if draft.first.link == link]
            while again:
                again = self._tell(link, again)
        if self.silent:
            raise UnavailableError(f"CMP said nothing of {self.silent} reports")

    def _tell(self, link: str, drafts: Iterable[Draft]) -> list[Draft]:
        """Send drafts, in halves if CMP refuses a whole; return those that it wants otherwise."""
        queue = deque(report_batch.batches(drafts, self.most))
        again: list[Draft] = []
        while queue:
            self._stay()
            batch = queue.popleft()
            try:
                body = {"data": [dict(draft.first.entry) for draft in batch]}
                answer = self.api.tell("POST", link, body)
            except (
                ForbiddenError,
                NotFoundError,
                RequestRefusedError,
                UntrustedLinkError,
            ) as error:
                if error.status in FOR_WHAT_IT_HOLDS:
                    if len(batch) == 1:
                        self._refuse(batch, error)
                    else:
                        queue.extendleft(reversed(report_batch.halves(batch)))
                    continue
                # The link is of no use, whatever was to go there.
                self._refuse([*batch, *(draft for rest in queue for draft in rest)], error)
                break
            else:
                again += self._hear(link, report_batch.read(answer, batch))
        return again

    def _hear(self, link: str, said: Iterable[Said]) -> list[Draft]:
        """Write down what CMP said of each draft; return those that it wants otherwise."""
        ended: list[Report] = []
        again: list[Draft] = []
        there: list[Draft] = []
        for draft, row, problems in said:
            if row is not None:
                ended += draft.taken(row)
            elif not problems:
                self.silent += len(draft.reports)
            elif any(problem.code == EXISTS for problem in problems):
                there.append(draft)
            elif changed := draft.amended(problems):
                again.append(changed)
            else:
                ended += draft.refused_for(problems)
        # What CMP wants otherwise is kept: a report that is repeated is to be what CMP has of it.
        self.table.settle([*ended, *(report for draft in again for report in draft.reports)])
        self._compare(link, there)
        return again

    def _compare(self, link: str, drafts: Sequence[Draft]) -> None:
        """End reports by what CMP has of their assets already."""
        rows = self._listed(link) if len(drafts) > 1 else []
        for draft in drafts:
            found = report_batch.known(rows, draft)
            found = found or report_batch.known(self._listed(_filtered(link, draft)), draft)
            if found:
                self.table.settle(draft.compared(found))
            else:
                self.silent += len(draft.reports)

    def _listed(self, link: str) -> list[Mapping[str, Any]]:
        """Return what CMP lists at a link; raises ApiErrors that can be retried."""
        found: list[Mapping[str, Any]] = []
        page: str | None = link
        for _ in range(MOST_PAGES):
            if page is None:
                break
            self._stay()
            try:
                answer = self.api.get(page)
            except ApiError as error:
                if error.retryable:
                    raise
                raise UnavailableError(f"not to be compared: {error}") from None
            found += report_batch.rows(answer)
            page = text(at(answer, "pagination", "next"))
        return found

    def _refuse(self, drafts: Iterable[Draft], error: ApiError) -> None:
        refused = [draft.refused(error.reason, str(error)) for draft in drafts]
        self.table.settle(report for reports in refused for report in reports)

    def _stay(self) -> None:
        if self.now() >= self.ends_at:
            raise PostponedError("reports are being sent, but the visit's time is over", delay=1)


def _filtered(link: str, draft: Draft) -> str:
    """Return the link to what CMP has of one asset and locale, a filter that it documents."""
    entry = draft.first.entry
    return (
        f"{link}?{urlencode({key: entry[key] for key in ('asset_id', 'locale') if key in entry})}"
    )
