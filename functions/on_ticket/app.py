"""Ticket queue: lets tickets in Jira and external steps in CMP tell each other.

Leaves tickets and comments in Jira, commands in the Command queue, and every job ended.
"""

import os
from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from cmp_relay import ticketing
from cmp_relay.telemetry import logger, metrics

worker = ticketing.build(os.environ, reserve_seconds=40)


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Work on one batch of jobs."""
    return worker.handle(event, context)
