"""The tutorial's API (`content_api`) for people and pipelines: whose credentials ask, and for whom.

Those of the environment need neither a stack nor AWS. Those of a stack are its own app's, so their
requests count in its API budget.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from cmp_relay import content_api
from cmp_relay.content_api import ContentApi
from cmp_relay.credentials import Credentials, CredentialsSecret
from cmp_relay.errors import AppointmentError, CredentialsError, SettingsError, UnavailableError
from cmp_relay.exchanges import build_client
from cmp_relay.patience import Patience
from cmp_relay.permits import Permits
from cmp_relay_cli import cmp
from cmp_relay_cli.errors import OperatorError, UsageError
from cmp_relay_cli.session import Session
from cmp_relay_cli.stack import Stack

ID, SECRET = "CMP_CLIENT_ID", "CMP_CLIENT_SECRET"


class Access(NamedTuple):
    """Whose credentials ask, whose API budget counts it, and where the API is if not at CMP."""

    credentials: Credentials
    permits: Permits | None = None
    base: str | None = None


@contextmanager
def connected(session: Session, base: str | None) -> Iterator[ContentApi]:
    """Use the API at an address, with a patience of two minutes for each request.

    Raises OperatorError without credentials, an answer or a slot in time, UsageError for an
    address to which no secret may go.
    """
    access = _access(session)
    base = base or access.base or content_api.BASE

    with build_client() as client:
        patience = Patience(access.permits, sleep=cmp.wait)
        try:
            api = content_api.connect(
                access.credentials, base=base, client=client, patience=patience
            )
        except SettingsError:
            example = f"{content_api.BASE} has both, and no path"
            raise UsageError(f"--api needs an address with https and a host: {example}") from None
        try:
            yield api
        except UnavailableError as error:
            message = f"CMP does not answer in good order ({error}): see --api, or try later"
            raise OperatorError(message) from None
        except AppointmentError:
            raise OperatorError(cmp.NO_SLOT) from None


def of_environment(environment: Mapping[str, str]) -> Credentials | None:
    """Return the credentials that the environment holds, None if it has neither part of them.

    Raises UsageError for one without the other: pipelines leave a secret that they lack empty.
    """
    found = {name: environment.get(name, "").strip() for name in (ID, SECRET)}
    given = [name for name, value in found.items() if value]
    if len(given) == 1:
        (lacking,) = {ID, SECRET} - {*given}
        raise UsageError(f"{given[0]} is set, {lacking} is not: set both, or neither")
    return Credentials(found[ID], found[SECRET]) if given else None


def _access(session: Session) -> Access:
    own = of_environment(os.environ)
    if own:
        return Access(own)
    stack = session.stack()
    # The local stack's credentials are for its stand-in alone, which has this API too.
    base = stack.parameters["CmpApiBase"].removesuffix("/v3") if stack.endpoint else None
    return Access(_of_stack(stack), cmp.permits(stack), base)


def _of_stack(stack: Stack) -> Credentials:
    # The tutorial's API knows client credentials alone, whatever grant the stack uses.
    arn = stack.outputs["CredentialsSecretArn"]
    try:
        return CredentialsSecret(stack.secrets, arn, "client_credentials").read()
    except CredentialsError as error:
        raise OperatorError(
            f"{error}: put CMP's credentials in, or set {ID} and {SECRET}"
        ) from None
