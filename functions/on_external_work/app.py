"""ExternalWork queue: tells the bus what CMP shows of an external step, and who comments on it.

Leaves the step's item, one event on the bus for what is new, and every job ended.
"""

import os
from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from cmp_relay import external_work
from cmp_relay.telemetry import logger, metrics

worker = external_work.build(os.environ, reserve_seconds=45)


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Work on one batch of jobs."""
    return worker.handle(event, context)
