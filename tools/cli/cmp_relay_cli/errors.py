"""What an operator can act on, and the one sentence that tells it.

OperatorError
├── MissingError    what was named is not there
└── UsageError      the command line makes no sense together (exit code 2)
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import typer
from botocore import exceptions
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import (
    ConnectionError as NoConnectionError,
)

from cmp_relay.errors import UnavailableError

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
UNKNOWN = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
REFUSED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
)
LOG_IN = "log in again (`aws sso login`), or name another profile with --profile"
LOGINS = tuple(
    getattr(exceptions, name)
    for name in ("LoginRefreshRequired", "LoginTokenLoadError")
    if hasattr(exceptions, name)  # older ones do not know `aws login`
)
"""What botocore says of a session of `aws login` that has ended."""


class OperatorError(Exception):
    """Something went wrong that a person can act on; its text is one sentence."""

    code: ClassVar[int] = 1


class MissingError(OperatorError):
    """What was named is not there."""


class UsageError(OperatorError):
    """The command line makes no sense together."""

    code = 2


@contextmanager
def owning_up(what: str, how: str) -> Iterator[None]:
    """Say of a write whose answer is lost that nobody knows, and how to find out."""

    def sentence(why: object) -> str:
        return f"it is not known whether {what} ({why}): {how} before you do it again"

    try:
        yield
    except UnavailableError as error:
        raise OperatorError(sentence(error)) from None
    except KeyboardInterrupt:
        typer.echo(f"✗ {sentence('interrupted')}", err=True)
        raise


def explain(error: BotoCoreError | ClientError) -> str:
    """Say in one sentence what AWS, or the way to it, objects to; never with AWS's own text.

    That names accounts, roles and resources, and may hold more.
    """
    if isinstance(error, ClientError):
        return _refusal(error)
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return "there are no AWS credentials: log in, or name a profile with --profile"
    if isinstance(error, (CredentialRetrievalError, SSOError, TokenRetrievalError)):
        return f"the AWS credentials have expired: {LOG_IN}"
    if isinstance(error, LOGINS):
        again = LOG_IN.replace("aws sso login", "aws login")
        return f"the AWS credentials have expired: {again}"
    if isinstance(error, (ConfigNotFound, ProfileNotFound)):
        return "there is no such profile: `aws configure list-profiles` names them"
    if isinstance(error, NoRegionError):
        return "which region? Name it with --region or in AWS_REGION, or say --local"
    if isinstance(error, (HTTPClientError, NoConnectionError)):
        return "AWS does not answer: see whether the network is there and the region is right"
    return f"AWS cannot be asked: {type(error).__name__}"


def _refusal(error: ClientError) -> str:
    code, operation = error.response["Error"].get("Code", ""), error.operation_name
    if code in EXPIRED:
        return f"the AWS credentials have expired: {LOG_IN}"
    if code in UNKNOWN:
        return f"AWS does not know these credentials: {LOG_IN}"
    if code in REFUSED:
        return f"these AWS credentials may not do {operation}: ask for that right, or use --profile"
    return f"AWS refuses {operation}: {code}"


def of_this_machine(error: OSError) -> str:
    """Say in one sentence what this machine objects to, and with which file."""
    if error.strerror is None:
        return str(error)
    if error.filename is None:
        return f"this machine does not do it: {error.strerror}"
    file = os.fsdecode(error.filename)
    return f"{file}: {error.strerror}; see whether it is there, and yours to use"
