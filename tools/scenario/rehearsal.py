"""Makes a function's sample input true on the local stack, so that invoking it shows its work."""

import json
import uuid
from pathlib import Path
from typing import Any

from tools.local_stack.errors import StackError
from tools.local_stack.stack import LocalStack
from tools.scenario import deliveries
from tools.scenario.deliveries import SAMPLES, Sample
from tools.stand_in.client import StandIn

PLACEHOLDER = "your-webhook-secret"


def rehearse(stack: LocalStack, file: Path) -> Any:  # noqa: ANN401 - JSON can be anything
    """Return a sample input with this stack's names, and put in place what it speaks of.

    Raises StackError beside a CMP that is not the stand-in: it would be asked for admin's work.

    That is a delivery in the archive and its assets in the stand-in's library. Every rehearsal is
    a delivery of its own, since the jobs of the one before have ended.
    """
    if not stack.has_stand_in:
        raise StackError(
            "the samples need the stand-in CMP: name an event of your own (EVENT=file)"
        )
    text = deliveries.at_home(file.read_text(), stack.cmp_url)
    event = json.loads(text.replace(PLACEHOLDER, json.dumps(stack.webhook_secret)[1:-1]))
    if "body" in event:
        with StandIn(stack.cmp_url) as cmp:
            deliveries.prepare(cmp, event["body"])
    delivery_id = str(uuid.uuid4())
    for record in event.get("Records", []):
        sample_id = json.loads(record["body"])["delivery_id"]
        record["body"] = record["body"].replace(sample_id, delivery_id)
        job = json.loads(record["body"])
        sample = Sample(SAMPLES / f"{job['event_name']}.json", None)
        _put_in_place(stack, sample.body(stack.cmp_url), job["archive_key"])
    return event


def _put_in_place(stack: LocalStack, body: str, archive_key: str) -> None:
    with StandIn(stack.cmp_url) as cmp:
        deliveries.prepare(cmp, body)
    archived = json.dumps({"encoding": "utf-8", "body": body}).encode()
    stack.boto("s3").put_object(Bucket=stack.env["ARCHIVE_BUCKET"], Key=archive_key, Body=archived)
