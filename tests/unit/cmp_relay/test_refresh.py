import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import boto3
import httpx
import pytest
from moto import mock_aws

from cmp_relay.credentials import CredentialsSecret
from cmp_relay.errors import UnavailableError
from cmp_relay.leases import Lease, Leases
from cmp_relay.oauth import TokenEndpoint
from cmp_relay.refresh import LEASE, Refresh
from cmp_relay.tokens import Token, TokenSecret
from tests.support import catalogue_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

NOW = 1_800_000_000.0
SCHEDULE: dict[str, object] = {"source": "schedule"}
CREDENTIALS = {"client_id": "id", "client_secret": "secret", "refresh_token": "r0", "note": "ours"}


class OneAtATime:
    """DynamoDB changes an item atomically, moto does not: let one thread in at a time."""

    def __init__(self, client: "DynamoDBClient") -> None:
        self.exceptions = client.exceptions
        self._client = client
        self._lock = threading.Lock()

    def update_item(self, **request: Any) -> object:  # noqa: ANN401
        with self._lock:
            return self._client.update_item(**request)

    def delete_item(self, **request: Any) -> object:  # noqa: ANN401
        with self._lock:
            return self._client.delete_item(**request)


@dataclass
class Stage:
    """refresh_token with CMP and AWS around it: answers rotate r0, r1, …, tokens a1, a2, …"""

    secrets: "SecretsManagerClient"
    table: "DynamoDBClient"
    now: float = NOW
    requests: int = 0
    response: httpx.Response | None = None
    before_answer: threading.Event = field(default_factory=threading.Event)
    metrics: list[tuple[str, str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.before_answer.set()
        self.token = TokenSecret(self.secrets, "token")
        self.leases = Leases(
            cast("DynamoDBClient", OneAtATime(self.table)), "catalogue", now=lambda: self.now
        )

    def respond(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        self.before_answer.wait(10)
        number = self.requests
        granted = {"access_token": f"a{number}", "expires_in": 3600, "refresh_token": f"r{number}"}
        return self.response or httpx.Response(200, json=granted)

    def run(self, event: dict[str, object], grant_type: str = "refresh_token") -> dict[str, str]:
        client = httpx.Client(transport=httpx.MockTransport(self.respond))
        refresh = Refresh(
            self.token,
            CredentialsSecret(self.secrets, "credentials", grant_type),
            self.leases,
            TokenEndpoint(client, "https://accounts.cmp.optimizely.com/token", grant_type),
            record=lambda *metric: self.metrics.append(metric),
            now=lambda: self.now,
        )
        return refresh.run(event, f"owner-{threading.get_ident()}")

    def store(self, *, left: float, life: float = 3600, forced: tuple[float, ...] = ()) -> Token:
        obtained_at = self.now + left - life
        return self.token.write(Token("a0", "", self.now + left, obtained_at, forced))

    def fill_in(self, content: object) -> None:
        self.secrets.put_secret_value(SecretId="credentials", SecretString=json.dumps(content))

    def credentials(self) -> dict[str, str]:
        text = self.secrets.get_secret_value(SecretId="credentials")["SecretString"]
        return cast("dict[str, str]", json.loads(text))

    def stored(self) -> Token:
        token = self.token.read()
        assert token is not None
        return token


@pytest.fixture
def stage() -> Iterator[Stage]:
    with mock_aws():
        table = boto3.client("dynamodb")
        catalogue_table.create(table)
        secrets = boto3.client("secretsmanager")
        for name in ("token", "credentials"):
            secrets.create_secret(Name=name)
        stage = Stage(secrets, table)
        stage.fill_in(CREDENTIALS)
        yield stage


def test_the_schedule_gets_the_first_token(stage: Stage) -> None:
    assert stage.run({}) == {"status": "refreshed"}

    token = stage.stored()
    assert (token.value, token.obtained_at, token.expires_at) == ("a1", NOW, NOW + 3600)
    assert token.forced_at == ()


@pytest.mark.parametrize(
    ("left", "status"), [(1801, "current"), (1799, "refreshed"), (-5, "refreshed")]
)
def test_the_schedule_renews_a_token_at_half_of_its_life(
    stage: Stage, left: float, status: str
) -> None:
    stage.store(left=left)

    assert stage.run(SCHEDULE) == {"status": status}
    assert stage.requests == (status == "refreshed")


def test_half_of_a_long_life_is_long(stage: Stage) -> None:
    month = 30 * 86_400
    stage.store(left=month / 2 + 60, life=month)

    assert stage.run(SCHEDULE) == {"status": "current"}


def test_a_worker_gets_another_token_for_the_one_that_failed(stage: Stage) -> None:
    failed = stage.store(left=3000, forced=(NOW - 86_401, NOW - 86_399))

    assert stage.run({"failed_version": failed.version}) == {"status": "refreshed"}

    assert stage.stored().value == "a1"
    assert stage.stored().forced_at == (NOW - 86_399, NOW)


def test_forced_refreshes_are_limited_by_the_day(stage: Stage) -> None:
    failed = stage.store(left=3000, forced=tuple(NOW - 3700 - each for each in range(40)))

    reply = stage.run({"failed_version": failed.version})

    assert reply == {"status": "refused", "reason": "too many forced refreshes in a day"}


@pytest.mark.parametrize("failed_version", ["older", None])
def test_a_worker_that_is_late_is_told_that_the_token_is_current(
    stage: Stage, failed_version: str | None
) -> None:
    stage.store(left=3590)

    assert stage.run({"failed_version": failed_version}) == {"status": "current"}
    assert stage.requests == 0


def test_a_token_that_has_expired_is_never_current(stage: Stage) -> None:
    stage.store(left=-1, life=30)

    assert stage.run({"failed_version": None}) == {"status": "refreshed"}


def test_a_young_token_is_not_replaced_for_a_worker(stage: Stage) -> None:
    young = stage.store(left=3541)

    reply = stage.run({"failed_version": young.version})

    assert reply == {"status": "refused", "reason": "the token that failed is too young"}
    assert stage.requests == 0


def test_six_forced_refreshes_in_an_hour_are_enough(stage: Stage) -> None:
    forced = tuple(NOW - 3000 + 400 * number for number in range(6))
    failed = stage.store(left=3000, forced=forced)

    reply = stage.run({"failed_version": failed.version})

    assert reply == {"status": "refused", "reason": "too many forced refreshes in an hour"}
    stage.now += 601
    assert stage.run({"failed_version": failed.version}) == {"status": "refreshed"}


def test_who_finds_a_refresh_under_way_is_told_so(stage: Stage) -> None:
    stage.leases.acquire(LEASE, "another", 40)

    assert stage.run(SCHEDULE) == {"status": "in_progress"}
    assert stage.requests == 0


def test_who_waited_for_the_lease_looks_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    acquire = stage.leases.acquire

    def finish_another_refresh_first(name: str, owner: str, seconds: float) -> Lease:
        stage.store(left=3600)
        return acquire(name, owner, seconds)

    monkeypatch.setattr(stage.leases, "acquire", finish_another_refresh_first)

    assert stage.run(SCHEDULE) == {"status": "current"}
    assert stage.requests == 0


def test_ten_workers_at_once_make_one_request(stage: Stage) -> None:
    failed = stage.store(left=3000)
    stage.before_answer.clear()

    def ask(number: int) -> str:
        status = stage.run({"failed_version": failed.version})["status"]
        if status == "in_progress":
            stage.before_answer.set()
        return status

    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(ask, range(10)))

    assert stage.requests == 1
    assert statuses.count("refreshed") == 1
    assert set(statuses) <= {"refreshed", "in_progress", "current"}
    assert stage.stored().value == "a1"


def test_a_rotated_refresh_token_survives_a_crash_before_the_access_token_is_stored(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(token: Token) -> Token:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(stage.token, "write", crash)
        with pytest.raises(SystemExit):
            stage.run(SCHEDULE)

    assert stage.credentials() == {**CREDENTIALS, "refresh_token": "r1"}
    assert stage.run(SCHEDULE) == {"status": "refreshed"}
    assert stage.stored().value == "a2"
    assert stage.credentials() == {**CREDENTIALS, "refresh_token": "r2"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({}, "client_id is missing in the credentials secret"),
        (
            {**CREDENTIALS, "client_secret": "REPLACE_ME"},
            "client_secret in the credentials secret is still a placeholder",
        ),
    ],
)
@pytest.mark.parametrize("event", [SCHEDULE, {"failed_version": None}])
def test_missing_credentials_are_told_and_not_thrown(
    stage: Stage, content: object, reason: str, event: dict[str, object]
) -> None:
    stage.fill_in(content)

    assert stage.run(event) == {"status": "credentials", "reason": reason}

    assert stage.metrics == [("CredentialsRefused", "Count", 1), ("TokenSecondsLeft", "Seconds", 0)]
    assert stage.requests == 0


def test_refused_credentials_are_told_and_leave_the_lease_free(stage: Stage) -> None:
    stage.store(left=900)
    stage.response = httpx.Response(400, json={"error": "invalid_grant"})

    reply = stage.run(SCHEDULE)

    assert reply["status"] == "credentials"
    assert reply["reason"].endswith("/token: 400 invalid_grant")
    assert ("TokenSecondsLeft", "Seconds", 900) in stage.metrics
    stage.leases.acquire(LEASE, "next", 40)


def test_a_token_endpoint_out_of_order_is_thrown_to_be_tried_again(stage: Stage) -> None:
    stage.store(left=900)
    stage.response = httpx.Response(503)

    with pytest.raises(UnavailableError):
        stage.run(SCHEDULE)

    assert stage.metrics == [("TokenSecondsLeft", "Seconds", 900)]
    stage.leases.acquire(LEASE, "next", 40)


def test_counts_what_it_did(stage: Stage) -> None:
    stage.run(SCHEDULE, grant_type="client_credentials")

    assert stage.metrics == [("TokenRefreshed", "Count", 1), ("TokenSecondsLeft", "Seconds", 3600)]
    assert stage.credentials() == CREDENTIALS
