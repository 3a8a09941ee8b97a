"""What a person sees of a run: what was done, what it met, and the verdict."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from rich import box
from rich.markup import escape
from rich.table import Table

from tools.chaos import economy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from tools.chaos.observation import Observation
    from tools.chaos.plan import Plan
    from tools.chaos.verdict import Verdict
    from tools.stand_in.records import DeliveryRecord

SHOWN = 12


@dataclass(frozen=True)
class Report:
    """One run in numbers."""

    plan: Plan
    deliveries: Sequence[DeliveryRecord]
    met: Mapping[str, int]
    aws_calls: Mapping[str, int]
    found: Observation
    verdict: Verdict
    settled_after: float
    cut_short: int

    def show(self, console: Console) -> None:
        """Print it."""
        console.print(_table("Load", self._load()))
        console.print(_table("Injected", dict(sorted(self.met.items()))))
        ledger = self.found.ledger
        console.print(_table("Ledger", {"received": ledger.received, **ledger.rows}))
        console.print(_table("Files", self._files()))
        console.print(_table("Talks", self._talks()))
        console.print(_table("CMP", self._cmp()))
        console.print(self._checks())
        if self.verdict.is_good:
            console.print(f"[green]✓ Seed {self.plan.seed}: everything holds.[/]")
        else:
            console.print(f"[red]✗ Seed {self.plan.seed}: not everything holds.[/]")

    def _load(self) -> dict[str, object]:
        repeated = sum(one["attempts"] > 1 for one in self.deliveries)
        return {
            "assets": len(self.plan.assets),
            "deliveries": len(self.deliveries),
            "of which CMP had to repeat": repeated,
            "attempts": sum(one["attempts"] for one in self.deliveries),
            "stories cut short": self.cut_short,
            "seconds until quiet": f"{self.settled_after:.0f}",
        }

    def _files(self) -> dict[str, object]:
        files = self.found.files
        held = [file for item in files.items.values() for file in item["files"].values()]
        ended = Counter(str(job.outcome) for job in files.jobs)
        whole = sum(one["whole"] and one["status"] == HTTPStatus.OK for one in files.downloads)
        rest = sum(one["status"] == HTTPStatus.PARTIAL_CONTENT for one in files.downloads)
        return {
            "file jobs": len(files.jobs),
            **dict(sorted(ended.items())),
            "downloads": len(files.downloads),
            "of which whole": whole,
            "of which went on in the middle": rest,
            "megabytes": f"{sum(one['sent_bytes'] for one in files.downloads) / 1e6:.0f}",
            "files in the end": len(held),
            "of which copied by a folder rule": sum(file["copy"] is not None for file in held),
        }

    def _talks(self) -> dict[str, object]:
        talks, talk = self.plan.talks, self.found.talk
        return {
            "steps": len(talks.steps),
            "tickets in Jira": len(talk.issues),
            "said in CMP": sum(len(one.said("cmp")) for one in talks.steps),
            "said in Jira": sum(len(one.said("jira")) for one in talks.steps),
            "said by programs": sum(len(one.said("program")) for one in talks.steps),
            "reports": sum(len(list(one.reports())) for one in talks.publications),
            "jobs of commands and tickets": len(talk.jobs),
            **dict(sorted(Counter(str(job.outcome) for job in talk.jobs).items())),
            "requests to Jira": len(talk.requests),
        }

    def _cmp(self) -> dict[str, object]:
        spent = economy.of(self.found)
        answers = Counter(str(one["status"]) for one in self.found.requests)
        limited = sum(
            one["status"] == HTTPStatus.TOO_MANY_REQUESTS and not one["fault"]
            for one in self.found.requests
        )
        return {
            "requests": len(self.found.requests),
            **{f"answered {status}": count for status, count in sorted(answers.items())},
            "429 for its own limits": limited,
            "details given": spent.asked,
            "states that had to be fetched": spent.needed,
            "requests per state": f"{spent.ratio:.2f}",
            "events on the bus": len(self.found.events),
            "calls of AWS": sum(self.aws_calls.values()),
        }

    def _checks(self) -> Table:
        table = Table("check", "problems", title="Verdict", title_justify="left", box=box.SIMPLE)
        for name, problems in self.verdict.problems.items():
            mark = "[red]✗[/]" if problems else "[green]✓[/]"
            shown = [escape(problem) for problem in problems[:SHOWN]]
            more = [f"… {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
            table.add_row(f"{mark} {name}", "\n".join([*shown, *more]))
        return table


def _table(title: str, rows: Mapping[str, object]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False, box=box.SIMPLE)
    table.add_column()
    table.add_column(justify="right")
    for name, value in rows.items():
        table.add_row(name, str(value))
    return table
