"""AssetUnpublished queue: ends publications of each asset and announces it, without asking CMP.

Leaves the catalogue's items, one event on the bus, and every job ended.
"""

import os
from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from cmp_relay.composition import publish_worker
from cmp_relay.telemetry import logger, metrics

worker = publish_worker(os.environ, enrich=None, reserve_seconds=10)


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Work on one batch of jobs."""
    return worker.handle(event, context)
