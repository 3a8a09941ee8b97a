"""What the receiver is measured against: the usual way to put five jobs into a queue.

Powertools Logger and Metrics, pydantic for the envelope, one boto3 client. It reads no secret,
archives and hashes nothing, and sends entries of the receiver's number and size.
"""

import hmac
import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import BaseModel

logger = Logger()
metrics = Metrics()
sqs = boto3.client("sqs")
queue_url = os.environ["ASSET_PUBLISHED_QUEUE_URL"]
secret = os.environ["BASELINE_SECRET"].encode()


class Envelope(BaseModel):
    """The body of a delivery."""

    event_name: str
    data: dict[str, Any]


def entries(data: dict[str, Any], event_name: str) -> list[dict[str, str]]:
    """Return one SQS entry for each asset of a delivery."""
    jobs = [
        {
            "schema": 1,
            "delivery_id": "00000000-0000-4000-8000-000000000000",
            "received_at": 1_700_000_000_000,
            "event_name": event_name,
            "channel": "default",
            "organization_id": data["organization"]["id"],
            "archive_key": "deliveries/2023/11/14/00000000-0000-4000-8000-000000000000.json",
            "publishing_event": {
                "id": data["publishing_event"]["id"],
                "href": data["publishing_event"]["links"]["self"],
                "metadata_href": data["publishing_event"]["links"]["publishing_metadata"],
            },
            "triggered_from": {
                "id": data["triggered_from"]["id"],
                "source_type": data["triggered_from"]["source_type"],
                "href": data["triggered_from"]["links"]["self"],
            },
            "job_id": f"00000000-0000-4000-8000-000000000000.{index}",
            "entry": f"/data/assets/{kind}/{index}",
            "asset": {
                "id": asset["id"],
                "type": kind,
                "href": asset["links"]["self"],
                "entry_hash": 64 * "0",
            },
        }
        for kind, assets in data["assets"].items()
        for index, asset in enumerate(assets)
    ]
    return [
        {"Id": str(number), "MessageBody": json.dumps(job, separators=(",", ":"))}
        for number, job in enumerate(jobs)
    ]


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401
    """Queue the assets of one delivery."""
    if not hmac.compare_digest(event["headers"]["callback-secret"].encode(), secret):
        return {"statusCode": 401}
    envelope = Envelope.model_validate_json(event["body"])
    batch = entries(envelope.data, envelope.event_name)
    sqs.send_message_batch(QueueUrl=queue_url, Entries=batch)  # type: ignore[arg-type]
    metrics.add_metric("JobsQueued", MetricUnit.Count, len(batch))
    logger.info("delivery accepted", jobs=len(batch))
    return {"statusCode": 202, "body": json.dumps({"jobs": len(batch)})}
