"""What CMP was told last of each external step's ticket: an item `LINK#{hash of its path}`.

Queues reorder commands. Of each field it is on record when the newest command was issued that set
it, so that an older one sets it no more. So are the latest commands that CMP was told, since one
that comes back has ended as it did, whatever was told after it.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cmp_relay.echoes import place

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_SECONDS = 60 * 24 * 3600
"""How long an item is kept after its last command: longer than a dead letter can be sent back."""
REMEMBERED = 20
"""So many commands are known to have been told."""


@dataclass(frozen=True, slots=True)
class Told:
    """When (ms) the newest command was issued that set each field, and the ids of the latest."""

    issued: Mapping[str, int] = field(default_factory=dict)
    commands: tuple[str, ...] = ()

    def after(self, command_id: str, fields: Iterable[str], issued_at: int) -> "Told":
        """Return what is on record once a command has set these fields."""
        commands = (*self.commands, command_id)[-REMEMBERED:]
        return Told({**self.issued, **dict.fromkeys(fields, issued_at)}, commands)


class ToldLinks:
    """The LINK items of the catalogue table; `now` is in ms."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """Use `table` through `client`."""
        self._client = client
        self._table = table
        self._now = now

    def read(self, link: str) -> Told:
        """Return what is on record of a link."""
        answer = self._client.get_item(TableName=self._table, Key=_key(link), ConsistentRead=True)
        item = answer.get("Item", {})
        fields = item.get("fields", {}).get("M", {})
        commands = item.get("commands", {}).get("L", [])
        return Told(
            {name: int(value["N"]) for name, value in fields.items()},
            tuple(command["S"] for command in commands),
        )

    def write(self, link: str, told: Told) -> None:
        """Write what CMP was told; whoever writes holds the lease of the link."""
        fields: dict[str, Any] = {name: {"N": str(at)} for name, at in told.issued.items()}
        expires_at = self._now() // 1000 + KEPT_SECONDS
        self._client.put_item(
            TableName=self._table,
            Item={
                **_key(link),
                "fields": {"M": fields},
                "commands": {"L": [{"S": command} for command in told.commands]},
                "expires_at": {"N": str(expires_at)},
            },
        )


def _key(link: str) -> dict[str, Any]:
    digest = sha256(place(link).encode()).hexdigest()
    return {"pk": {"S": f"LINK#{digest[:32]}"}, "sk": {"S": "LINK"}}
