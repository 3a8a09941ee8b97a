"""EventBridge Scheduler, or a worker whose token failed: renews CMP's access token.

Leaves behind a new version of the token secret, and of the credentials secret if CMP rotated.
"""

import os
from typing import TYPE_CHECKING

from cmp_relay import clients
from cmp_relay.credentials import CredentialsSecret
from cmp_relay.exchanges import build_client
from cmp_relay.leases import Leases
from cmp_relay.oauth import TokenEndpoint
from cmp_relay.refresh import Refresh
from cmp_relay.settings import RefreshSettings, read
from cmp_relay.telemetry import logger, metrics
from cmp_relay.tokens import TokenSecret

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

settings = read(RefreshSettings, os.environ)
secrets = clients.secrets()
grant_type = settings.cmp_grant_type
refresh = Refresh(
    TokenSecret(secrets, settings.token_secret_arn),
    CredentialsSecret(secrets, settings.credentials_secret_arn, grant_type),
    Leases(clients.dynamodb(), settings.catalogue_table),
    TokenEndpoint(build_client(), settings.cmp_token_url, grant_type, scope=settings.cmp_scope),
    record=metrics.add_metric,
)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, object], context: "LambdaContext") -> dict[str, str]:
    """Renew the token and reply with what was done."""
    return refresh.run(event, context.aws_request_id)
