"""AssetFile queue: brings an asset's files to where they have to be, and withdraws what must go.

Leaves objects in S3, the FILES item of the asset, an event on the bus, and every job ended.
"""

import os
from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from cmp_relay import mirroring
from cmp_relay.composition import file_worker
from cmp_relay.telemetry import logger, metrics

worker = file_worker(os.environ, work=mirroring.work(os.environ), reserve_seconds=660)


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Work on one batch of jobs."""
    return worker.handle(event, context)
