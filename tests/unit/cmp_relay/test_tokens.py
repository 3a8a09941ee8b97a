import io
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from moto import mock_aws

from cmp_relay import clients
from cmp_relay.errors import CmpRelayError, CredentialsError, PostponedError, UnavailableError
from cmp_relay.tokens import Token, TokenSecret, TokenSource

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

NOW = 1_800_000_000.0
PLANTED = "-".join(["must", "not", "show"])


class Clock:
    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> float:
        return self.time


class RefreshFunction:
    """Stands for the Lambda client: runs `work`, then answers."""

    def __init__(self, answer: object, work: Callable[[], object] = lambda: None) -> None:
        self.answer = answer
        self.work = work
        self.error: str | None = None
        self.events: list[object] = []

    def invoke(self, *, FunctionName: str, Payload: str) -> dict[str, object]:
        assert FunctionName == "refresh-token"
        self.events.append(json.loads(Payload))
        self.work()
        failed = {"FunctionError": self.error} if self.error else {}
        return {"Payload": io.BytesIO(json.dumps(self.answer).encode()), **failed}


@pytest.fixture
def secrets() -> Iterator["SecretsManagerClient"]:
    with mock_aws():
        client = boto3.client("secretsmanager")
        client.create_secret(Name="token")
        yield client


@pytest.fixture
def secret(secrets: "SecretsManagerClient") -> TokenSecret:
    return TokenSecret(secrets, "token")


def store(secret: TokenSecret, *, seconds: float = 3600, value: str = "a1") -> Token:
    return secret.write(Token(value, "", NOW + seconds, NOW, (NOW - 5,)))


def source(
    secrets: "SecretsManagerClient", function: RefreshFunction, clock: Clock | None = None
) -> TokenSource:
    client = cast("LambdaClient", function)
    return TokenSource(secrets, lambda: client, "token", "refresh-token", clock or Clock())


def test_a_token_is_read_as_it_was_written(secret: TokenSecret) -> None:
    written = store(secret)

    assert secret.read() == written
    assert written.version
    assert written.forced_at == (NOW - 5,)


def test_a_token_does_not_show_its_value() -> None:
    assert PLANTED not in repr(Token(PLANTED, "1", NOW))


def test_a_secret_without_a_value_holds_no_token(secret: TokenSecret) -> None:
    assert secret.read() is None


@pytest.mark.parametrize(
    "text", ["", "text", "{}", '{"access_token": 7}', '{"access_token": "a b"}']
)
def test_what_cannot_be_read_is_no_token(
    secrets: "SecretsManagerClient", secret: TokenSecret, text: str
) -> None:
    secrets.put_secret_value(SecretId="token", SecretString=text or "x")

    assert secret.read() is None


def test_a_token_without_its_times_has_expired(
    secrets: "SecretsManagerClient", secret: TokenSecret
) -> None:
    secrets.put_secret_value(SecretId="token", SecretString='{"access_token": "a1"}')

    token = secret.read()

    assert token is not None
    assert (token.expires_at, token.obtained_at, token.forced_at) == (0, 0, ())


def test_keeps_a_token_until_a_minute_before_it_expires(
    secrets: "SecretsManagerClient", secret: TokenSecret
) -> None:
    clock = Clock()
    tokens = source(secrets, RefreshFunction(None), clock)
    first = store(secret, seconds=3600)
    assert tokens.current() == first
    second = store(secret, seconds=7200)

    clock.time += 3539
    assert tokens.current() == first
    clock.time += 1
    assert tokens.current() == second


@pytest.mark.parametrize("stored", [None, -1])
def test_asks_for_a_token_if_none_is_valid(
    secrets: "SecretsManagerClient", secret: TokenSecret, stored: float | None
) -> None:
    old = store(secret, seconds=stored).version if stored else None
    function = RefreshFunction({"status": "refreshed"}, lambda: store(secret, value="a2"))

    token = source(secrets, function).current()

    assert token.value == "a2"
    assert function.events == [{"failed_version": old}]


def test_takes_the_newer_token_for_the_one_that_failed(
    secrets: "SecretsManagerClient", secret: TokenSecret
) -> None:
    function = RefreshFunction(None)
    tokens = source(secrets, function)
    store(secret)
    failed = tokens.current()
    newer = store(secret, value="a2")

    assert tokens.replace(failed) == newer
    assert tokens.current() == newer
    assert function.events == []


def test_asks_for_another_token_than_the_one_that_failed(
    secrets: "SecretsManagerClient", secret: TokenSecret
) -> None:
    function = RefreshFunction({"status": "refreshed"}, lambda: store(secret, value="a2"))
    tokens = source(secrets, function)
    failed = store(secret)

    assert tokens.replace(failed).value == "a2"
    assert function.events == [{"failed_version": failed.version}]


@pytest.mark.parametrize(
    ("answer", "error", "delay"),
    [
        ({"status": "in_progress"}, PostponedError, 2),
        ({"status": "refreshed"}, PostponedError, 2),
        ({"status": "refused", "reason": "too young"}, CredentialsError, 5),
        ({"status": "credentials", "reason": "invalid_client"}, CredentialsError, 5),
    ],
)
def test_waits_as_long_as_the_answer_asks_for(
    secrets: "SecretsManagerClient", answer: object, error: type[PostponedError], delay: float
) -> None:
    with pytest.raises(error) as caught:
        source(secrets, RefreshFunction(answer)).current()

    assert caught.value.delay == delay


@pytest.mark.parametrize("answer", [{"status": "?"}, {}, [], None])
def test_an_answer_that_says_nothing_is_a_fault(
    secrets: "SecretsManagerClient", answer: object
) -> None:
    with pytest.raises(UnavailableError):
        source(secrets, RefreshFunction(answer)).current()


def test_a_refresh_that_failed_is_a_fault(secrets: "SecretsManagerClient") -> None:
    function = RefreshFunction({"status": "refreshed", "errorMessage": PLANTED})
    function.error = "Unhandled"

    with pytest.raises(UnavailableError) as caught:
        source(secrets, function).current()

    assert PLANTED not in str(caught.value)


def test_a_refresh_that_does_not_answer_is_a_fault(secrets: "SecretsManagerClient") -> None:
    def hang() -> None:
        raise ReadTimeoutError(endpoint_url="https://lambda.invalid")

    with pytest.raises(UnavailableError, match="ReadTimeoutError"):
        source(secrets, RefreshFunction(None, hang)).current()


def test_does_not_ask_again_while_the_credentials_wait_for_a_person(
    secrets: "SecretsManagerClient", secret: TokenSecret
) -> None:
    clock = Clock()
    function = RefreshFunction({"status": "credentials", "reason": "client_id is missing"})
    tokens = source(secrets, function, clock)
    with pytest.raises(CmpRelayError):
        tokens.current()
    clock.time += 3

    with pytest.raises(CredentialsError) as caught:
        tokens.current()

    assert caught.value.delay == 2
    assert len(function.events) == 1
    store(secret, value="repaired")
    assert tokens.current().value == "repaired"


def test_the_lambda_client_waits_for_the_answer_and_asks_once() -> None:
    config: Any = clients.invoking().meta.config  # the stubs know no settings

    assert config.retries["total_max_attempts"] == 1
    assert config.read_timeout > 25
