"""POST /webhooks/cmp[/{channel}]: CMP delivers an event.

Leaves the raw delivery in the archive, its jobs in their queues, and the rest in quarantine.
"""

import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from cmp_relay import gateway, settings
from cmp_relay.aws import Aws
from cmp_relay.reception import Reception

logger = Logger()
metrics = Metrics()
reception = Reception(
    settings.read(settings.ReceiverSettings, os.environ), Aws.of(os.environ), logger, metrics
)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> gateway.Answer:
    """Answer one request of the HTTP API."""
    return reception.answer(gateway.Request(event))
