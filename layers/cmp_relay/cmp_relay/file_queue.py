"""The queue of file jobs: each says that an asset's files have to be looked after, never how.

What they have to be is read when the job is worked on, so that jobs may repeat and overtake.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cmp_relay.catalogue import AssetState

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

EVENT_NAME = "asset_file"


@dataclass(frozen=True, slots=True)
class FileQueue:
    """One queue of file jobs; `now` is in ms."""

    client: "SQSClient"
    queue_url: str
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def ask(self, asset: AssetState) -> None:
        """Ask for the files as they have to be since the asset's newest change."""
        job_id = f"{EVENT_NAME}.{asset.asset_id}.{asset.files_wanted}"
        job = {
            "schema": 1,
            "job_id": job_id,
            "delivery_id": job_id,
            "received_at": self.now(),
            "event_name": EVENT_NAME,
            "channel": "default",
            "cause": "files",
            "organization_id": asset.organization_id,
            "asset": {"id": asset.asset_id, "type": asset.type},
            "wanted": asset.files_wanted,
        }
        self.client.send_message(QueueUrl=self.queue_url, MessageBody=json.dumps(job))
