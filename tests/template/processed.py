"""The processed template's resources, found by type, by reference and by function."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.template import snapshot

Properties = dict[str, Any]


class Grant(NamedTuple):
    """One action that a role allows, and on what: a logical id, for buckets with the keys."""

    action: str
    resource: str


def resources() -> dict[str, Any]:
    """Return all resources by logical id."""
    found: dict[str, Any] = snapshot.processed()["Resources"]
    return found


def parameters() -> dict[str, Properties]:
    """Return the parameters by name."""
    found: dict[str, Properties] = snapshot.processed()["Parameters"]
    return found


def interface() -> Properties:
    """Return how the console shows the parameters."""
    found: Properties = snapshot.processed()["Metadata"]["AWS::CloudFormation::Interface"]
    return found


def properties(name: str) -> Properties:
    """Return the properties of a resource."""
    found: Properties = resources()[name].get("Properties", {})
    return found


def of_type(kind: str) -> dict[str, Properties]:
    """Return the properties of all resources of a CloudFormation type, by logical id."""
    return {name: properties(name) for name, each in resources().items() if each["Type"] == kind}


def functions() -> dict[str, Properties]:
    """Return the functions."""
    return of_type("AWS::Lambda::Function")


def work_queues() -> dict[str, Properties]:
    """Return the queues that a DLQ belongs to: all but those that people look into."""
    return {
        name: queue
        for name, queue in of_type("AWS::SQS::Queue").items()
        if not name.endswith("DeadLetterQueue") and name != "QuarantineQueue"
    }


def dead_letter_queues() -> dict[str, Properties]:
    """Return the dead-letter queues."""
    queues = of_type("AWS::SQS::Queue").items()
    return {name: queue for name, queue in queues if name.endswith("DeadLetterQueue")}


def target(value: object) -> str:
    """Return the logical id that a Ref, GetAtt or Sub leads to, with what a Sub adds to it."""
    match value:
        case str():
            return value
        case {"Ref": str(name)}:
            return name
        case {"Fn::GetAtt": [str(name), _]}:
            return name
        case {"Fn::Sub": str(pattern)}:
            return re.sub(r"\$\{(\w+)(\.\w+)?\}", r"\1", pattern)
        case _:
            raise ValueError(f"no reference: {value}")


def role_of(function: str) -> str:
    """Return the logical id of a function's role."""
    return target(functions()[function]["Role"])


def grants(role: str) -> set[Grant]:
    """Return everything that the policies of a role allow."""
    return {
        Grant(action, target(resource))
        for statement in statements(role)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def statements(role: str) -> Iterator[Properties]:
    """Yield the statements of a role's policies."""
    for policy in properties(role).get("Policies", []):
        yield from policy["PolicyDocument"]["Statement"]


def listed(value: Any) -> list[Any]:  # noqa: ANN401 - whatever a policy holds
    """Return the value itself if it is a list, else a list of it."""
    return value if isinstance(value, list) else [value]
