"""Makes a function's sample input true on the local stack, so that invoking it shows its work."""

import json
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cmp_relay import jira_webhook
from tools.local_stack import jira
from tools.local_stack.errors import StackError
from tools.local_stack.stack import LocalStack
from tools.scenario import deliveries, files
from tools.scenario.deliveries import SAMPLES, Sample
from tools.stand_in.client import StandIn

PLACEHOLDER = "your-webhook-secret"
LIBRARY_SAMPLE = "on_library_asset.json"
COMMAND_SAMPLE = "asset_added.json"
SETTLE_SECONDS = 20
"""How long the stack's own worker of files may take for what a rehearsal changes."""


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
    if jira_webhook.SIGNATURE in event.get("headers", {}):
        event["headers"][jira_webhook.SIGNATURE] = jira.sign(stack.boto, stack.resources, event)
        return event
    if "body" in event:
        with StandIn(stack.cmp_url) as cmp:
            deliveries.prepare(cmp, event["body"])
    delivery_id = str(uuid.uuid4())
    for record in event.get("Records", []):
        job = json.loads(record["body"])
        if "command" in job:
            record["body"] = json.dumps(job | _command(stack))
            continue
        if job.get("cause") == "ticket":
            record["body"] = _ticket(stack, record["body"])
            continue
        if job.get("cause") == "files":
            own = _change_files(stack, file, job["asset"]["id"])
        else:
            own = json.loads(record["body"].replace(job["delivery_id"], delivery_id))
            sample = Sample(SAMPLES / f"{own['event_name']}.json", None)
            _put_in_place(stack, sample.body(stack.cmp_url), own["archive_key"])
        # Now: what came before the newest look into CMP's library is superseded.
        record["body"] = json.dumps({**job, **own, "received_at": time.time_ns() // 1_000_000})
    return event


def _command(stack: LocalStack) -> dict[str, Any]:
    """Put the asset of the sample command in place, and return what makes the command a new one."""
    with StandIn(stack.cmp_url) as cmp:
        deliveries.prepare(cmp, Sample(SAMPLES / COMMAND_SAMPLE, None).body(stack.cmp_url))
    return {"command_id": str(uuid.uuid4()), "issued_at": datetime.now(UTC).isoformat()}


def _ticket(stack: LocalStack, body: str) -> str:
    """Return the sample job about an external step that is in CMP, and has no ticket yet."""
    with StandIn(stack.cmp_url) as cmp:
        step = cmp.tasks.add(jira.EXTERNAL_SYSTEM)
    job = json.loads(body)
    *_, task, _, step_id, _, sub_step = job["sub_step"]["href"].split("/")
    own = {task: step["task_id"], step_id: step["step_id"], sub_step: step["sub_step_id"]}
    own[job["delivery_id"]] = str(uuid.uuid4())
    for sample, here in own.items():
        body = body.replace(sample, here)
    return json.dumps({**json.loads(body), "received_at": time.time_ns() // 1_000_000})


def _put_in_place(stack: LocalStack, body: str, archive_key: str) -> None:
    with StandIn(stack.cmp_url) as cmp:
        deliveries.prepare(cmp, body)
    archived = json.dumps({"encoding": "utf-8", "body": body}).encode()
    stack.boto("s3").put_object(Bucket=stack.env["ARCHIVE_BUCKET"], Key=archive_key, Body=archived)


def _change_files(stack: LocalStack, file: Path, asset_id: str) -> dict[str, Any]:
    """Let the asset of the library worker's sample have a new file; return what its job says.

    Where the queue of files has its worker, that is let go first: it would be in the way.
    """
    event = rehearse(stack, file.with_name(LIBRARY_SAMPLE))
    answer = stack.functions.invoke("on_library_asset", event)
    if answer.failed:
        raise StackError(f"on_library_asset, which goes before, failed: {answer.payload}")
    if _is_at_work(stack, "on_asset_file"):
        files.wait(stack, [asset_id], SETTLE_SECONDS)
    wanted = files.wanted(stack, asset_id)
    job_id = f"asset_file.{asset_id}.{wanted}"
    return {"job_id": job_id, "delivery_id": job_id, "wanted": wanted}


def _is_at_work(stack: LocalStack, function: str) -> bool:
    name = stack.functions.physical_name(function)
    found = stack.boto("lambda").list_event_source_mappings(FunctionName=name)
    return any(mapping["State"] == "Enabled" for mapping in found["EventSourceMappings"])
