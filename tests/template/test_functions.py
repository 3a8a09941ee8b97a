"""Every function stands alone: its own role, its own log, nothing of the account reserved."""

from collections import Counter

import pytest

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
    assert others == {"RefreshTokenScheduleRole"}
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


def test_the_token_is_renewed_again_when_a_tick_fails_and_its_failure_is_kept() -> None:
    (schedule,) = processed.of_type("AWS::Scheduler::Schedule").values()
    goal = schedule["Target"]

    assert processed.target(goal["Arn"]) == "RefreshTokenFunction"
    assert goal["RetryPolicy"]["MaximumRetryAttempts"] > 0
    assert processed.target(goal["DeadLetterConfig"]["Arn"]) == "RefreshTokenDeadLetterQueue"
    dead_letters = FUNCTIONS["RefreshTokenFunction"]["DeadLetterConfig"]["TargetArn"]
    assert processed.target(dead_letters) == "RefreshTokenDeadLetterQueue"
