"""POST /webhooks/jira: Jira tells what happened to an issue.

Leaves the signed body in the archive, and a job in the Ticket queue if it concerns us.
"""

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from cmp_relay.aws import Aws
from cmp_relay.gateway import Answer, Request
from cmp_relay.settings import TicketReceiverSettings, read
from cmp_relay.telemetry import logger, metrics
from cmp_relay.ticket_reception import TicketReception

settings = read(TicketReceiverSettings, os.environ)
reception = TicketReception(settings, Aws.of(os.environ), logger, metrics)


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Answer:
    """Answer one request of the HTTP API."""
    return reception.answer(Request(event))
