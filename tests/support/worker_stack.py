"""All that a worker reads and writes, in moto, and what is to be found afterwards."""

import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import boto3
import pytest
from boto3.dynamodb.types import TypeDeserializer
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber

from cmp_relay import archive, folder_rules, routing
from cmp_relay.breaker import Breaker
from cmp_relay.budget import Budget
from cmp_relay.budget_table import KEY as BUDGET
from cmp_relay.budget_table import BudgetTable
from cmp_relay.bus import Bus
from cmp_relay.catalogue import Catalogue
from cmp_relay.clients import CONFIG
from cmp_relay.command_queue import CommandQueue
from cmp_relay.command_results import CommandResults
from cmp_relay.commands import CommandJob, read_command_job
from cmp_relay.comments import Comments
from cmp_relay.dead_letters import DeadLetters
from cmp_relay.delivered import Delivered
from cmp_relay.deliveries import Receipt
from cmp_relay.desk import Desk
from cmp_relay.details import Details
from cmp_relay.documents import Documents
from cmp_relay.downloads import Downloads
from cmp_relay.echoes import Echoes
from cmp_relay.exchanges import build_client
from cmp_relay.external_work import ExternalWork, Tickets
from cmp_relay.file_plan import Folders
from cmp_relay.file_queue import FileQueue
from cmp_relay.file_store import FileStore
from cmp_relay.files import Files
from cmp_relay.findings import Findings
from cmp_relay.jobs import (
    ExternalWorkJob,
    FileJob,
    LibraryJob,
    OtherEventJob,
    PublishJob,
    read_external_work_job,
    read_file_job,
    read_library_job,
    read_other_event_job,
    read_publish_job,
)
from cmp_relay.leases import Leases
from cmp_relay.library_rows import LibraryRows
from cmp_relay.library_sync import LibrarySync
from cmp_relay.lookup import Access, Lookup
from cmp_relay.mirroring import Mirroring
from cmp_relay.origins import FileOrigins
from cmp_relay.other_events import OtherEvents
from cmp_relay.outcomes import Outcomes
from cmp_relay.permits import Permits
from cmp_relay.private_links import PrivateLinks
from cmp_relay.publishing import Publishing
from cmp_relay.records import Records
from cmp_relay.report_duties import Duties
from cmp_relay.resource_table import ResourceTable
from cmp_relay.resources import Resources
from cmp_relay.row_table import RowTable
from cmp_relay.running import Hand, Running
from cmp_relay.slots import Lane, Limits
from cmp_relay.steps import Steps
from cmp_relay.sub_steps import SubSteps
from cmp_relay.worker import Worker
from tests.support import catalogue_table, environment, publish_jobs
from tests.support.clock import Clock
from tests.support.context import LambdaContext as FakeContext
from tests.support.fake_open_api import FakeOpenApi
from tests.support.killer import Killer

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


class Clients(NamedTuple):
    """Clients of AWS; those of the workers are others than those that tests look with."""

    table: "DynamoDBClient"
    objects: "S3Client"
    bus: "EventBridgeClient"
    queues: "SQSClient"


@cache
def clients(_whose: str) -> Clients:
    """Build clients once: that takes longer than most tests."""
    return Clients(
        boto3.client("dynamodb", config=CONFIG),
        boto3.client("s3", config=CONFIG),
        boto3.client("events", config=CONFIG),
        boto3.client("sqs", config=CONFIG),
    )


CONTEXT = cast("LambdaContext", FakeContext(remaining_milliseconds=60_000))
CHANGE_VISIBILITY = "provide-client-params.sqs.ChangeMessageVisibility"
ENRICHED = ("task", "campaign", "work_request", "event", "workflow")
QUEUES = ("work", "dead-letter", "bus-tap", "asset-file", "command", "ticket")


def create_bucket(client: "S3Client", name: str) -> None:
    """Create a bucket in the tests' region."""
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})


def create_bus(events: "EventBridgeClient") -> None:
    """Create the bus, with a queue that hears all of it."""
    events.create_event_bus(Name="bus")
    add_rule(events, "all", json.dumps({"source": ["cmp-relay"]}))


def add_rule(events: "EventBridgeClient", name: str, pattern: str) -> None:
    """Let the queue hear what matches a pattern."""
    arn = f"arn:aws:sqs:{environment.REGION}:{environment.ACCOUNT}:bus-tap"
    events.put_rule(Name=name, EventBusName="bus", EventPattern=pattern)
    events.put_targets(Rule=name, EventBusName="bus", Targets=[{"Id": "tap", "Arn": arn}])


class WorkerStack:
    """The workers' table, buckets, queues and bus, with a fake of CMP's Open API."""

    def __init__(self) -> None:
        """Create them all, empty."""
        self.dynamodb, self.s3, events, self.sqs = clients("tests")
        for name in QUEUES:
            self.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "3600"})
        for name in ("archive", "assets"):
            create_bucket(self.s3, name)
        catalogue_table.create(self.dynamodb)
        create_bus(events)
        self.api = FakeOpenApi()
        self.clock = Clock()
        self.lease_clock = Clock()
        self.killer = Killer()
        self.visibilities: list[int] = []
        # As good as none: the tests of the budget set their own.
        self.limits = Limits(per_second=1000, per_minute=60_000, per_month=10**6, bulk_share=0.7)
        self.duties = Duties(is_on=False, base="", bucket="assets", own_bucket="assets")
        for client in clients("workers"):
            self.killer.watch(client)
        noted = clients("workers").queues.meta.events
        noted.register(CHANGE_VISIBILITY, self._note_visibility)

    def close(self) -> None:
        """Let go of the workers' clients."""
        for client in clients("workers"):
            self.killer.leave(client)
        noted = clients("workers").queues.meta.events
        noted.unregister(CHANGE_VISIBILITY, self._note_visibility)

    def empty(self) -> None:
        """Forget everything: as good as a new stack, and much faster."""
        for item in self.dynamodb.scan(TableName="catalogue")["Items"]:
            key = {"pk": item["pk"], "sk": item["sk"]}
            self.dynamodb.delete_item(TableName="catalogue", Key=key)
        for name in (*self.documents(), *self.objects()):
            self.s3.delete_object(Bucket="assets", Key=name)
        self.announced()
        self.file_jobs()
        self.commands()
        self.dead_letters()

    def empty_budget(self) -> None:
        """Forget which slots were taken."""
        self.dynamodb.delete_item(TableName="catalogue", Key=BUDGET)

    def worker(self, *, asks_cmp: bool = True) -> Worker[PublishJob]:
        """Build a worker as a new execution environment would."""
        table, objects, _, queues = clients("workers")
        stored = Documents(objects, "assets")
        outcomes = Outcomes(table, "catalogue", now=self.clock)
        details = Details(
            lookup=self.lookup(),
            delivered=Delivered(objects, "archive"),
            findings=Findings(stored),
        )
        publishing = Publishing(
            records=self._records(),
            stored=stored,
            enrich=details if asks_cmp else None,
            now=self.clock,
        )
        return Worker(
            read=read_publish_job,
            work=publishing.apply,
            outcomes=outcomes,
            dead_letters=DeadLetters(queues, environment.queue_url("dead-letter")),
            client=queues,
            queue_url=environment.queue_url("work"),
            reserve_seconds=25,
            retry_seconds=20,
            now=self.clock,
        )

    def rows(self) -> LibraryRows:
        """Build what shares rows of CMP's listing among jobs."""
        table = clients("workers").table
        return LibraryRows(
            api=self.api,
            permits=self.permits("bulk"),
            base=publish_jobs.API,
            table=RowTable(table, "catalogue"),
            leases=Leases(table, "catalogue", now=self.lease_clock.seconds),
            now=self.clock,
        )

    def library_worker(self, rows: LibraryRows | None = None) -> Worker[LibraryJob]:
        """Build a worker of library jobs."""
        library = LibrarySync(
            records=self._records(),
            findings=Findings(Documents(clients("workers").objects, "assets")),
            lookup=self.lookup("bulk"),
            rows=rows,
        )
        worker: Any = self.worker()
        return cast(
            "Worker[LibraryJob]", replace(worker, read=read_library_job, work=library.apply)
        )

    def desk(self) -> Desk:
        """Build where workers ask the fake of CMP's Open API, one for each resource."""
        leases = Leases(clients("workers").table, "catalogue", now=self.lease_clock.seconds)
        return Desk(Access(self.api, self.permits("live"), publish_jobs.API, 60_000), leases)

    def resources(self) -> Resources:
        """Build what brings what is behind links."""
        table = ResourceTable(clients("workers").table, "catalogue")
        return Resources(self.desk(), table, now=self.clock)

    def other_event_worker(self, wanted: Sequence[str] = ENRICHED) -> Worker[OtherEventJob]:
        """Build a worker of events without a worker of their own; `wanted` are enriched."""
        _, objects, bus, _ = clients("workers")
        events = OtherEvents(
            delivered=Delivered(objects, "archive"),
            resources=self.resources(),
            bus=Bus(bus, "bus"),
            wanted=wanted,
        )
        worker: Any = self.worker()
        return cast(
            "Worker[OtherEventJob]", replace(worker, read=read_other_event_job, work=events.apply)
        )

    def command_worker(self, hands: Mapping[str, Hand] | None = None) -> Worker[CommandJob]:
        """Build a worker of commands, with other hands if given."""
        table, _, bus, _ = clients("workers")
        echoes = Echoes(table, "catalogue", now=self.clock)
        usual: dict[str, Hand] = {
            "comment": Comments(self.desk(), echoes),
            "complete": SubSteps(self.desk(), echoes),
        }
        results = CommandResults(Bus(bus, "bus"), self.clock)
        worker: Any = self.worker()
        return cast(
            "Worker[CommandJob]",
            replace(
                worker,
                read=read_command_job,
                work=Running({**usual, **(hands or {})}).apply,
                announce=results.tell,
            ),
        )

    def external_work_worker(self, tickets: Tickets | None = None) -> Worker[ExternalWorkJob]:
        """Build a worker of events of external steps; `tickets` hear of them."""
        table, _, bus, _ = clients("workers")
        work = ExternalWork(
            desk=self.desk(),
            steps=Steps(table, "catalogue"),
            echoes=Echoes(table, "catalogue", self.clock),
            bus=Bus(bus, "bus"),
            outcomes=Outcomes(table, "catalogue", now=self.clock),
            gone_recheck_seconds=60,
            tickets=tickets,
            now=self.clock,
        )
        worker: Any = self.worker()
        return cast(
            "Worker[ExternalWorkJob]",
            replace(worker, read=read_external_work_job, work=work.apply),
        )

    def _records(self) -> Records:
        table, _, bus, queues = clients("workers")
        return Records(
            catalogue=Catalogue(table, "catalogue"),
            bus=Bus(bus, "bus"),
            leases=Leases(table, "catalogue", now=self.lease_clock.seconds),
            files=FileQueue(queues, environment.queue_url("asset-file"), self.clock),
            reports=self.duties.is_on,
        )

    def file_worker(self, files_origin: str, rules: str, **options: Any) -> Worker[FileJob]:  # noqa: ANN401
        """Build a worker of file jobs; `options` are of the folders."""
        table, objects, bus, queues = clients("workers")
        mirroring = Mirroring(
            catalogue=Catalogue(table, "catalogue"),
            details=Documents(objects, "assets"),
            files=Files(table, "catalogue"),
            leases=Leases(table, "catalogue", now=self.lease_clock.seconds),
            bus=Bus(bus, "bus"),
            downloads=Downloads(build_client(), FileOrigins.parse([files_origin]), 10**9),
            store=FileStore(objects, "assets"),
            links=PrivateLinks(self.api, self.permits("bulk")),
            folders=Folders(
                **{
                    "bucket": "assets",
                    "repository": "assets",
                    "rules": folder_rules.parse(rules),
                    **options,
                }
            ),
            duties=self.duties,
            commands=CommandQueue(queues, environment.queue_url("command")),
            now=self.clock,
        )
        worker: Any = self.worker()
        return cast("Worker[FileJob]", replace(worker, read=read_file_job, work=mirroring.apply))

    def file_jobs(self) -> list[str]:
        """Return and remove the messages for the worker of files."""
        return [str(message["Body"]) for message in self._messages("asset-file")]

    def commands(self) -> list[dict[str, Any]]:
        """Return and remove the commands that the relay gave itself."""
        return [json.loads(message["Body"]) for message in self._messages("command")]

    def objects(self) -> dict[str, bytes]:
        """Return every file of the asset bucket by its key."""
        listed = self.s3.list_objects_v2(Bucket="assets").get("Contents", [])
        keys = [each["Key"] for each in listed if not each["Key"].endswith(".json")]
        return {key: self.s3.get_object(Bucket="assets", Key=key)["Body"].read() for key in keys}

    def permits(self, lane: Lane) -> Permits:
        """Build the permits of a worker; to sleep is to move the clocks on."""
        store = BudgetTable(clients("workers").table, "catalogue")
        budget = Budget(store, self.limits, now=self.clock)
        breaker = Breaker(store, self.limits, now=self.clock)
        return Permits(budget, breaker, lane, self.clock, self.sleep)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)
        self.lease_clock.advance(seconds)

    def lookup(self, lane: Lane = "live") -> Lookup:
        """Build what looks into the fake of CMP's Open API."""
        return Lookup(
            api=self.api,
            permits=self.permits(lane),
            base=publish_jobs.API,
            outcomes=Outcomes(clients("workers").table, "catalogue", now=self.clock),
            gone_recheck_seconds=60,
            now=self.clock,
        )

    def deliver(self, raw: bytes, receipt: Receipt) -> list[str]:
        """Archive a delivery and return the messages of its jobs, as receive_webhook does."""
        archived = archive.document(receipt, raw, request_id="request-1", headers={})
        body = json.dumps(archived).encode()
        self.s3.put_object(Bucket="archive", Key=receipt.archive_key, Body=body)
        return publish_jobs.jobs(raw, receipt)

    def event(self, *messages: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
        """Return what Lambda reads from the queue; `changes` replace parts of each record."""
        return {"Records": [self._record(message, **changes) for message in messages]}

    def work(self, *messages: str) -> list[str]:
        """Let a new worker have the messages and return the ids of those that come back."""
        answer = self._worker_of(messages).handle(self.event(*messages), CONTEXT)
        return [str(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]

    def _worker_of(self, messages: Iterable[str]) -> Worker[Any]:
        names = {json.loads(message)["event_name"] for message in messages}
        if any(routing.is_library(name) for name in names):
            return self.library_worker()
        if any(routing.is_external(name) for name in names):
            return self.external_work_worker()
        if any(routing.route(name) == routing.OTHER_EVENT for name in names):
            return self.other_event_worker()
        return self.worker(asks_cmp="asset_unpublished" not in names)

    def items(self, prefix: str) -> list[dict[str, Any]]:
        """Return the items whose partition begins so, ordered by their keys."""
        read = TypeDeserializer().deserialize
        found = [
            {name: read(value) for name, value in raw.items()}
            for raw in self.dynamodb.scan(TableName="catalogue")["Items"]
        ]
        mine = [item for item in found if item["pk"].startswith(prefix)]
        return sorted(mine, key=lambda item: (item["pk"], item["sk"]))

    def asset(self, asset_id: str = "image-1") -> dict[str, Any]:
        """Return the item of an asset."""
        found: dict[str, Any]
        (found,) = [item for item in self.items(f"ASSET#{asset_id}") if item["sk"] == "ASSET"]
        return found

    def outcomes(self) -> dict[str, str | None]:
        """Return the outcome of each job that began, None while in flight."""
        return {item["pk"].removeprefix("JOB#"): item.get("outcome") for item in self.items("JOB#")}

    def counts(self) -> dict[str, int]:
        """Return how many jobs ended in which way, by the counters."""
        sums: dict[str, int] = {}
        for item in self.items("COUNT#"):
            for name in item.keys() - {"pk", "sk"}:
                sums[name] = sums.get(name, 0) + int(item[name])
        return {name: count for name, count in sums.items() if count}

    def documents(self) -> dict[str, Any]:
        """Return every document of the asset bucket by its key."""
        found = {}
        for each in self.s3.list_objects_v2(Bucket="assets").get("Contents", []):
            if not each["Key"].endswith(".json"):
                continue
            body = self.s3.get_object(Bucket="assets", Key=each["Key"])["Body"]
            found[each["Key"]] = json.loads(body.read())
        return found

    def subscribe(self, rule: str, pattern: str) -> None:
        """Hear what matches a pattern of a consumer besides, so once more."""
        add_rule(clients("tests").bus, rule, pattern)

    def announced(self) -> list[dict[str, Any]]:
        """Return and remove what the bus has heard."""
        return [json.loads(message["Body"]) for message in self._messages("bus-tap")]

    def dead_letters(self) -> list[tuple[str, dict[str, str]]]:
        """Return and remove the dead letters: their bodies and why they are there."""
        return [
            (
                message["Body"],
                {name: each["StringValue"] for name, each in message["MessageAttributes"].items()},
            )
            for message in self._messages("dead-letter")
        ]

    def _messages(self, queue: str) -> list[Mapping[str, Any]]:
        url = environment.queue_url(queue)
        found: list[Mapping[str, Any]] = []
        while batch := self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            found.extend(batch)
            for message in batch:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def _record(
        self,
        message: str,
        *,
        sent_at: int | None = None,
        receives: int = 1,
        attributes: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Send a message and receive it, so that its visibility can really be changed."""
        url = environment.queue_url("work")
        self.sqs.send_message(QueueUrl=url, MessageBody=message)
        (got,) = self.sqs.receive_message(QueueUrl=url)["Messages"]
        return {
            "messageId": got["MessageId"],
            "receiptHandle": got["ReceiptHandle"],
            "body": message,
            "attributes": {
                "ApproximateReceiveCount": str(receives),
                "SentTimestamp": str(self.clock() if sent_at is None else sent_at),
            },
            "messageAttributes": {
                name: {"dataType": "String", "stringValue": value}
                for name, value in (attributes or {}).items()
            },
            "eventSource": "aws:sqs",
        }

    def _note_visibility(self, params: Mapping[str, Any], **_: object) -> None:
        self.visibilities.append(params["VisibilityTimeout"])


@contextmanager
def worker_stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerStack]:
    """Yield a fresh stack that several threads may use: moto itself keeps nothing apart."""
    lock = threading.Lock()
    answer = BotocoreStubber.__call__

    def one_at_a_time(stubber: BotocoreStubber, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        with lock:
            return answer(stubber, *args, **kwargs)

    monkeypatch.setattr(BotocoreStubber, "__call__", one_at_a_time)
    with mock_aws():
        stack = WorkerStack()
        try:
            yield stack
        finally:
            stack.close()
