"""Every function stands alone: its own role, its own log, nothing of the account reserved."""

from collections import Counter

import pytest

from cmp_relay import runs
from cmp_relay.reconciliation import LEASE_SECONDS, RESERVE_SECONDS
from tests.template import processed, snapshot

FUNCTIONS = processed.functions()
REQUIREMENTS = snapshot.PROJECT / "layers" / "dependencies" / "requirements.txt"


def test_no_function_reserves_concurrency() -> None:
    # Accounts with a quota of 10 refuse it
    assert not [name for name, each in FUNCTIONS.items() if "ReservedConcurrentExecutions" in each]


def test_every_function_has_a_role_that_nobody_else_uses() -> None:
    own = {processed.target(each["Role"]): name for name, each in FUNCTIONS.items()}
    others = processed.of_type("AWS::IAM::Role").keys() - own.keys()

    assert own == {name.removesuffix("Function") + "Role": name for name in FUNCTIONS}
    assert others == {"ReconcileLibraryScheduleRole", "RefreshTokenScheduleRole"}
    for role, service in [*((name, "lambda") for name in own), *((n, "scheduler") for n in others)]:
        document = processed.properties(role)["AssumeRolePolicyDocument"]
        assert [each["Principal"] for each in document["Statement"]] == [
            {"Service": f"{service}.amazonaws.com"}
        ]


def test_every_function_writes_to_a_log_group_of_its_own() -> None:
    groups = Counter(
        processed.target(each["LoggingConfig"]["LogGroup"]) for each in FUNCTIONS.values()
    )

    assert groups == {name.removesuffix("Function") + "LogGroup": 1 for name in FUNCTIONS}


def test_every_log_group_forgets() -> None:
    for group in processed.of_type("AWS::Logs::LogGroup").values():
        assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_traces_need_no_tracing_library(function: str) -> None:
    assert FUNCTIONS[function]["TracingConfig"] == {"Mode": "Active"}
    assert "xray" not in REQUIREMENTS.read_text().lower()


@pytest.mark.parametrize("name", ["ReconcileLibrary", "RefreshToken"])
def test_a_tick_that_fails_is_tried_again_and_its_failure_is_kept(name: str) -> None:
    goal = processed.of_type("AWS::Scheduler::Schedule")[f"{name}FunctionTick"]["Target"]

    assert processed.target(goal["Arn"]) == f"{name}Function"
    assert goal["RetryPolicy"]["MaximumRetryAttempts"] > 0
    assert processed.target(goal["DeadLetterConfig"]["Arn"]) == f"{name}DeadLetterQueue"
    dead_letters = FUNCTIONS[f"{name}Function"]["DeadLetterConfig"]["TargetArn"]
    assert processed.target(dead_letters) == f"{name}DeadLetterQueue"


def test_a_run_ends_before_its_lease_and_its_lease_before_the_next_tick() -> None:
    timeout = FUNCTIONS["ReconcileLibraryFunction"]["Timeout"]
    schedule = processed.of_type("AWS::Scheduler::Schedule")["ReconcileLibraryFunctionTick"]

    assert schedule["ScheduleExpression"] == f"rate({runs.TICK // 60_000} minutes)"
    assert RESERVE_SECONDS < timeout < LEASE_SECONDS < runs.TICK // 1000
