"""EventBridge Scheduler, or a person: finds in CMP's library what no delivery has told.

Leaves jobs in the LibraryAsset queue, and a checkpoint with the report of the newest run.
"""

import os
from typing import TYPE_CHECKING, Any

from cmp_relay import reconciliation
from cmp_relay.telemetry import logger, metrics

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

reconcile = reconciliation.build(os.environ)


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Go on with the run that is due and reply how far it is."""
    return reconcile.tick(
        event, context.aws_request_id, lambda: context.get_remaining_time_in_millis() / 1000
    )
