"""CMP as the stack sees it: with its cached token and its API budget, in the lane of bulk."""

from collections.abc import Iterator
from contextlib import contextmanager

from cmp_relay.breaker import Breaker
from cmp_relay.budget import Budget
from cmp_relay.budget_table import BudgetTable
from cmp_relay.cmp_v3 import Cmp, assemble
from cmp_relay.endpoint import Endpoint
from cmp_relay.exchanges import build_client
from cmp_relay.lookup import REQUEST_SECONDS
from cmp_relay.open_api import OpenApi
from cmp_relay.origins import FileOrigins, Origins
from cmp_relay.patience import Patience
from cmp_relay.permits import Permits
from cmp_relay.slots import Limits
from cmp_relay.storage import Storage
from cmp_relay.tokens import TokenSource
from cmp_relay_cli.stack import Stack


@contextmanager
def connected(stack: Stack) -> Iterator[Cmp]:
    """Use CMP's Open API beside a stack; raises SettingsError."""
    tokens = TokenSource(
        stack.secrets,
        lambda: stack.functions,
        stack.outputs["TokenSecretArn"],
        stack.outputs["RefreshTokenFunctionName"],
    )
    base = stack.parameters["CmpApiBase"]
    origins = Origins.parse(stack.parameters["CmpApiOrigins"].split(","))
    uploads = FileOrigins.parse(stack.parameters["UploadOrigins"].split(","), "UPLOAD_ORIGINS")
    with build_client() as client:
        api = OpenApi(client, tokens, origins, base, REQUEST_SECONDS)
        endpoint = Endpoint(api, base, Patience(permits(stack)))
        yield assemble(endpoint, Storage(client, uploads))


def permits(stack: Stack) -> Permits:
    """Return what lets requests through the stack's API budget, in the lane of bulk."""
    limits = Limits(
        per_second=stack.number("ApiRequestsPerSecond"),
        per_minute=stack.number("ApiRequestsPerMinute"),
        per_month=stack.number("ApiRequestsPerMonth"),
        bulk_share=stack.number("BulkShare") / 100,
    )
    table = BudgetTable(stack.dynamodb, stack.table)
    return Permits(Budget(table, limits), Breaker(table, limits), "bulk")
