"""Where a publish worker is put together from its environment."""

from collections.abc import Mapping

from cmp_relay import clients, settings
from cmp_relay.bus import Bus
from cmp_relay.catalogue import Catalogue
from cmp_relay.dead_letters import DeadLetters
from cmp_relay.documents import Documents
from cmp_relay.jobs import PublishJob, read_publish_job
from cmp_relay.leases import Leases
from cmp_relay.outcomes import Outcomes
from cmp_relay.publishing import Enrichment, Publishing
from cmp_relay.records import Records
from cmp_relay.worker import Worker


def publish_worker(
    environment: Mapping[str, str], *, enrich: Enrichment | None, reserve_seconds: float
) -> Worker[PublishJob]:
    """Build the worker of one queue of publish jobs; raises SettingsError."""
    own = settings.read(settings.WorkerSettings, environment)
    table = clients.dynamodb()
    queues = clients.sqs()
    publishing = Publishing(
        records=Records(
            catalogue=Catalogue(table, own.catalogue_table),
            bus=Bus(clients.events(), own.event_bus),
            leases=Leases(table, own.catalogue_table),
        ),
        stored=Documents(clients.s3(), own.asset_bucket),
        enrich=enrich,
    )
    return Worker(
        read=read_publish_job,
        work=publishing.apply,
        outcomes=Outcomes(table, own.catalogue_table),
        dead_letters=DeadLetters(queues, own.dead_letter_queue_url),
        client=queues,
        queue_url=own.queue_url,
        reserve_seconds=reserve_seconds,
    )
