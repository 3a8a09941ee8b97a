"""POST /webhooks/cmp[/{channel}]: CMP delivers an event.

Leaves the raw delivery in the archive, its jobs in their queues, and the rest in quarantine.
"""

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from cmp_relay.aws import Aws
from cmp_relay.gateway import Answer, Request
from cmp_relay.reception import Reception
from cmp_relay.settings import ReceiverSettings, read
from cmp_relay.telemetry import logger, metrics

reception = Reception(read(ReceiverSettings, os.environ), Aws.of(os.environ), logger, metrics)


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Answer:
    """Answer one request of the HTTP API."""
    return reception.answer(Request(event))
