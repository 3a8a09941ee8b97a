"""The functions of the local stack: invoke one, read what all wrote, find their processes."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tools.local_stack.aws import Aws
    from tools.local_stack.resources import Resources


@dataclass(frozen=True)
class Invocation:
    """What came of invoking a function."""

    payload: str
    failed: bool


@dataclass(frozen=True)
class Functions:
    """The Lambda functions of one stack, by their folder's names."""

    aws: Aws
    resources: Resources
    temporary: Path
    """The folder in which the stack's MiniStack unpacks functions."""

    def physical_name(self, name: str) -> str:
        """Return the deployed name of `on_asset_published`."""
        logical_id = "".join(word.capitalize() for word in name.split("_")) + "Function"
        return self.resources.physical_id(logical_id)

    def invoke(self, name: str, event: object) -> Invocation:
        """Invoke a function with an event and return its answer."""
        answer = self.aws("lambda").invoke(
            FunctionName=self.physical_name(name), Payload=json.dumps(event).encode()
        )
        payload = answer["Payload"].read().decode()
        return Invocation(payload, failed="FunctionError" in answer)

    def logs(self, name: str | None = None, *, since: int = 0) -> str:
        """Return all that a function wrote, of every function without a name.

        `since` is in milliseconds since 1970.
        """
        written = [
            (event["timestamp"], event["message"])
            for group in self._log_groups(name)
            for page in self.aws("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=group, startTime=since)
            for event in page["events"]
        ]
        # By time alone: the lines of one invocation share theirs and stay in order.
        return "\n".join(message for _, message in sorted(written, key=lambda line: line[0]))

    def processes(self, name: str) -> list[int]:
        """Return the pids of a function's execution environments: ending one is a crash.

        MiniStack runs each as `python …/ministack-lambda-{function}-…/_worker.py`.
        """
        # Functions of the same name run in every other stack on the machine.
        mark = f"{self.temporary}/ministack-lambda-{self.physical_name(name)}-"
        listed = subprocess.run(
            ["ps", "-A", "-ww", "-o", "pid=,args="],  # noqa: S607  # wherever the system keeps it
            check=True,
            capture_output=True,
            text=True,
        )
        lines = [line.split(maxsplit=1) for line in listed.stdout.splitlines()]
        return [int(pid) for pid, *arguments in lines if mark in "".join(arguments)]

    def _log_groups(self, name: str | None) -> list[str]:
        if name is not None:
            answer = self.aws("lambda").get_function(FunctionName=self.physical_name(name))
            return [answer["Configuration"]["LoggingConfig"]["LogGroup"]]
        pages = self.aws("logs").get_paginator("describe_log_groups").paginate()
        return [group["logGroupName"] for page in pages for group in page["logGroups"]]
