"""What CloudWatch has measured, and whether it tells all of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cmp_relay import times
from cmp_relay_cli.stack import Stack

COMPLETE, PARTIAL = "Complete", "PartialData"
"""All of it, and so much that more pages follow."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of CloudWatch, and what of it is wanted, as `Sum`."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: str


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric's values by the moment when their period began (ms).

    `failure` is CloudWatch's word for why values may lack, None if these are all.
    """

    values: Mapping[int, float]
    failure: str | None


def read(
    stack: Stack, metrics: Sequence[Metric], *, begin: int, end: int, period: int
) -> list[Measured]:
    """Return what was measured of each metric from `begin` to `end` (ms), by periods in seconds.

    What CloudWatch cannot read looks as what was never measured: its answer is 200 all the same,
    and only a StatusCode tells (GetMetricData, MetricDataResult).
    """
    pages = stack.cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=[
            {
                "Id": f"m{number}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": each.namespace,
                        "MetricName": each.name,
                        "Dimensions": [
                            {"Name": name, "Value": value}
                            for name, value in each.dimensions.items()
                        ],
                    },
                    "Period": period,
                    "Stat": each.statistic,
                },
            }
            for number, each in enumerate(metrics)
        ],
        StartTime=times.moment(begin),
        EndTime=times.moment(end),
    )
    values: list[dict[int, float]] = [{} for _ in metrics]
    states = [PARTIAL for _ in metrics]
    for page in pages:
        for found in page["MetricDataResults"]:
            number = int(found["Id"][1:])
            for at, value in zip(found["Timestamps"], found["Values"], strict=True):
                values[number][int(at.timestamp() * 1000)] = value
            if states[number] in (COMPLETE, PARTIAL):
                states[number] = found["StatusCode"]
    return [
        Measured(each, None if state == COMPLETE else state)
        for each, state in zip(values, states, strict=True)
    ]
