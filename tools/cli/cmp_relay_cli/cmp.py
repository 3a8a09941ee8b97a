"""CMP as the stack sees it: with its cached token and its API budget, in the lane of bulk."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from botocore.exceptions import BotoCoreError, ClientError

from cmp_relay.breaker import Breaker
from cmp_relay.budget import Budget
from cmp_relay.budget_table import BudgetTable
from cmp_relay.cmp_v3 import Cmp, assemble
from cmp_relay.endpoint import Endpoint
from cmp_relay.errors import AppointmentError, NotAskedError
from cmp_relay.exchanges import build_client
from cmp_relay.lookup import REQUEST_SECONDS
from cmp_relay.open_api import OpenApi
from cmp_relay.origins import FileOrigins, Origins
from cmp_relay.patience import PATIENCE_SECONDS, Patience
from cmp_relay.permits import Permits
from cmp_relay.slots import Limits
from cmp_relay.storage import Storage
from cmp_relay.tokens import TokenSource
from cmp_relay_cli import errors
from cmp_relay_cli.stack import Stack

WORTH_TELLING_SECONDS = 2
NO_SLOT = f"the stack's API budget has no slot within {PATIENCE_SECONDS} s: try later"


@contextmanager
def connected(stack: Stack) -> Iterator[Cmp]:
    """Use CMP's Open API beside a stack, and leave its breaker alone; raises SettingsError.

    What keeps a request from CMP is an error of its kind, in words that tell what to do.
    """
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
        endpoint = Endpoint(api, base, Patience(permits(stack), sleep=wait).visiting())
        try:
            yield assemble(endpoint, Storage(client, uploads))
        except NotAskedError as error:
            error.args = (_why(error),)
            raise
        except AppointmentError as error:
            error.args = (NO_SLOT,)
            raise


def wait(seconds: float) -> None:
    """Wait, aloud if it is long enough to wonder about."""
    if seconds >= WORTH_TELLING_SECONDS:
        typer.echo(f"waiting {seconds:.0f} s, as CMP or the API budget asks", err=True)
    time.sleep(seconds)


def permits(stack: Stack) -> Permits:
    """Return what lets requests through the stack's API budget, in the lane of bulk."""
    limits = Limits(
        per_second=stack.number("ApiRequestsPerSecond"),
        per_minute=stack.number("ApiRequestsPerMinute"),
        per_month=stack.number("ApiRequestsPerMonth"),
        bulk_share=stack.number("BulkShare") / 100,
    )
    table = BudgetTable(stack.dynamodb, stack.table)
    return Permits(Budget(table, limits), Breaker(table, limits), "bulk", sleep=wait)


def _why(error: NotAskedError) -> str:
    """Say what keeps the operator from asking CMP, and what to do about it."""
    without_token = error.__cause__
    if without_token is None:
        return f"{error}, until a probe of its own is answered: see `cmp-relay status`"
    refusal = without_token.__cause__
    if isinstance(refusal, BotoCoreError | ClientError):
        return f"there is no token: {errors.explain(refusal)}"
    return f"{error}: see `cmp-relay doctor`"
