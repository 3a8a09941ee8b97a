"""What the doctor says of the webhooks that CMP shows, or does not, of the token and of alarms."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber

from cmp_relay import times
from cmp_relay.errors import NotAskedError
from cmp_relay_cli import cmp, doctor, moments
from cmp_relay_cli.doctor import Finding
from cmp_relay_cli.errors import OperatorError
from cmp_relay_cli.stack import Stack

URL = "https://api.example/webhooks/cmp"
MINUTE = 60_000
DAY = 24 * 60 * MINUTE

Examine = Callable[..., list[Finding]]


@pytest.fixture
def examine(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Examine:
    made = stack.secrets.create_secret(Name="webhook", SecretString='{"current": "new"}')
    outputs = {**stack.outputs, "WebhookSecretArn": made["ARN"], "WebhookUrl": URL}

    def examined(settings: Mapping[str, Any], **parameters: str) -> list[Finding]:
        own = replace(stack, outputs=outputs, parameters={**stack.parameters, **parameters})

        @contextmanager
        def connected(_: Stack) -> Iterator[SimpleNamespace]:
            yield SimpleNamespace(settings=SimpleNamespace(get=lambda: settings))

        monkeypatch.setattr(cmp, "connected", connected)
        return [each for each in doctor.webhooks(own, 0) if each.about == "webhook"]

    return examined


def test_tells_no_webhooks_from_settings_that_it_cannot_read(examine: Examine) -> None:
    (none,) = examine({"resources": {"webhooks": []}})
    (unknown,) = examine({"resources": {"webhooks_v2": []}})

    assert (none.level, none.what) == ("problem", "CMP has none that leads here")
    assert unknown.level == "warning"
    assert "a shape that we do not know" in unknown.what


def alarm(stack: Stack, name: str) -> None:
    """Let an alarm of this name be on."""
    stack.cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="CmpRelay",
        MetricName="TokenSecondsLeft",
        Statistic="Minimum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=600,
        ComparisonOperator="LessThanThreshold",
    )
    stack.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")


def stored(stack: Stack) -> None:
    """Store a token now."""
    stack.secrets.put_secret_value(SecretId=stack.outputs["TokenSecretArn"], SecretString="{}")


def measured(stack: Stack, at: int, seconds: int, service: str = "relay") -> None:
    """Let refresh_token measure how long the token is good still."""
    stack.cloudwatch.put_metric_data(
        Namespace="CmpRelay",
        MetricData=[
            {
                "MetricName": "TokenSecondsLeft",
                "Dimensions": [{"Name": "service", "Value": service}],
                "Timestamp": times.moment(at),
                "Value": seconds,
            }
        ],
    )


def token(stack: Stack, now: int) -> Finding:
    (finding,) = doctor.token(stack, now)
    return finding


def test_an_alarm_of_a_stack_with_a_longer_name_is_none_of_ours(stack: Stack) -> None:
    alarm(stack, "relay-test-TokenAlarm-1ABC")
    alarm(stack, "relays-TokenAlarm-1ABC")
    assert [(each.level, each.what) for each in doctor.alarms(stack, 0)] == [("ok", "none is on")]

    alarm(stack, "relay-TokenAlarm-1ABCdef")
    assert [each.what for each in doctor.alarms(stack, 0)] == ["TokenAlarm is on"]


@pytest.mark.parametrize(("age", "level"), [(119, "ok"), (122, "warning"), (5 * 1440, "warning")])
def test_an_old_token_is_a_warning_where_nobody_measured_its_life(
    stack: Stack, age: int, level: str
) -> None:
    stored(stack)
    now = moments.now() + age * MINUTE
    measured(stack, now - 40 * MINUTE, 30 * 60)  # too long ago
    measured(stack, now - MINUTE, 30 * 60, service="another")

    assert token(stack, now).level == level


@pytest.mark.parametrize(
    ("left", "level", "what"), [(25 * 86_400, "ok", "36000"), (540, "warning", "9")]
)
def test_what_is_left_of_its_life_counts_and_not_its_age(
    stack: Stack, left: int, level: str, what: str
) -> None:
    stored(stack)
    now = moments.now() + 5 * DAY
    measured(stack, now - 15 * MINUTE, 1800)
    measured(stack, now - 5 * MINUTE, left)

    assert (token(stack, now).level, token(stack, now).what) == (
        level,
        f"stored 7200 minutes ago, good for {what} more",
    )


@pytest.mark.parametrize(("age", "level"), [(119, "ok"), (7200, "warning")])
def test_a_life_that_cloudwatch_does_not_tell_is_not_taken_for_unmeasured(
    stack: Stack, age: int, level: str
) -> None:
    stored(stack)
    now = moments.now() + age * MINUTE
    failed = {"Id": "m0", "Label": "", "StatusCode": "InternalError"}
    values = {"Timestamps": [times.moment(now - 9 * MINUTE)], "Values": [60]}
    with Stubber(stack.cloudwatch) as stub:
        stub.add_response("get_metric_data", {"MetricDataResults": [{**failed, **values}]})
        finding = token(stack, now)

    told = "; CloudWatch does not tell for how many more it is good (InternalError)"
    assert finding.level == level
    assert finding.what == f"stored {age} minutes ago" + (told if level == "warning" else "")
    assert "schedule" not in str(finding.advice)


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (
            ClientError({"Error": {"Code": "AccessDenied"}}, "ListSchedules"),
            "may not do ListSchedules",
        ),
        (
            ClientError({"Error": {"Code": "Throttling"}}, "ListSchedules"),
            "refuses ListSchedules: Throttling",
        ),
        (EndpointConnectionError(endpoint_url="https://x.example"), "AWS does not answer"),
        (OperatorError("the stack has no ImageBucket"), "the stack has no ImageBucket"),
    ],
)
def test_a_look_that_is_refused_is_a_problem_and_hides_no_other(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, refusal: Exception, told: str
) -> None:
    def refused(_: Stack, __: int) -> Iterator[Finding]:
        yield Finding("dead letters", "ok", "none of AssetPublished")
        raise refusal

    def well(_: Stack, __: int) -> Iterator[Finding]:
        yield Finding("alarms", "ok", "none is on")

    monkeypatch.setattr(doctor, "LOOKS", (refused, well))
    monkeypatch.setattr(doctor, "ABOUT", {refused: "dead letters"})
    steps: list[int] = []

    first, problem, last = doctor.examine(stack, 0, steps.append)

    assert (first.what, last.what, steps) == ("none of AssetPublished", "none is on", [1, 1])
    assert (problem.about, problem.level) == ("dead letters", "problem")
    assert problem.what.startswith("could not be looked at: ")
    assert told in problem.what
    assert not doctor.is_well([first, problem, last])


def test_why_cmp_shows_no_settings_is_told(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    made = stack.secrets.create_secret(Name="webhook", SecretString='{"current": "new"}')
    outputs = {**stack.outputs, "WebhookSecretArn": made["ARN"], "WebhookUrl": URL}

    @contextmanager
    def connected(_: Stack) -> Iterator[SimpleNamespace]:
        raise NotAskedError("there is no token: see the log")
        yield

    monkeypatch.setattr(cmp, "connected", connected)
    (finding,) = doctor.webhooks(replace(stack, outputs=outputs), 0)

    assert (finding.about, finding.level) == ("CMP", "problem")
    assert finding.what == "shows no settings: there is no token: see the log"


@pytest.mark.parametrize(
    ("grant", "advice"),
    [("refresh_token", "cmp-relay login"), ("client_credentials", "Client Credentials")],
)
def test_without_a_token_it_says_what_the_kind_of_grant_needs(
    stack: Stack, grant: str, advice: str
) -> None:
    outputs = {**stack.outputs, "CredentialsSecretArn": stack.outputs["TokenSecretArn"]}
    stack = replace(stack, outputs=outputs, parameters={"CmpGrantType": grant})

    finding = token(stack, moments.now())
    (credentials,) = doctor.credentials(stack, moments.now())

    assert finding.level == credentials.level == "problem"
    assert advice in str(finding.advice)
    assert ("login" in str(credentials.advice)) == (grant == "refresh_token")


def test_a_secret_in_the_url_is_accepted_where_the_stack_takes_it(examine: Examine) -> None:
    webhook = {"name": "relay", "callback_url": f"{URL}?key=new", "secret": "", "event_names": []}
    settings = {"resources": {"webhooks": [webhook]}}

    (refused, *_) = examine(settings)
    (accepted, *_) = examine(settings, AllowUrlSecret="true")

    assert (refused.level, refused.what) == ("problem", "relay sends another secret")
    assert (accepted.level, accepted.what) == ("ok", "relay leads to channel default")
