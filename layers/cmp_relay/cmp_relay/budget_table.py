"""The budget's item in the catalogue table: `BUDGET`, read strongly, changed by single updates."""

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from cmp_relay.slots import State

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY: dict[str, Any] = {"pk": {"S": "BUDGET"}, "sk": {"S": "BUDGET"}}
USED = "used#"
IS = "{0} = {1}"
IS_OR_NONE = "({0} = {1} OR attribute_not_exists({0}))"


class BudgetTable:
    """The store of `budget.Budget`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use `table` through `client`."""
        self._client = client
        self._table = table

    def read(self) -> State:
        """Return the state, as fresh as any write that has ended."""
        answer = self._client.get_item(TableName=self._table, Key=KEY, ConsistentRead=True)
        return _state(answer.get("Item", {}))

    def change(
        self,
        *,
        add: Mapping[str, int] | None = None,
        put: Mapping[str, int | str | None] | None = None,
        when: Mapping[str, int] | None = None,
    ) -> tuple[State, bool]:
        """Change attributes at once; tell the state after it and whether it was changed."""
        expression = _Expression()
        condition = expression.condition(when or {})
        update = expression.update(put or {}, add or {})
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=KEY,
                UpdateExpression=update,
                ExpressionAttributeNames=expression.names,
                ExpressionAttributeValues=expression.values,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **condition,  # type: ignore[arg-type]
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            refused: Mapping[str, Any] = error.response
            return _state(refused.get("Item", {})), False
        return _state(answer["Attributes"]), True


class _Expression:
    """Expressions with a placeholder for every name and value."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, Any] = {}

    def condition(self, when: Mapping[str, int]) -> dict[str, str]:
        # What has never been written counts as zero.
        parts = [
            self._bound(IS if value else IS_OR_NONE, name, value) for name, value in when.items()
        ]
        return {"ConditionExpression": " AND ".join(parts)} if parts else {}

    def update(self, put: Mapping[str, int | str | None], add: Mapping[str, int]) -> str:
        puts = [self._bound("{0} = {1}", *each) for each in put.items()]
        adds = [self._bound("{0} {1}", *each) for each in add.items()]
        clauses = [f"SET {', '.join(puts)}"] * bool(puts) + [f"ADD {', '.join(adds)}"] * bool(adds)
        return " ".join(clauses)

    def _bound(self, pattern: str, name: str, value: int | str | None) -> str:
        place = str(len(self.names))
        self.names[f"#{place}"] = name
        self.values[f":{place}"] = _value(value)
        return pattern.format(f"#{place}", f":{place}")


def _value(value: int | str | None) -> dict[str, Any]:
    if value is None:
        return {"NULL": True}
    return {"S": value} if isinstance(value, str) else {"N": str(value)}


def _state(item: Mapping[str, Any]) -> State:
    known = {field.name for field in fields(State)} - {"used", "open_reason"}
    return State(
        **{name: int(value["N"]) for name, value in item.items() if name in known},
        open_reason=item.get("open_reason", {}).get("S"),
        used={
            name.removeprefix(USED): int(value["N"])
            for name, value in item.items()
            if name.startswith(USED)
        },
    )
