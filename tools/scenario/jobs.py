"""What became of the jobs of a delivery, read from the catalogue as an operator would."""

import time
from dataclasses import dataclass

from tools.local_stack.stack import LocalStack

PAUSE_SECONDS = 0.2


@dataclass(frozen=True)
class EndedJob:
    """A job and its outcome, None if it has none yet; `asset_id` is empty if it is of no asset."""

    job_id: str
    event_name: str
    asset_id: str
    outcome: str | None
    reason: str | None


def look(stack: LocalStack, delivery_id: str, jobs: int) -> list[EndedJob]:
    """Return what the catalogue knows of a delivery's jobs now."""
    found = []
    for number in range(jobs):
        key = {"pk": {"S": f"JOB#{delivery_id}.{number}"}, "sk": {"S": "JOB"}}
        answer = stack.boto("dynamodb").get_item(
            TableName=stack.env["CATALOGUE_TABLE"], Key=key, ConsistentRead=True
        )
        item = answer.get("Item")
        if item:
            found.append(
                EndedJob(
                    job_id=f"{delivery_id}.{number}",
                    event_name=item["event_name"]["S"],
                    asset_id=item["asset_id"].get("S", ""),
                    outcome=item.get("outcome", {}).get("S"),
                    reason=item.get("reason", {}).get("S"),
                )
            )
    return found


def wait(stack: LocalStack, delivery_id: str, jobs: int, seconds: float) -> list[EndedJob]:
    """Wait until all jobs of a delivery have ended, and return them as they are after that time."""
    deadline = time.monotonic() + seconds
    while True:
        found = look(stack, delivery_id, jobs)
        ended = [job for job in found if job.outcome]
        if len(ended) == jobs or time.monotonic() > deadline:
            return found
        time.sleep(PAUSE_SECONDS)
