"""What a run left behind: catalogue, documents, bus, queues, ledger, requests and logs."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import boto3.dynamodb.types

from cmp_relay import archive
from tools.chaos.world import QUARANTINE
from tools.ledger.ledger import draw_up
from tools.ledger.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tools.chaos.plan import Plan
    from tools.chaos.talk_truth import TalkTruth
    from tools.chaos.world import World
    from tools.ledger.ledger import Ledger, Received, Seen
    from tools.stand_in.records import DownloadRecord, RequestRecord

PATIENCE_SECONDS = 240.0
QUIET_LOOKS = 4
LOOK_SECONDS = 1.0
DOCUMENT = ".json"
PRIVATE_LINK = re.compile(r"[?&]token=[A-Za-z0-9_-]{40,}")
UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b")
SECRETS = {
    "JiraWebhookSecretArn": "current",
    "WebhookSecretArn": "current",
    "CredentialsSecretArn": "client_secret",
    "TokenSecretArn": "access_token",
}


@dataclass(frozen=True)
class Message:
    """A message that was found in a queue, with its attributes as plain text."""

    queue: str
    body: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class File:
    """A file that was found in the bucket; `sha256` in hexadecimal."""

    size: int
    sha256: str


@dataclass(frozen=True)
class FileObservation:
    """What there is of files: FILES items by asset id, objects and uploads by key, their jobs."""

    items: Mapping[str, Mapping[str, Any]]
    objects: Mapping[str, File]
    uploads: Mapping[str, int]
    jobs: Sequence[Seen]
    counted: Mapping[str, int]
    downloads: Sequence[DownloadRecord]


@dataclass(frozen=True)
class TalkObservation:
    """What there is of talks: sub-steps by id, tickets, webhooks, reports by publishing event.

    `jobs` are those of commands and tickets; `requests` those to Jira.
    """

    steps: Mapping[str, Mapping[str, Any]]
    issues: Sequence[Mapping[str, Any]]
    webhooks: Sequence[Mapping[str, Any]]
    reports: Mapping[str, Sequence[Mapping[str, Any]]]
    jobs: Sequence[Seen]
    counted: Mapping[str, int]
    requests: Sequence[RequestRecord]


@dataclass(frozen=True)
class Observation:
    """Everything that the verdict looks at; `items` by asset id and sort key."""

    files: FileObservation
    talk: TalkObservation
    items: Mapping[str, Mapping[str, Mapping[str, Any]]]
    documents: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]
    messages: Sequence[Message]
    waiting: int
    ledger: Ledger
    received: Sequence[Received]
    seen: Sequence[Seen]
    requests: Sequence[RequestRecord]
    bodies: Mapping[str, str]
    leaks: Sequence[str]


def settle(world: World) -> float:
    """Wait until no work queue holds a message any more, or too long; return the seconds."""
    began, quiet = time.monotonic(), 0
    while quiet < QUIET_LOOKS and time.monotonic() - began < PATIENCE_SECONDS:
        quiet = 0 if world.waiting() else quiet + 1
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - began


def look(world: World, plan: Plan, truth: TalkTruth, *, secret_text: str) -> Observation:
    """Look at everything; `secret_text` may be in no log, like every secret of the stack."""
    sources, asset_ids = Sources(world.stack), [asset.id for asset in plan.assets]
    requests = world.cmp.requests("/v3")
    messages = [*_messages(world)]
    received, seen = [*sources.received()], [*sources.seen()]
    return Observation(
        files=_files(world, sources, asset_ids),
        talk=_talk(world, sources, plan, truth),
        items={asset_id: _items(world, f"ASSET#{asset_id}") for asset_id in asset_ids},
        documents=dict(_documents(world)),
        events=world.tap.take(seconds=0),
        messages=messages,
        waiting=world.waiting(),
        ledger=draw_up(received, seen, sources.counted()),
        received=received,
        seen=seen,
        requests=requests,
        bodies=dict(_bodies(world, messages)),
        leaks=[*_leaks(world, requests, secret_text)],
    )


def _files(world: World, sources: Sources, asset_ids: Sequence[str]) -> FileObservation:
    items = {asset_id: _items(world, f"FILES#{asset_id}") for asset_id in asset_ids}
    return FileObservation(
        items={asset_id: found["FILES"] for asset_id, found in items.items() if found},
        objects={
            key: File(len(body), hashlib.sha256(body).hexdigest())
            for key, body in _objects(world)
            if not key.endswith(DOCUMENT)
        },
        uploads=world.uploads(),
        jobs=[*sources.seen("files")],
        counted=sources.counted("files"),
        downloads=world.cmp.downloads(),
    )


def _talk(world: World, sources: Sources, plan: Plan, truth: TalkTruth) -> TalkObservation:
    counted = Counter(sources.counted("command")) + Counter(sources.counted("ticket"))
    return TalkObservation(
        steps={one.sub_step_id: world.cmp.tasks.show(one.sub_step_id) for one in truth.steps},
        issues=world.jira.issues(),
        webhooks=world.jira.webhooks(),
        reports={
            one.event: world.cmp.publishing.reports(one.event) for one in plan.talks.publications
        },
        jobs=[*sources.seen("command"), *sources.seen("ticket")],
        counted=counted,
        requests=cast("list[RequestRecord]", world.jira.requests()),
    )


def _items(world: World, pk: str) -> dict[str, dict[str, Any]]:
    answer = world.stack.boto("dynamodb").query(
        TableName=world.stack.env["CATALOGUE_TABLE"],
        ConsistentRead=True,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": pk}},
    )
    read = boto3.dynamodb.types.TypeDeserializer()
    return {
        item["sk"]["S"]: {name: read.deserialize(value) for name, value in item.items()}
        for item in answer["Items"]
    }


def _documents(world: World) -> Iterator[tuple[str, Any]]:
    for key, body in _objects(world):
        if key.endswith(DOCUMENT):
            yield key, json.loads(body)


def _objects(world: World) -> Iterator[tuple[str, bytes]]:
    s3, bucket = world.stack.boto("s3"), world.stack.env["ASSET_BUCKET"]
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for found in page.get("Contents", []):
            answer = s3.get_object(Bucket=bucket, Key=found["Key"])
            yield found["Key"], answer["Body"].read()


def _messages(world: World) -> Iterator[Message]:
    """Take what is in the queues that no worker of ours takes from."""
    work = world.work_queues()
    for name in world.queue_urls():
        if name not in work:
            yield from _taken(world, name)


def _taken(world: World, queue: str) -> Iterator[Message]:
    sqs, url = world.stack.boto("sqs"), world.queue_urls()[queue]
    while True:
        answer = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        if not answer.get("Messages"):
            return
        for message in answer["Messages"]:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            told = message.get("MessageAttributes", {})
            attributes = {key: value.get("StringValue", "") for key, value in told.items()}
            yield Message(queue, message["Body"], attributes)


def _bodies(world: World, messages: Sequence[Message]) -> Iterator[tuple[str, str]]:
    """Yield the archived bodies that quarantine speaks of, by their keys."""
    s3, bucket = world.stack.boto("s3"), world.stack.env["ARCHIVE_BUCKET"]
    for message in messages:
        if message.queue == QUARANTINE:
            key = json.loads(message.body)["archive_key"]
            answer = s3.get_object(Bucket=bucket, Key=key)
            yield key, archive.raw_body(json.loads(answer["Body"].read())).decode()


def _leaks(world: World, requests: Sequence[RequestRecord], secret_text: str) -> Iterator[str]:
    """Name the secrets that a log holds; tokens are known by their digests alone."""
    files = (file.read_text(errors="replace") for file in world.stack.folder.logs.iterdir())
    text = "\n".join([world.stack.logs(), *files])
    if secret_text in text:
        yield "the query of a URL"
    if PRIVATE_LINK.search(text):
        yield "a link to a private file"
    for output, name in SECRETS.items():
        with world.secret(output) as document:
            if document[name] in text:
                yield name
    sent = {one["authorization_sha256"] for one in requests}
    for value in set(UUID.findall(text)):
        if hashlib.sha256(f"Bearer {value}".encode()).hexdigest() in sent:
            yield "an access token"
