"""Where a publish worker is put together from its environment, clients included."""

from collections.abc import Mapping

import boto3

from cmp_relay import settings
from cmp_relay.bus import Bus
from cmp_relay.catalogue import Catalogue
from cmp_relay.clients import CONFIG
from cmp_relay.dead_letters import DeadLetters
from cmp_relay.documents import Documents
from cmp_relay.leases import Leases
from cmp_relay.outcomes import Outcomes
from cmp_relay.publishing import Enrichment, Publishing
from cmp_relay.worker import Worker


def publish_worker(
    environment: Mapping[str, str], *, enrich: Enrichment | None, reserve_seconds: float
) -> Worker:
    """Build the worker of one queue of publish jobs; raises SettingsError."""
    own = settings.read(settings.WorkerSettings, environment)
    table = boto3.client("dynamodb", config=CONFIG)
    queues = boto3.client("sqs", config=CONFIG)
    publishing = Publishing(
        catalogue=Catalogue(table, own.catalogue_table),
        stored=Documents(boto3.client("s3", config=CONFIG), own.asset_bucket),
        bus=Bus(boto3.client("events", config=CONFIG), own.event_bus),
        leases=Leases(table, own.catalogue_table),
        enrich=enrich,
    )
    return Worker(
        work=publishing.apply,
        outcomes=Outcomes(table, own.catalogue_table),
        dead_letters=DeadLetters(queues, own.dead_letter_queue_url),
        client=queues,
        queue_url=own.queue_url,
        reserve_seconds=reserve_seconds,
    )
