"""OtherEvent queue: tells the bus of every event that has no worker of its own, with its data.

Leaves one event on the bus, with what CMP shows of its subject if that is wanted, and every job
ended.
"""

import os
from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from cmp_relay import other_events
from cmp_relay.telemetry import logger, metrics

worker = other_events.build(os.environ, reserve_seconds=30)


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Work on one batch of jobs."""
    return worker.handle(event, context)
