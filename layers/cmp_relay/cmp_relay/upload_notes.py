"""The note of a version that is about to be added to an asset in CMP, by the command's id.

CMP adds another one for each repeated request, so a repeated command has to find out whether the
one before it came through: the note says how the asset was before.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_SECONDS = 60 * 24 * 3600
"""As long as JOB items are kept."""


@dataclass(frozen=True, slots=True)
class UploadNotes:
    """The VERSION items of the catalogue table; `now` is in ms."""

    client: "DynamoDBClient"
    table: str
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def before(self, command_id: str) -> str | None:
        """Return the version that the asset had when the command was first about to add one."""
        answer = self.client.get_item(
            TableName=self.table, Key=_key(command_id), ConsistentRead=True
        )
        return answer["Item"]["before"]["S"] if "Item" in answer else None

    def note(self, command_id: str, version: str) -> None:
        """Note the version that the asset has, unless that was noted before."""
        self.client.update_item(
            TableName=self.table,
            Key=_key(command_id),
            UpdateExpression=(
                "SET #before = if_not_exists(#before, :version), expires_at = :expires"
            ),
            ExpressionAttributeNames={"#before": "before"},
            ExpressionAttributeValues={
                ":version": {"S": version},
                ":expires": {"N": str(self.now() // 1000 + KEPT_SECONDS)},
            },
        )


def _key(command_id: str) -> Any:  # noqa: ANN401 - a key
    return {"pk": {"S": f"VERSION#{command_id}"}, "sk": {"S": "VERSION"}}
