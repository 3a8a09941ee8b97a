"""A person's login to CMP: the authorization code flow (facts.md 3), up to the stored tokens.

A login may make the refresh token from before it fail. So whether the new one can be stored is
tried before CMP is asked, and both happen under the lease of refresh_token, never beside a refresh.
A lease can be over before its time if the clocks differ or AWS is slow: so the new one is looked at
once more after it was stored.
A command that is killed has stored all of the refresh token or nothing: repeating it mends that.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from uuid import uuid4

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from cmp_relay.credentials import Credentials, CredentialsSecret
from cmp_relay.errors import (
    CredentialsError,
    LeaseHeldError,
    RateLimitedError,
    UnavailableError,
)
from cmp_relay.leases import Leases
from cmp_relay.oauth import Grant, TokenEndpoint
from cmp_relay.origins import is_private
from cmp_relay.refresh import LEASE
from cmp_relay.tokens import Token, TokenSecret
from cmp_relay_cli import errors
from cmp_relay_cli.errors import OperatorError, UsageError
from cmp_relay_cli.loopback import Reply
from cmp_relay_cli.stack import Stack

GRANT = "refresh_token"
SCOPE = "openid profile offline_access"
LEASE_SECONDS = 60
"""Twelve of them for CMP, the others for Secrets Manager, which takes longer on a bad day."""
PAUSE_SECONDS = 0.5
IN_DOUBT = "the stack keeps its refresh token, which this login may have ended: log in again"
"""CMP may take the code although its answer is lost, and ends what was granted before with it."""


class Login:
    """The login of one person to one stack; raises OperatorError, and boto's errors."""

    def __init__(
        self,
        stack: Stack,
        client: httpx.Client,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Keep the parts; raises OperatorError for a stack that needs no login."""
        grant = stack.parameters["CmpGrantType"]
        if grant != GRANT:
            message = (
                f"the stack {stack.name} asks CMP with {grant} and takes no login: deploy it with "
                f"the parameter CmpGrantType={GRANT} first"
            )
            raise OperatorError(message)
        secret = stack.outputs["CredentialsSecretArn"]
        # The refresh token of before is of no interest: it may be the reason for the login.
        self._credentials = CredentialsSecret(stack.secrets, secret, "client_credentials")
        self._renewable = CredentialsSecret(stack.secrets, secret, GRANT)
        self._token = TokenSecret(stack.secrets, stack.outputs["TokenSecretArn"])
        self._leases = Leases(stack.dynamodb, stack.table, now=now)
        self._endpoint = TokenEndpoint(client, stack.parameters["CmpTokenUrl"], GRANT)
        self._now = now
        self._sleep = sleep

    def known(self) -> Credentials | None:
        """Return CMP's client as the stack has it, None if somebody has to name it."""
        try:
            return self._credentials.read()
        except CredentialsError:
            return None

    def prepare(self) -> None:
        """See that refresh tokens can be stored."""
        with self._alone():
            self._credentials.rehearse()

    def finish(self, client: Credentials, code: str, callback: str) -> Token:
        """Turn the code into tokens and store them: the refresh token first, since it is unique."""
        with self._alone():
            began = self._now()  # counted from before the request: rather too short than too long
            grant = self._redeem(client, code, callback)
            try:
                self._credentials.store(replace(client, refresh_token=grant.refresh_token))
            except (BotoCoreError, ClientError) as error:
                message = (
                    f"CMP's refresh token could not be stored, as {errors.explain(error)}; then "
                    "log in again, since the one before it may have ended"
                )
                raise OperatorError(message) from error
            try:
                token = self._store(grant, began)
                self._look_again(grant)
            except (BotoCoreError, ClientError) as error:
                message = (
                    f"you are logged in, but {errors.explain(error)}: if the access token was not "
                    "stored, the stack goes on with its own and fetches the next by itself"
                )
                raise OperatorError(message) from error
            return token

    def _redeem(self, client: Credentials, code: str, callback: str) -> Grant:
        try:
            grant = self._endpoint.redeem(client, code, callback)
        except CredentialsError as error:
            message = (
                f"CMP refuses the login ({error}): compare client id, client secret and callback "
                "address with the app in CMP; nothing was changed"
            )
            raise OperatorError(message) from None
        except RateLimitedError as error:
            message = f"CMP is asked too much ({error}): log in again later; nothing was changed"
            raise OperatorError(message) from None
        except UnavailableError as error:
            raise OperatorError(f"CMP gave no tokens ({error}); {IN_DOUBT}") from None
        if grant.refresh_token is None:
            message = f"CMP gave the app no refresh token for offline_access; {IN_DOUBT}"
            raise OperatorError(message)
        return grant

    def _store(self, grant: Grant, began: float) -> Token:
        before = self._token.read()
        forced = before.forced_at if before else ()
        expires_at = began + grant.expires_in
        return self._token.write(Token(grant.access_token, "", expires_at, began, forced))

    def _look_again(self, grant: Grant) -> None:
        with suppress(CredentialsError):  # a person may have emptied the secret
            if self._renewable.read().refresh_token == grant.refresh_token:
                return
        message = (
            "another refresh token was stored at the same moment, which this login may have ended: "
            "log in again"
        )
        raise OperatorError(message)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lease of refresh_token, as soon as it is free."""
        with ExitStack() as held:
            self._wait_for(held)
            yield

    def _wait_for(self, held: ExitStack) -> None:
        end = self._now() + LEASE_SECONDS
        while True:
            try:
                owner = f"login-{uuid4().hex}"
                held.enter_context(self._leases.held(LEASE, owner, LEASE_SECONDS))
            except LeaseHeldError:
                if self._now() >= end:
                    message = "the stack is renewing its token: log in again; nothing was changed"
                    raise OperatorError(message) from None
                self._sleep(PAUSE_SECONDS)
            else:
                return


def authorization_url(
    stack: Stack, given: str | None, client_id: str, callback: str, state: str | None = None
) -> str:
    """Return where a person logs in; raises UsageError if that cannot be told, or is not private.

    CMP's token endpoint ends in /token, and the other one beside it in /auth (facts.md 3).
    """
    token_url = stack.parameters["CmpTokenUrl"]
    if given is None and not token_url.endswith("/token"):
        raise UsageError("where does CMP log people in? Name it with --auth-url")
    try:
        url = httpx.URL(given or f"{token_url.removesuffix('/token')}/auth")
    except httpx.InvalidURL:
        raise UsageError("--auth-url is not a URL") from None
    if not is_private(url) or url.userinfo:
        raise UsageError("--auth-url is not https (http is for loopback alone)")
    asked = {
        "client_id": client_id,
        "redirect_uri": callback,
        "response_type": "code",
        "scope": SCOPE,
    }
    return str(url.copy_merge_params(asked | ({} if state is None else {"state": state})))


def code_of(reply: Reply | None, seconds: float) -> str:
    """Return the code that came back; raises OperatorError if none did."""
    if reply is None:
        message = f"nobody has logged in within {seconds:g} seconds; nothing was changed"
        raise OperatorError(message)
    if reply.code is None:
        error = reply.error or "an error that we do not know"
        raise OperatorError(f"CMP does not let the app in: {error}; nothing was changed")
    return reply.code
