"""The quarantine: what CMP rightly sent and we could not read, laid out for a person.

The queue makes the alarm, the catalogue item outlives the message; both say why, and where the body
is archived.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from cmp_relay import outbox
from cmp_relay.deliveries import Problem, Receipt

SCHEMA = 1
KEPT_SECONDS = 90 * 24 * 3600
LONGEST_POINTER = 512
MOST_PROBLEMS = 20


class Table(Protocol):
    """What keeps catalogue items."""

    def put_item(self, table: str, item: dict[str, dict[str, Any]]) -> None:
        """Write an item; raises StorageError if it is not durable."""


class Store(outbox.Queues, Table, Protocol):
    """What takes messages and keeps items."""


class Place(NamedTuple):
    """Where the quarantine is."""

    queue_url: str
    table: str


def put(
    store: Store,
    place: Place,
    receipt: Receipt,
    *,
    event_name: str | None,
    reason: str,
    problems: Sequence[Problem],
) -> None:
    """Quarantine a delivery or a part of one; raises StorageError if that is not durable."""
    message = {
        "schema": SCHEMA,
        **receipt._asdict(),
        "reason": reason,
        "problems": len(problems),
        "detail": [_told(problem) for problem in problems[:MOST_PROBLEMS]],
    }
    if event_name is not None:
        message["event_name"] = event_name
    store.put_item(place.table, _item(message))
    outbox.send(store, place.queue_url, [message])


def _told(problem: Problem) -> dict[str, str]:
    # A pointer is made of names from the body, so it can be anything and of any length
    pointer = problem.pointer[:LONGEST_POINTER].encode("utf-8", "replace").decode()
    return {"pointer": pointer, "reason": problem.reason}


def _item(message: dict[str, Any]) -> dict[str, dict[str, Any]]:
    keys = {"pk": f"QUARANTINE#{message['delivery_id']}", "sk": "QUARANTINE"}
    expires_at = message["received_at"] // 1000 + KEPT_SECONDS
    values = {**keys, **message, "expires_at": expires_at}
    return {name: _typed(value) for name, value in values.items()}


def _typed(value: object) -> dict[str, Any]:
    """Return a value in DynamoDB's own form."""
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, list):
        return {"L": [_typed(each) for each in value]}
    if isinstance(value, dict):
        return {"M": {name: _typed(each) for name, each in value.items()}}
    return {"S": str(value)}
