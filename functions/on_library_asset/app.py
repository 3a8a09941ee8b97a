"""LibraryAsset queue: brings what CMP's library says of each asset into the catalogue.

Leaves details in S3, the asset's item, an event on the bus for what is new, and every job ended.
"""

import os
from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from cmp_relay import library_rows, lookup
from cmp_relay.composition import library_worker
from cmp_relay.telemetry import logger, metrics

worker = library_worker(
    os.environ,
    lookup=lookup.build(os.environ, "bulk"),
    rows=library_rows.build(os.environ),
    reserve_seconds=40,
)


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Work on one batch of jobs."""
    return worker.handle(event, context)
