"""Where a worker is put together from its environment."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from cmp_relay import clients, settings
from cmp_relay.bus import Bus
from cmp_relay.catalogue import Catalogue
from cmp_relay.dead_letters import DeadLetters
from cmp_relay.documents import Documents
from cmp_relay.file_queue import FileQueue
from cmp_relay.findings import Findings
from cmp_relay.jobs import (
    AnyJob,
    FileJob,
    LibraryJob,
    PublishJob,
    read_file_job,
    read_library_job,
    read_publish_job,
)
from cmp_relay.leases import Leases
from cmp_relay.library_sync import LibrarySync, Looks, Rows
from cmp_relay.outcomes import Attempt, Ending, Outcomes
from cmp_relay.publishing import Enrichment, Publishing
from cmp_relay.records import Records
from cmp_relay.settings import WorkerSettings
from cmp_relay.worker import Worker


def publish_worker(
    environment: Mapping[str, str], *, enrich: Enrichment | None, reserve_seconds: float
) -> Worker[PublishJob]:
    """Build the worker of one queue of publish jobs; raises SettingsError."""
    own = settings.read(settings.WorkerSettings, environment)
    publishing = Publishing(
        records=_records(own, environment),
        stored=_documents(environment),
        enrich=enrich,
    )
    return assemble(own, read_publish_job, publishing.apply, reserve_seconds)


def library_worker(
    environment: Mapping[str, str], *, lookup: Looks, rows: Rows | None, reserve_seconds: float
) -> Worker[LibraryJob]:
    """Build the worker of the queue of library jobs; raises SettingsError."""
    own = settings.read(settings.WorkerSettings, environment)
    library = LibrarySync(
        records=_records(own, environment),
        findings=Findings(_documents(environment)),
        lookup=lookup,
        rows=rows,
    )
    return assemble(own, read_library_job, library.apply, reserve_seconds)


def file_worker(
    environment: Mapping[str, str],
    *,
    work: Callable[[FileJob, Attempt], Ending],
    reserve_seconds: float,
) -> Worker[FileJob]:
    """Build the worker of the queue of file jobs; raises SettingsError."""
    own = settings.read(settings.WorkerSettings, environment)
    worker = assemble(own, read_file_job, work, reserve_seconds)
    # A large file is held for hours: to look every few seconds would use up SQS's receives.
    return replace(worker, lease_seconds=60)


def _documents(environment: Mapping[str, str]) -> Documents:
    bucket = settings.read(settings.StoreSettings, environment).asset_bucket
    return Documents(clients.s3(), bucket)


def _records(own: WorkerSettings, environment: Mapping[str, str]) -> Records:
    table = clients.dynamodb()
    about = settings.read(settings.RecordSettings, environment)
    return Records(
        catalogue=Catalogue(table, own.catalogue_table),
        bus=Bus(clients.events(), own.event_bus),
        leases=Leases(table, own.catalogue_table),
        files=_file_queue(about.asset_file_queue_url),
        reports=about.report_publications,
    )


def _file_queue(queue_url: str) -> FileQueue | None:
    return FileQueue(clients.sqs(), queue_url) if queue_url else None


def assemble(
    own: WorkerSettings,
    read: Callable[[str], AnyJob],
    work: Callable[[AnyJob, Attempt], Ending],
    reserve_seconds: float,
) -> Worker[AnyJob]:
    """Put the worker of one queue together from how its jobs are read and what is done."""
    queues = clients.sqs()
    return Worker(
        read=read,
        work=work,
        outcomes=Outcomes(clients.dynamodb(), own.catalogue_table),
        dead_letters=DeadLetters(queues, own.dead_letter_queue_url),
        client=queues,
        queue_url=own.queue_url,
        reserve_seconds=reserve_seconds,
        retry_seconds=own.retry_seconds,
    )
