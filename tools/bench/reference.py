"""The least that a delivery can cost: parse it, compare the secret, build the same SQS entries."""

from __future__ import annotations

import hmac
import json
import time
from typing import TYPE_CHECKING, Any

from tools.bench import world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def seconds(event: Path, entries: Callable[[dict[str, Any], str], object], times: int) -> float:
    """Return the CPU seconds of one delivery."""
    request = json.loads(event.read_text())
    shown, accepted = (
        request["headers"]["callback-secret"].encode(),
        world.webhook_secret().encode(),
    )
    began = time.process_time()
    for _ in range(times):
        body = json.loads(request["body"])
        hmac.compare_digest(shown, accepted)
        entries(body["data"], body["event_name"])
    return (time.process_time() - began) / times
