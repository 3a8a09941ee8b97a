"""A job of an event that has no worker of its own, from the queue to the bus.

The event is told as it was received, and with what CMP shows of its subject if that is wanted. A
job that is repeated tells it again, with the same id. A preview that CMP asks for is passed on like
any other event: to acknowledge it is somebody else's decision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cmp_relay import clients, cmp_events, composition, desk, settings, subjects
from cmp_relay.bus import Bus
from cmp_relay.delivered import Delivered
from cmp_relay.jobs import OtherEventJob, read_other_event_job
from cmp_relay.outcomes import Attempt, Ending
from cmp_relay.resource_table import Resource, ResourceTable
from cmp_relay.resources import Resources
from cmp_relay.worker import Worker


@dataclass(frozen=True, slots=True)
class OtherEvents:
    """The work of the worker of other events; `wanted` are those that are enriched."""

    delivered: Delivered
    resources: Resources
    bus: Bus
    wanted: Sequence[str]

    def apply(self, job: OtherEventJob, attempt: Attempt) -> Ending:
        """Tell the bus of the job's event; raises ArchiveError, AnnouncementError."""
        data = self.delivered.data(job)
        self.bus.put(cmp_events.compose(job, data, self._resource(job, data, attempt)))
        return Ending("applied")

    def _resource(self, job: OtherEventJob, data: object, attempt: Attempt) -> Resource:
        if not subjects.is_enriched(job.event_name, self.wanted):
            return Resource()
        href = subjects.link(job.event_name, data)
        return self.resources.get(href, job.received_at, attempt, job.lane) if href else Resource()


def build(environment: Mapping[str, str], reserve_seconds: float) -> Worker[OtherEventJob]:
    """Build the worker of the queue of other events; raises SettingsError."""
    own = settings.read(settings.WorkerSettings, environment)
    archived = settings.read(settings.EntrySettings, environment)
    about = settings.read(settings.OtherEventSettings, environment)
    work = OtherEvents(
        delivered=Delivered(clients.s3(), archived.archive_bucket),
        resources=Resources(
            desk.build(environment, own.catalogue_table),
            ResourceTable(clients.dynamodb(), own.catalogue_table),
        ),
        bus=Bus(clients.events(), own.event_bus),
        wanted=about.enrich_events,
    )
    return composition.assemble(own, read_other_event_job, work.apply, reserve_seconds)
