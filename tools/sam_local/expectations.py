"""What each function has to answer to its sample input, and what it has to leave behind.

Judged is the answer and its effect on the local AWS, never SAM's exit code: that is 0 for a
function that raised as well.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Protocol

from cmp_relay import tickets
from tools.local_stack.resources import variable_name
from tools.sam_local.errors import WrongError
from tools.scenario import files, jobs
from tools.stand_in_jira.client import StandInJira

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.local_stack.stack import LocalStack

ACCEPTED = 202
REFUSED = 401
SHOWN_CHARACTERS = 300
QUEUE_SECONDS = 10.0

Json = Any  # what json.loads gives


class Expectation(Protocol):
    """What is right for one function; both judgements raise WrongError, else they say what is."""

    def prepare(self, stack: LocalStack) -> None:
        """Make sure that the effect is not there before."""

    def response(self, answer: Json) -> str:
        """Judge what the function answered."""

    def effect(self, stack: LocalStack, event: Json, answer: Json) -> str:
        """Judge what it left behind."""


def of(function: str, event: Mapping[str, Json]) -> Expectation:
    """Return what to expect of a function, by its folder's name, given this event.

    Raises:
        WrongError: nobody has said yet.
    """
    if function == "receive_webhook":
        return Received()
    if function == "reconcile_library":
        return Ticked()
    if function == "refresh_token":
        return Refreshed()
    if function == "on_asset_file":
        return Mirrored()
    if function in {"on_external_work", "on_other_event"}:
        return Told()
    if function == "run_command":
        return Ran()
    if function == "receive_ticket":
        return TicketReceived()
    if function == "on_ticket":
        return Ticketed()
    if "Records" in event:
        return Worked()
    message = f"nobody has said what {function} leaves behind: say it in {__name__}"
    raise WrongError(message)


def read(printed: str) -> Json:
    """Read the object that a function answered.

    Raises:
        WrongError: it raised, timed out or printed no such thing.
    """
    try:
        answer = json.loads(printed)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        message = f"no answer: {printed[-SHOWN_CHARACTERS:] or 'nothing was printed'}"
        raise WrongError(message)
    if "errorMessage" in answer:
        kind, text = answer.get("errorType", "error"), answer["errorMessage"]
        raise WrongError(f"{kind}: {str(text)[:SHOWN_CHARACTERS]}")
    return answer


class Received:
    """A delivery was accepted: it is in the archive and its jobs are in their queue."""

    def prepare(self, stack: LocalStack) -> None:
        """Leave the stack as it is: each delivery gets an id of its own."""

    def response(self, answer: Json) -> str:
        """Judge the answer to CMP."""
        if answer.get("statusCode") != ACCEPTED:
            raise WrongError(f"not accepted: {json.dumps(answer)[:SHOWN_CHARACTERS]}")
        return f"202, {_count(json.loads(answer['body'])['jobs'], 'job')}"

    def effect(self, stack: LocalStack, event: Json, answer: Json) -> str:
        """Look for the delivery in the archive and for its jobs in the queue."""
        return received(stack, event["body"], json.loads(answer["body"]))


class Ticked:
    """A tick went by at which no run was due: on the local stack they begin by hand alone."""

    def prepare(self, stack: LocalStack) -> None:
        """Leave the stack as it is: a tick changes nothing."""

    def response(self, answer: Json) -> str:
        """Judge the status."""
        if answer != {"status": "idle"}:
            raise WrongError(f"not idle: {json.dumps(answer)[:SHOWN_CHARACTERS]}")
        return "idle"

    def effect(self, stack: LocalStack, event: Json, answer: Json) -> str:
        """Look for the lease, which the tick has to give back."""
        found = stack.boto("dynamodb").get_item(
            TableName=stack.env["CATALOGUE_TABLE"],
            Key={"pk": {"S": "LEASE#reconcile"}, "sk": {"S": "LEASE"}},
            ConsistentRead=True,
        )
        if "Item" in found:
            raise WrongError("the lease was not given back")
        return "the lease is free"


class Refreshed:
    """A new token is in its secret."""

    def prepare(self, stack: LocalStack) -> None:
        """Take the token away."""
        _secrets(stack).put_secret_value(SecretId=_token_secret(stack), SecretString="{}")

    def response(self, answer: Json) -> str:
        """Judge the status."""
        if answer.get("status") != "refreshed":
            raise WrongError(f"not refreshed: {json.dumps(answer)[:SHOWN_CHARACTERS]}")
        return "refreshed"

    def effect(self, stack: LocalStack, event: Json, answer: Json) -> str:
        """Look for the token."""
        found = _secrets(stack).get_secret_value(SecretId=_token_secret(stack))
        content = json.loads(found["SecretString"])
        left = content.get("expires_at", 0) - time.time()
        if not content.get("access_token") or left <= 0:
            raise WrongError("no token that is good in the secret")
        return f"token in the secret for {left:.0f} s"


class Worked:
    """Every job of the batch was applied, and has left its own mark in the catalogue."""

    def prepare(self, stack: LocalStack) -> None:
        """Leave the stack as it is: the jobs are of a new delivery."""

    def response(self, answer: Json) -> str:
        """Judge what SQS is told."""
        if answer != {"batchItemFailures": []}:
            raise WrongError(f"not all done: {json.dumps(answer)[:SHOWN_CHARACTERS]}")
        return "no batchItemFailures"

    def effect(self, stack: LocalStack, event: Json, answer: Json) -> str:
        """Look for the outcomes, and in the catalogue for what each job changed."""
        given = self.applied(stack, event)
        missing = [job["asset"]["id"] for job in given if not has_left_its_mark(stack, job)]
        if missing:
            raise WrongError(f"not in the catalogue: {', '.join(missing)}")
        return f"{_count(len(given), 'change')} in the catalogue"

    def applied(self, stack: LocalStack, event: Json) -> list[Json]:
        """Return the jobs that were given, all of which have to be applied."""
        given = [json.loads(record["body"]) for record in event["Records"]]
        for job in given:
            outcome = _outcome(stack, job)
            if outcome != "applied":
                raise WrongError(f"job {job['job_id']} is {outcome or 'in flight'}")
        return given


class Told(Worked):
    """Every job of the batch was applied, which it is only when the bus has its event."""

    def effect(self, stack: LocalStack, event: Json, answer: Json) -> str:
        """Look for the outcomes."""
        return f"{_count(len(self.applied(stack, event)), 'event')} on the bus"


class Mirrored(Worked):
    """The files of every asset of the batch are in the bucket, in the version that CMP has."""

    def effect(self, stack: LocalStack, event: Json, answer: Json) -> str:
        """Look for the files, and for the job that brought them."""
        jobs_given = [json.loads(record["body"]) for record in event["Records"]]
        assets = files.look(stack, [job["asset"]["id"] for job in jobs_given])
        wrong = [asset.asset_id for asset in assets if not (asset.complete and asset.files)]
        if wrong:
            raise WrongError(f"files are not as they have to be: {', '.join(wrong)}")
        return f"{_count(sum(len(asset.files) for asset in assets), 'file')} in the bucket"


class Ran(Worked):
    """Every command of the batch was applied."""

    def effect(self, stack: LocalStack, event: Json, answer: Json) -> str:
        """Look for the outcomes."""
        given = [json.loads(record["body"])["command_id"] for record in event["Records"]]
        for command_id in given:
            found = stack.boto("dynamodb").get_item(
                TableName=stack.env["CATALOGUE_TABLE"],
                Key={"pk": {"S": f"JOB#command.{command_id}"}, "sk": {"S": "JOB"}},
                ConsistentRead=True,
            )
            outcome = found.get("Item", {}).get("outcome", {}).get("S")
            if outcome != "applied":
                raise WrongError(f"command {command_id} is {outcome or 'in flight'}")
        return f"{_count(len(given), 'command')} applied"


class TicketReceived(Received):
    """A webhook of Jira was accepted: its job is in the queue."""

    def effect(self, stack: LocalStack, event: Json, answer: Json) -> str:
        """Look for the job."""
        delivery_id = json.loads(answer["body"])["delivery_id"]
        sqs, url = stack.boto("sqs"), stack.env["TICKET_QUEUE_URL"]
        deadline = time.monotonic() + QUEUE_SECONDS
        while time.monotonic() < deadline:
            taken = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in taken.get("Messages", []):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                if json.loads(message["Body"])["delivery_id"] == delivery_id:
                    return "1 job in TicketQueue"
        raise WrongError("no job in TicketQueue")


class Ticketed(Worked):
    """Every step of the batch has its ticket in Jira."""

    def effect(self, stack: LocalStack, event: Json, answer: Json) -> str:
        """Look for the tickets."""
        given = [json.loads(record["body"])["sub_step"]["id"] for record in event["Records"]]
        with StandInJira(stack.jira_url) as jira:
            labels = {label for issue in jira.issues() for label in issue["labels"]}
        missing = [step for step in given if tickets.label_of(step) not in labels]
        if missing:
            raise WrongError(f"no ticket for {', '.join(missing)}")
        return f"{_count(len(given), 'ticket')} in Jira"


def archived(stack: LocalStack) -> set[str]:
    """Return the keys of all archived deliveries."""
    pages = stack.boto("s3").get_paginator("list_objects_v2")
    listed = pages.paginate(Bucket=stack.env["ARCHIVE_BUCKET"])
    return {found["Key"] for page in listed for found in page.get("Contents", [])}


def received(stack: LocalStack, body: str, accepted: Json) -> str:
    """Judge what an accepted delivery left behind: its body in the archive, its jobs in the queue.

    What has to be there is counted in the body, not taken from the answer.

    Raises:
        WrongError: something is missing.
    """
    delivery, delivery_id = json.loads(body), accepted["delivery_id"]
    keys = [key for key in archived(stack) if key.endswith(f"/{delivery_id}.json")]
    if [_archived_body(stack, key) for key in keys] != [body]:
        raise WrongError("the delivery is not in the archive as it was sent")
    lists = delivery["data"]["assets"].values()
    expected = sorted(entry["id"] for entries in lists for entry in entries)
    queue = "".join(word.capitalize() for word in delivery["event_name"].split("_")) + "Queue"
    found = _assets_in_queue(stack, f"{variable_name(queue)}_URL", delivery_id, len(expected))
    if found != expected or accepted["jobs"] != len(expected):
        raise WrongError(f"{len(found)} of {_count(len(expected), 'job')} in {queue}")
    return f"{_count(len(found), 'job')} in {queue}, body in the archive"


def _archived_body(stack: LocalStack, key: str) -> Any:  # noqa: ANN401  # JSON can be anything
    found = stack.boto("s3").get_object(Bucket=stack.env["ARCHIVE_BUCKET"], Key=key)
    return json.loads(found["Body"].read())["body"]


def _assets_in_queue(
    stack: LocalStack, variable: str, delivery_id: str, expected: int
) -> list[str]:
    """Take jobs until there are enough, and once more for what should not be there."""
    sqs, url = stack.boto("sqs"), stack.env[variable]
    found: list[str] = []
    deadline = time.monotonic() + QUEUE_SECONDS
    messages = True
    while messages or (len(found) < expected and time.monotonic() < deadline):
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        messages = bool(answer.get("Messages"))
        for message in answer.get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            job = json.loads(message["Body"])
            found += [job["asset"]["id"]] if job["delivery_id"] == delivery_id else []
    return sorted(found)


def _outcome(stack: LocalStack, job: Json) -> str | None:
    delivery_id, _, number = job["job_id"].rpartition(".")
    seen = jobs.look(stack, delivery_id, int(number) + 1)
    return next((each.outcome for each in seen if each.job_id == job["job_id"]), None)


def has_left_its_mark(stack: LocalStack, job: Json) -> bool:
    """Tell whether the catalogue has this very job's change, told to the bus."""
    if "publishing_event" not in job:
        return _library_has_its_mark(_item(stack, job, "ASSET"), job)
    publication = f"PUBLICATION#{job['channel']}#{job['publishing_event']['id']}"
    item = _item(stack, job, publication)
    identity = f"{job['event_name']}#{job['asset']['entry_hash']}"
    ended = item.get("identities", {}).get("M", {}).get(identity, {}).get("M", {})
    closed = job["event_name"] == "asset_unpublished"
    return (
        ended.get("job_id") == {"S": job["job_id"]}
        and item["status"] == {"S": "unpublished" if closed else "published"}
        and item["announced"] == item["sequence"]
        and "pending" not in item
    )


def _library_has_its_mark(item: Json, job: Json) -> bool:
    settled = item.get("settled", {}).get("M", {})
    return (
        settled.get("job_id") == {"S": job["job_id"]}
        and item["announced"] == item["library_sequence"]
        and "pending" not in item
    )


def _item(stack: LocalStack, job: Json, sort_key: str) -> Json:
    answer = stack.boto("dynamodb").get_item(
        TableName=stack.env["CATALOGUE_TABLE"],
        Key={"pk": {"S": f"ASSET#{job['asset']['id']}"}, "sk": {"S": sort_key}},
        ConsistentRead=True,
    )
    return answer.get("Item", {})


def _secrets(stack: LocalStack) -> Any:  # noqa: ANN401  # the client's own types are far away
    return stack.boto("secretsmanager")


def _token_secret(stack: LocalStack) -> str:
    return stack.resources.physical_id("AccessTokenSecret")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
