"""What CloudWatch has measured, and what it does not tell."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from botocore.stub import Stubber

from cmp_relay import times
from cmp_relay_cli import measurements, status
from cmp_relay_cli.measurements import Measured, Metric
from cmp_relay_cli.output import Output
from cmp_relay_cli.stack import Stack

NOW = 1_763_726_400_000
METRICS = [Metric("CmpRelay", name, {"service": "relay"}, "Sum") for name in ("a", "b")]


def page(*states: str, more: bool = False, value: float | None = None) -> dict[str, Any]:
    """Return a page of CloudWatch's answer with these states, and perhaps a value of the first."""
    results: list[dict[str, Any]] = [
        {"Id": f"m{number}", "Label": "", "Timestamps": [], "Values": [], "StatusCode": state}
        for number, state in enumerate(states)
    ]
    if value is not None:
        results[0] |= {"Timestamps": [times.moment(NOW)], "Values": [value]}
    return {"MetricDataResults": results, **({"NextToken": "t"} if more else {})}


def read(stack: Stack, pages: Sequence[Mapping[str, Any]]) -> list[Measured]:
    with Stubber(stack.cloudwatch) as stub:
        for each in pages:
            stub.add_response("get_metric_data", each)
        return measurements.read(stack, METRICS, begin=NOW, end=NOW + 60_000, period=60)


@pytest.mark.parametrize(
    ("pages", "failures"),
    [
        ([page("Complete", "Complete")], [None, None]),
        ([page("Complete", "InternalError")], [None, "InternalError"]),
        ([page("Forbidden", "Complete")], ["Forbidden", None]),
        ([page("PartialData", "Complete", more=True), page("Complete")], [None, None]),
        ([page("PartialData", "Complete", more=True), page()], ["PartialData", None]),
        ([page("InternalError", more=True), page("Complete", "Complete")], ["InternalError", None]),
        ([page("Complete")], [None, "PartialData"]),
    ],
)
def test_tells_whether_it_is_all_over_all_pages(
    stack: Stack, pages: Sequence[Mapping[str, Any]], failures: list[str | None]
) -> None:
    assert [each.failure for each in read(stack, pages)] == failures


def test_keeps_what_was_told_by_its_moment(stack: Stack) -> None:
    first, second = read(stack, [page("PartialData", more=True, value=7), page("Complete")])

    assert first == Measured({NOW: 7}, None)
    assert second == Measured({}, "PartialData")


@pytest.mark.parametrize(
    ("state", "oldest", "shown"), [("Complete", 7, "7"), ("InternalError", None, "not known")]
)
def test_an_age_that_cloudwatch_does_not_tell_is_not_shown_as_none(
    stack: Stack, capsys: pytest.CaptureFixture[str], state: str, oldest: int | None, shown: str
) -> None:
    answer = page(state, *["Complete"] * (len(stack.work_queues) - 1), value=7)
    with Stubber(stack.cloudwatch) as stub:
        stub.add_response("get_metric_data", answer)
        document = status.read(stack, NOW)

    status.show(document, Output().result)

    first = document["queues"][0]
    assert (first["name"], first["oldest"]) == (stack.work_queues[0], oldest)
    (line,) = [each for each in capsys.readouterr().out.splitlines() if first["name"] in each]
    assert line.endswith(f" {shown}")
