"""Command queue: tells CMP what the organization's programs, or the relay itself, have to say.

Leaves each command carried out in CMP, its result on the bus, and every job ended.
"""

import os
from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from cmp_relay import running
from cmp_relay.telemetry import logger, metrics

worker = running.build(os.environ, reserve_seconds=40)


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Work on one batch of commands."""
    return worker.handle(event, context)
