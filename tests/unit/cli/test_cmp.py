"""What keeps a command from CMP: told at once and truly, and nothing to the stack's workers."""

import io
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from cmp_relay.breaker import FAILURES, Breaker
from cmp_relay.budget_table import BudgetTable
from cmp_relay.slots import Limits, State
from cmp_relay_cli import cmp, moments
from cmp_relay_cli.stack import Choice, Stack
from tests.unit.cli.conftest import Run

BASE = "https://cmp.example/v3"
MISSING = {"status": "credentials", "reason": "client_id is missing in the credentials secret"}
LIMITS = Limits(per_second=10, per_minute=100, per_month=200_000, bulk_share=0.5)


@dataclass
class Machine:
    """An operator's machine beside a stack: what CMP answers to it, and how its time goes by."""

    stack: Stack
    answers: list[httpx.Response | Exception] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(f"{request.method} {request.url.path}")
        found = self.answers.pop(0) if self.answers else httpx.Response(200, json={"data": []})
        if isinstance(found, Exception):
            raise found
        return found

    def has_token(self, seconds: int = 3000) -> None:
        value = {"access_token": "hidden-token", "expires_at": time.time() + seconds}
        self.stack.secrets.put_secret_value(
            SecretId=self.stack.outputs["TokenSecretArn"], SecretString=json.dumps(value)
        )

    @property
    def table(self) -> BudgetTable:
        return BudgetTable(self.stack.dynamodb, self.stack.table)

    @property
    def state(self) -> State:
        return self.table.read()


@pytest.fixture
def machine(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A machine whose waiting takes no time, and passes it."""
    secrets = {
        name: stack.secrets.create_secret(Name=name, SecretString='{"current": "new"}')["ARN"]
        for name in ("webhook", "credentials")
    }
    own = replace(
        stack,
        outputs={
            **stack.outputs,
            "CredentialsSecretArn": secrets["credentials"],
            "ReconcileLibraryFunctionName": "reconcile_library",
            "RefreshTokenFunctionName": "refresh_token",
            "WebhookSecretArn": secrets["webhook"],
            "WebhookUrl": "https://api.example/webhooks/cmp",
        },
        parameters={
            **stack.parameters,
            "CmpApiBase": BASE,
            "CmpApiOrigins": "https://cmp.example",
            "UploadOrigins": "https://uploads.example",
            "ApiRequestsPerSecond": "10",
            "BulkShare": "50",
        },
    )
    monkeypatch.setattr(Choice, "find", lambda _: own)
    made, clock = Machine(own), time.time_ns
    monkeypatch.setattr(time, "sleep", made.slept.append)
    monkeypatch.setattr(time, "time_ns", lambda: clock() + int(sum(made.slept) * 1e9))
    with httpx.Client(transport=httpx.MockTransport(made.answer)) as client:

        @contextmanager
        def built() -> Iterator[httpx.Client]:
            yield client

        monkeypatch.setattr(cmp, "build_client", built)
        yield made


def invoking(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, answer: Mapping[str, Any] | Exception
) -> None:
    """Let refresh_token answer so, or AWS refuse to ask it."""

    def invoke(**_: object) -> dict[str, Any]:
        if isinstance(answer, Exception):
            raise answer
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}

    monkeypatch.setattr(machine.stack.functions, "invoke", invoke)


DENIED = ClientError({"Error": {"Code": "AccessDeniedException"}}, "Invoke")
WITHOUT_TOKEN = [
    (MISSING, "client_id is missing in the credentials secret"),
    (DENIED, "there is no token: these AWS credentials may not do Invoke"),
    ({"status": "odd"}, "there is no token: refresh_token gave an answer that we do not know: see"),
]
COMMANDS = [
    ["assets", "list"],
    ["assets", "upload", __file__, "--yes"],
    ["register", "--yes"],
    ["rotate-secret", "status"],
    ["doctor"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(("answer", "told"), WITHOUT_TOKEN)
def test_who_gets_no_token_learns_why_at_once_and_the_workers_go_on(
    machine: Machine,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
    answer: Mapping[str, Any] | Exception,
    told: str,
) -> None:
    invoking(machine, monkeypatch, answer)
    if command[0] == "rotate-secret":  # of interest to it are CMP's settings while one is under way
        machine.stack.secrets.put_secret_value(
            SecretId=machine.stack.outputs["WebhookSecretArn"],
            SecretString='{"current": "new", "accepted": ["old"]}',
        )

    ended = run(*command)

    assert told in ended.out + ended.err
    for untrue in ("it is not known", "CMP does not do it"):
        assert untrue not in ended.err
    assert (machine.requests, machine.slept, machine.state) == ([], [], State())


def test_a_machine_that_does_not_reach_cmp_stops_nobody_else(machine: Machine, run: Run) -> None:
    machine.has_token()
    machine.answers += [httpx.ConnectError("hidden-url")] * 2 * FAILURES

    for _ in range(2 * FAILURES):
        ended = run("doctor", "--json")

    (finding,) = [each for each in json.loads(ended.out)["findings"] if each["about"] == "CMP"]
    assert f"shows no settings: GET {BASE}/settings" in finding["what"]
    assert len(machine.requests) == 2 * FAILURES
    assert (machine.state.failures, machine.state.open_reason) == (0, None)


def test_an_open_breaker_is_told_at_once_and_not_probed(machine: Machine, run: Run) -> None:
    machine.has_token()
    Breaker(machine.table, LIMITS).open("unavailable")
    opened = machine.state

    ended = run("assets", "list")

    assert (ended.code, ended.out) == (1, "")
    assert "the stack has stopped asking CMP (unavailable)" in ended.err
    assert "`cmp-relay status`" in ended.err
    assert (machine.requests, machine.slept, machine.state) == ([], [], opened)


def test_who_waits_for_the_budget_is_told_how_long(machine: Machine, run: Run) -> None:
    machine.has_token()
    machine.table.change(put={"resume_at": moments.now() + 30_000})

    ended = run("assets", "list", "--json")

    assert (ended.code, json.loads(ended.out)) == (0, [])
    assert ended.err.splitlines()[0] == "waiting 30 s, as CMP or the API budget asks"
    assert 29 < sum(machine.slept) < 35


def test_a_slot_that_does_not_come_in_time_is_told(machine: Machine, run: Run) -> None:
    machine.has_token()
    machine.table.change(put={"resume_at": moments.now() + 900_000})

    ended = run("assets", "list")

    assert (ended.code, machine.requests, machine.slept) == (1, [], [])
    assert "the stack's API budget has no slot within 120 s: try later" in ended.err


def test_a_429_is_waited_out_aloud_and_holds_for_the_workers(machine: Machine, run: Run) -> None:
    machine.has_token()
    machine.answers = [httpx.Response(429, headers={"Retry-After": "7"})]

    ended = run("assets", "list")

    assert (ended.code, len(machine.requests)) == (0, 2)
    assert "waiting 7 s, as CMP or the API budget asks" in ended.err
    assert machine.state.pauses >= 7000
    assert machine.state.throttles == 0
