"""What a person sees in the end: a row for each job, the sums below it, and a verdict."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich import box
from rich.console import Console
from rich.table import Table

from tools.scenario.files import AssetFiles
from tools.scenario.jobs import EndedJob
from tools.scenario.talk import Turn

SHORT = 8
COLUMNS = ("delivery → job", "outcome", "asset", "title", "state", "event")
TURN_COLUMNS = ("turn", "what the other side has")
FILE_COLUMNS = ("asset", "state", "bytes", "file, and its copy by folder rule")
WRAPPED = {"asset", "title"}
REPEAT = "repeats job "
"""How the reason of a publish job begins that tells nothing new: samples were sent before."""
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
    """All passages with the events that the bus carried, by their job, the files and the answers.

    `wants_copies` if the rules of the stack are known to copy some of them.
    """

    passages: Sequence[Passage]
    events: dict[str, dict[str, Any]]
    assets: Sequence[AssetFiles]
    requests: int
    wants_copies: bool
    turns: Sequence[Turn] = ()

    @property
    def complete(self) -> bool:
        """Tell whether every job was applied and announced, and every file is where it belongs.

        A repeat of a job that was applied before has arrived too. What was to be told back has to
        have been seen on the other side.
        """
        copies = [file.copy for asset in self.assets for file in asset.files if file.copy]
        return bool(self.passages and (copies or not self.wants_copies)) and all(
            (
                *map(self._has_arrived, self.passages),
                *(asset.complete for asset in self.assets),
                *(turn.seen is not None for turn in self.turns),
            )
        )

    def _has_arrived(self, passage: Passage) -> bool:
        return 0 < passage.jobs == len(passage.ended) and all(
            _is_repeat(job) or (job.outcome == "applied" and job.job_id in self.events)
            for job in passage.ended
        )

    def show(self, console: Console, logs: Path) -> None:
        """Print the tables, the sums and the verdict, which leads to the folder of the logs."""
        console.print(self._table())
        console.print(self._files())
        jobs = [job for passage in self.passages for job in passage.ended]
        outcomes = Counter(job.outcome or "in flight" for job in jobs)
        kinds = Counter(str(event["detail-type"]) for event in self.events.values())
        console.print(f"  deliveries       {len(self.passages)}")
        console.print(f"  jobs             {sum(passage.jobs for passage in self.passages)}")
        console.print(f"  outcomes         {_listed(outcomes)}")
        console.print(f"  files            {sum(len(asset.files) for asset in self.assets)}")
        console.print(f"  requests to CMP  {self.requests}")
        console.print(f"  events           {_listed(kinds)}\n", soft_wrap=True)
        if self.turns:
            console.print(self._answers())
        if self.complete:
            console.print("[green]✓ Everything arrived.[/]")
        else:
            console.print(f"[red]✗ Not everything arrived[/]; see {logs}.", soft_wrap=True)

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

    def _files(self) -> Table:
        table = Table(title="Files", title_justify="left", box=box.SIMPLE_HEAD)
        table.padding, table.pad_edge = (0, 1), False
        for heading in FILE_COLUMNS:
            justify: Literal["left", "right"] = "right" if heading == "bytes" else "left"
            table.add_column(heading, justify=justify, overflow="fold")
        for asset in self.assets:
            mark = "" if asset.complete else "[red]✗[/] "
            about = (f"{mark}{asset.kind}", asset.state)
            if not asset.files:
                table.add_row(*about, "", "[dim]none[/]")
            for file in asset.files:
                table.add_row(*about, f"{file.size:,}", file.key)
                if file.copy:
                    table.add_row("", "", "", f"→ {file.copy}")
        return table

    def _answers(self) -> Table:
        table = Table(title="What went back", title_justify="left", box=box.SIMPLE_HEAD)
        table.padding, table.pad_edge = (0, 1), False
        for heading in TURN_COLUMNS:
            table.add_column(heading, overflow="fold")
        for turn in self.turns:
            table.add_row(turn.what, turn.seen or "[red]not in time[/]")
        return table

    def _row(self, passage: Passage, job: EndedJob) -> list[str]:
        event = self.events.get(job.job_id)
        told = event["detail"]["asset"] if event else {}
        known = next((one for one in self.assets if one.asset_id == job.asset_id), None)
        outcome = job.outcome or "in flight"
        missing = "[dim]none, a repeat[/]" if _is_repeat(job) else "[red]none[/]"
        return [
            f"  → job {job.job_id.removeprefix(passage.delivery_id)}",
            f"[{COLOURS.get(outcome, 'red')}]{outcome}[/]",
            str(told.get("type") or (known.kind if known else job.asset_id)),
            str(told.get("title") or ""),
            _told_state(told) if event else (known.state if known else ""),
            str(event["detail-type"]) if event else missing,
        ]


def _is_repeat(job: EndedJob) -> bool:
    return job.outcome == "superseded" and (job.reason or "").startswith(REPEAT)


def _told_state(asset: Mapping[str, Any]) -> str:
    """Return the state in the library if an event of the library told it, else that of publish."""
    return asset.get("library") or ("published" if asset.get("published") else "unpublished")


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"
