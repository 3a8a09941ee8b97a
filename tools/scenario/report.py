"""What a person sees in the end: a row for each job, the sums below it, and a verdict."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from tools.scenario.jobs import EndedJob

SHORT = 8
COLUMNS = ("delivery → job", "outcome", "asset", "title", "state", "event")
WRAPPED = {"asset", "title"}
COLOURS = {"applied": "green", "superseded": "yellow", "dead_lettered": "red"}


@dataclass(frozen=True)
class Passage:
    """One delivery that was sent and what came of it."""

    event_name: str
    channel: str
    delivery_id: str
    jobs: int
    ended: Sequence[EndedJob]


@dataclass(frozen=True)
class Report:
    """All passages with the events that the bus carried, by their job."""

    passages: Sequence[Passage]
    events: dict[str, dict[str, Any]]
    requests: int

    @property
    def complete(self) -> bool:
        """Tell whether every job was applied and announced."""
        return bool(self.passages) and all(
            0 < one.jobs == len(one.ended)
            and all(job.outcome == "applied" and job.job_id in self.events for job in one.ended)
            for one in self.passages
        )

    def show(self, console: Console) -> None:
        """Print the table, the sums and the verdict."""
        console.print(self._table())
        jobs = [job for passage in self.passages for job in passage.ended]
        outcomes = Counter(job.outcome or "in flight" for job in jobs)
        kinds = Counter(str(event["detail-type"]) for event in self.events.values())
        console.print(f"  deliveries       {len(self.passages)}")
        console.print(f"  jobs             {sum(passage.jobs for passage in self.passages)}")
        console.print(f"  outcomes         {_listed(outcomes)}")
        console.print(f"  requests to CMP  {self.requests}")
        console.print(f"  events           {_listed(kinds)}\n")
        if self.complete:
            console.print("[green]✓ Everything arrived.[/]")
        else:
            console.print("[red]✗ Not everything arrived[/]; see .local/stacks/run/logs.")

    def _table(self) -> Table:
        table = Table(title="What arrived", title_justify="left", box=box.SIMPLE_HEAD)
        table.padding, table.pad_edge = (0, 1), False
        for heading in COLUMNS:
            table.add_column(heading, no_wrap=heading not in WRAPPED)
        for passage in self.passages:
            origin = f"[dim]{passage.delivery_id[:SHORT]} channel {passage.channel}[/]"
            table.add_row(f"[bold]{passage.event_name}[/]", "", "", origin)
            for job in passage.ended:
                table.add_row(*self._row(passage, job))
            table.add_section()
        return table

    def _row(self, passage: Passage, job: EndedJob) -> list[str]:
        event = self.events.get(job.job_id, {})
        asset = event.get("detail", {}).get("asset", {})
        outcome = job.outcome or "in flight"
        return [
            f"  → job {job.job_id.removeprefix(passage.delivery_id)}",
            f"[{COLOURS.get(outcome, 'red')}]{outcome}[/]",
            str(asset.get("type", job.asset_id)),
            str(asset.get("title") or ""),
            asset.get("library") or ("published" if asset.get("published") else "unpublished"),
            str(event.get("detail-type", "[red]none[/]")),
        ]


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"
