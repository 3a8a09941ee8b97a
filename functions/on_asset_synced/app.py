"""AssetSynced queue: brings a published asset's new version into the catalogue and announces it.

Leaves details and entry in S3, the catalogue's items, one event on the bus, and every job ended.
"""

import os
from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from cmp_relay import details
from cmp_relay.composition import publish_worker
from cmp_relay.telemetry import logger, metrics

worker = publish_worker(os.environ, enrich=details.build(os.environ), reserve_seconds=40)


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Work on one batch of jobs."""
    return worker.handle(event, context)
