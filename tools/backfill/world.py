"""The stack of a backfill, its library, and how far the relay has come with that."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cmp_relay import times
from cmp_relay.checkpoints import Checkpoints
from cmp_relay.outcomes import SHARDS
from tools.backfill.standing import Standing
from tools.local_stack.stack import LocalStack
from tools.stand_in.client import StandIn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_sqs.literals import QueueAttributeNameType

    from tools.backfill.plan import Plan
    from tools.local_stack.progress import Progress

STACK = "backfill"
# Far above what this machine can do, with slots that may be 1 s late, as at the default limits.
LIMITS = {"ApiRequestsPerSecond": "1000", "ApiRequestsPerMinute": "6000"}
WORK_QUEUES = ("LIBRARY_ASSET", "ASSET_FILE")
DEAD_LETTER = "_DEAD_LETTER_QUEUE_URL"
DEPTHS: tuple[QueueAttributeNameType, ...] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
# No less than the function may run, and not the six minutes that a dead worker's jobs wait on AWS.
VISIBILITY_SECONDS = 60
LEASE = {"pk": {"S": "LEASE#reconcile"}, "sk": {"S": "LEASE"}}
OUTCOMES = ("applied", "superseded", "dead_lettered")
END_SECONDS = 30.0
PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class World:
    """One running stack and its CMP, whose library has these titles by asset id."""

    stack: LocalStack
    cmp: StandIn
    titles: Mapping[str, str]
    began_at: int

    @property
    def table(self) -> str:
        """Return the name of the catalogue table."""
        return self.stack.env["CATALOGUE_TABLE"]

    def standing(self) -> Standing:
        """Tell how far the backfill is; one item of the checkpoint, sixteen of the counts."""
        checkpoint = Checkpoints(self.stack.boto("dynamodb"), self.table).read()
        return Standing.of(checkpoint, self._ended())

    def waiting(self) -> int:
        """Count the messages of the queues that a backfill fills, visible or not."""
        return sum(self._depth(f"{name}_QUEUE_URL") for name in WORK_QUEUES)

    def dead_letters(self) -> dict[str, int]:
        """Count the dead letters of every queue that has some."""
        names = [name for name in self.stack.env if name.endswith(DEAD_LETTER)]
        depths = {name.removesuffix(DEAD_LETTER): self._depth(name) for name in names}
        return {name: depth for name, depth in depths.items() if depth}

    def parameters(self) -> dict[str, str]:
        """Return the template's parameters as they are by default."""
        cloudformation = self.stack.boto("cloudformation")
        answer = cloudformation.get_template_summary(StackName=self.stack.env["STACK_NAME"])
        return {each["ParameterKey"]: each.get("DefaultValue", "") for each in answer["Parameters"]}

    def kill(self, function: str) -> int:
        """Kill a function's execution environments in whatever they do; return how many."""
        found = self.stack.functions.processes(function)
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + END_SECONDS
        # The local Lambda must have seen their end before it is handed more work.
        while {*found} & {*self.stack.functions.processes(function)}:
            if time.monotonic() > deadline:
                break
            time.sleep(PAUSE_SECONDS)
        return len(found)

    def end_lease(self) -> None:
        """End a dead tick's lease, as time does on AWS before the schedule's next tick."""
        self.stack.boto("dynamodb").delete_item(TableName=self.table, Key=LEASE)

    def _ended(self) -> int:
        days = {times.day(self.began_at), times.day(time.time_ns() // 1_000_000)}
        keys = [
            {"pk": {"S": f"COUNT#{day}#{shard:02d}"}, "sk": {"S": "COUNT#reconcile"}}
            for day in sorted(days)
            for shard in range(SHARDS)
        ]
        wanted: Any = {self.table: {"Keys": keys, "ConsistentRead": True}}
        answer = self.stack.boto("dynamodb").batch_get_item(RequestItems=wanted)
        items = answer["Responses"].get(self.table, [])
        return sum(int(item[name]["N"]) for item in items for name in OUTCOMES if name in item)

    def _depth(self, name: str) -> int:
        answer = self.stack.boto("sqs").get_queue_attributes(
            QueueUrl=self.stack.env[name], AttributeNames=["All"]
        )
        return sum(int(answer["Attributes"][kind]) for kind in DEPTHS)


@contextmanager
def started(plan: Plan, progress: Progress) -> Iterator[World]:
    """Start a stack beside a library that it does not know yet; end it with the context."""
    with (
        LocalStack.start(name=STACK, parameters=parameters(plan), progress=progress) as stack,
        StandIn(stack.cmp_url) as cmp,
    ):
        orders = plan.orders()
        with progress(f"{plan.assets:,} assets in CMP's library"):
            ids = cmp.add_assets(orders)
        for name in WORK_QUEUES:
            stack.boto("sqs").set_queue_attributes(
                QueueUrl=stack.env[f"{name}_QUEUE_URL"],
                Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS)},
            )
        cmp.clear_requests()
        titles = {one: order["title"] for one, order in zip(ids, orders, strict=True)}
        yield World(stack, cmp, titles, time.time_ns() // 1_000_000)


def parameters(plan: Plan) -> dict[str, str]:
    """Return the parameters of the stack: limits far away, and all of them for the run."""
    return {
        **LIMITS,
        "ReconcileShare": "100",
        "LibraryDetail": plan.level,
        "MirrorFiles": "true" if plan.files else "false",
    }
