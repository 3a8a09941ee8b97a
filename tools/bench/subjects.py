"""What is measured: the baseline and every function, each in fresh interpreters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tools.bench import world

if TYPE_CHECKING:
    from pathlib import Path

BASELINE = "baseline"
RECEIVER = "receive_webhook"


class BenchmarkError(Exception):
    """A measured function did not do its work."""


@dataclass
class Subject:
    """One handler, the file of its event, and the CPU seconds of every run."""

    name: str
    module: str
    event: Path
    firsts: list[float] = field(default_factory=list)
    warm: float | None = None

    @property
    def first(self) -> float:
        """Return the least CPU seconds of init plus first invocation."""
        return min(self.firsts)

    def run(self, url: str, *, warm: int = 0) -> None:
        """Measure once more; raises BenchmarkError if the function failed."""
        result = _run(self.module, self.event, url, warm)
        if not _succeeded(result["answer"]):
            raise BenchmarkError(f"{self.name} answered {json.dumps(result['answer'])[:500]}")
        self.firsts.append(result["first"])
        self.warm = result["warm"]


def subjects(folder: Path, url: str) -> list[Subject]:
    """Return the baseline and every function that has an event, its links pointing to the stub."""
    found = [Subject(BASELINE, "tools.bench.baseline", _event(RECEIVER, folder, url))]
    for path in sorted((world.PROJECT / "functions").glob("*/app.py")):
        name = path.parent.name
        if not (world.EVENTS / f"{name}.json").exists():
            raise BenchmarkError(f"events/invoke/{name}.json is missing")
        found.append(Subject(name, f"functions.{name}.app", _event(name, folder, url)))
    return found


def _event(name: str, folder: Path, url: str) -> Path:
    """Write a function's event with CMP at the stub and messages that were sent just now.

    So nothing leaves this machine, and no worker takes its job for an expired one.
    """
    event = json.loads((world.EVENTS / f"{name}.json").read_text().replace(world.CMP, url))
    for record in event.get("Records", []):
        record["attributes"]["SentTimestamp"] = str(int(time.time() * 1000))
    path = folder / f"{name}.json"
    path.write_text(json.dumps(event))
    return path


def _run(module: str, event: Path, url: str, warm: int) -> dict[str, Any]:
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        **world.variables(url),
        "PYTHONPATH": os.pathsep.join(
            map(str, (world.PROJECT, world.PROJECT / "layers" / "cmp_relay"))
        ),
    }
    command = [sys.executable, "-m", "tools.bench.child", module, str(event), str(warm)]
    run = subprocess.run(  # noqa: S603  # our own interpreter and module
        command, env=environment, cwd=world.PROJECT, capture_output=True, text=True, check=False
    )
    if run.returncode:
        raise BenchmarkError(f"{module}: {run.stderr.strip()[-2000:]}")
    result: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return result


def _succeeded(answer: dict[str, Any]) -> bool:
    return answer.get("statusCode", 202) == 202 and not answer.get("batchItemFailures")
