"""Nobody has to look: whatever needs a person raises an alarm."""

import pytest

from tests.template import processed, snapshot

ALARMS = processed.of_type("AWS::CloudWatch::Alarm")
PACKAGE = snapshot.PROJECT / "layers" / "cmp_relay" / "cmp_relay"


def _own_metrics(alarm: processed.Properties) -> list[str]:
    """Return the metrics of our namespace that an alarm watches, but those made from logs."""
    watched = [
        each["MetricStat"]["Metric"] for each in alarm.get("Metrics", []) if "MetricStat" in each
    ]
    named = [each for each in (alarm, *watched) if each.get("Namespace") == "CmpRelay"]
    return [each["MetricName"] for each in named if isinstance(each["MetricName"], str)]


@pytest.mark.parametrize("queue", [*processed.dead_letter_queues(), "QuarantineQueue"])
def test_a_queue_that_people_look_into_has_an_alarm(queue: str) -> None:
    alarm = ALARMS[queue.removesuffix("Queue") + "Alarm"]

    (dimension,) = alarm["Dimensions"]
    assert processed.target(dimension["Value"]) == queue
    # NumberOfMessagesSent leaves out what SQS itself moves
    assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)


def test_what_a_person_has_to_know_of_has_an_alarm() -> None:
    assert ALARMS.keys() >= {
        "BacklogAgeAlarm",
        "ForbiddenAssetAlarm",
        "OversizeDeliveryAlarm",
        "ReceiverErrorAlarm",
        "ReconcileFailingAlarm",
        "RefusedCallersAlarm",
        "TokenAlarm",
    }


@pytest.mark.parametrize("alarm", ALARMS)
def test_an_alarm_notifies_the_topic_if_one_is_given(alarm: str) -> None:
    assert ALARMS[alarm]["AlarmActions"] == {
        "Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]
    }


@pytest.mark.parametrize("alarm", ALARMS)
def test_an_alarm_says_what_happened(alarm: str) -> None:
    assert ALARMS[alarm]["AlarmDescription"].endswith(".")


@pytest.mark.parametrize("alarm", [name for name, each in ALARMS.items() if _own_metrics(each)])
def test_an_alarm_watches_a_metric_that_the_code_writes(alarm: str) -> None:
    code = "".join(path.read_text() for path in PACKAGE.glob("*.py"))

    for metric in _own_metrics(ALARMS[alarm]):
        assert f'"{metric}"' in code


def test_silence_of_the_token_is_an_alarm_too() -> None:
    assert ALARMS["TokenAlarm"]["TreatMissingData"] == "breaching"


def test_the_alarm_of_oversize_deliveries_watches_what_the_access_log_is_counted_into() -> None:
    log_filter = processed.properties("OversizeDeliveryFilter")
    (counted,) = log_filter["MetricTransformations"]
    alarm = ALARMS["OversizeDeliveryAlarm"]

    assert processed.target(log_filter["LogGroupName"]) == "WebhookAccessLogGroup"
    assert "413" in log_filter["FilterPattern"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (
        counted["MetricNamespace"],
        counted["MetricName"],
    )
