"""The catalogue table, in whatever AWS a client leads to, exactly as the template has it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PROCESSED = Path(__file__).resolve().parents[1] / "template" / "expected.json"
KEYS = ("AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema")


def create(client: "DynamoDBClient") -> None:
    """Create the table under the name that tests give functions."""
    template = json.loads(PROCESSED.read_text())
    properties = template["Resources"]["CatalogueTable"]["Properties"]
    client.create_table(TableName="catalogue", **{key: properties[key] for key in KEYS})
