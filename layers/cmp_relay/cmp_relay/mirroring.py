"""A file job: an asset's files in S3 become what they have to be by now.

What that is follows from the details and both states alone, so jobs may repeat, overtake and cover
each other. Every place is claimed before it is written to (`files`), so that whatever a crash
leaves behind is found and withdrawn by the next job.
"""

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn, Protocol

from aws_lambda_powertools.metrics import MetricUnit

from cmp_relay import (
    clients,
    file_events,
    folder_rules,
    library,
    lookup,
    settings,
)
from cmp_relay.bus import Bus
from cmp_relay.catalogue import AssetState, Catalogue
from cmp_relay.command_queue import CommandQueue
from cmp_relay.documents import Documents
from cmp_relay.downloads import Downloads
from cmp_relay.errors import (
    CmpRelayError,
    FileDeniedError,
    FileError,
    FileGuidUnknownError,
    ForbiddenError,
    PostponedError,
    RequestRefusedError,
    SettingsError,
    UntrustedLinkError,
    WrongSettingsError,
)
from cmp_relay.exchanges import build_client
from cmp_relay.file_plan import FilePlan, Folders
from cmp_relay.file_sources import Source
from cmp_relay.file_store import Begun, FileStore, Unfinished
from cmp_relay.files import Files, FilesState, MirroredFile, Place
from cmp_relay.jobs import FileJob
from cmp_relay.leases import Lease, Leases
from cmp_relay.origins import FileOrigins
from cmp_relay.outcomes import Attempt, Ending
from cmp_relay.private_links import PrivateLinks
from cmp_relay.report_duties import Duties
from cmp_relay.telemetry import logger, metrics

LEASE_SECONDS = 900
"""No worker of files lives longer, so a lease that has ended has no holder."""
MILLION = 1_000_000
OF_ONE_FILE = (FileError, ForbiddenError, UntrustedLinkError, RequestRefusedError)
"""What concerns one file alone: the others of its asset come all the same."""
STAY_SECONDS = 600
"""How long a job downloads in one visit; then it comes back and goes on where it was."""
SETTINGS_SECONDS = 660
"""How long a job waits for settings that can be read: with less, SQS's thousand receives would not
last for the seven days that a job may wait."""


class Links(Protocol):
    """Who has links to private files."""

    def links(self, asset_id: str, sources: Sequence[Source], lease: Lease) -> Mapping[str, str]:
        """Return URLs with a token by slot, as far as known; raises PostponedError, ApiError."""


@dataclass(frozen=True, slots=True)
class Mirroring:
    """The work of the worker of files; `now` is in ms."""

    catalogue: Catalogue
    details: Documents
    files: Files
    leases: Leases
    bus: Bus
    downloads: Downloads
    store: FileStore
    links: Links
    folders: Folders
    duties: Duties
    commands: CommandQueue
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def apply(self, job: FileJob, _attempt: Attempt) -> Ending:
        """Do what the job asks; raises LeaseHeldError while another works on the same files."""
        owner = str(uuid.uuid4())
        with self.leases.held(f"files#{job.asset.id}", owner, LEASE_SECONDS) as lease:
            state = self._pay(self.files.read(job.asset.id))
            if state.done > job.wanted:
                return Ending("superseded", f"covered by the job of change {state.done}")
            if state.done < job.wanted:
                self._pay(self._mirror(job, state, lease))
            return Ending("applied")

    def _mirror(self, job: FileJob, before: FilesState, lease: Lease) -> FilesState:
        record = self.catalogue.read(job.asset.id, job.asset.type)
        asset = record.asset
        plan = self.folders.plan(asset, self._body(asset), before, self.now())
        visit = Visit(self, lease, before, self.now() + STAY_SECONDS * 1000)
        visit.drop_unfinished(plan)
        visit.withdraw(before.claims - plan.places - plan.waiting)
        visit.claim(plan.places)
        failed = visit.bring_all(plan)
        visit.copy(plan)
        visit.withdraw(visit.state.claims - plan.places - visit.older(plan))
        if failed:
            visit.note()
            # If any of them can be tried again, it takes the others along.
            raise max(failed, key=lambda error: error.retryable)
        state = self._owe_event(job, asset, visit.state)
        return self.files.write(self.duties.owe(record, state, self.now()))

    def _owe_event(self, job: FileJob, asset: AssetState, state: FilesState) -> FilesState:
        """Return the state at the end of the job, with the event of what nobody was told yet."""
        state = replace(state, done=asset.files_wanted)
        told = state.fingerprint()
        if told == state.told:
            return state
        state = replace(state, told=told, sequence=state.sequence + 1)
        event = file_events.compose(job, asset, state, bucket=self.details.bucket)
        return replace(state, pending=event)

    def _body(self, asset: AssetState) -> Mapping[str, Any]:
        """Return what CMP tells of the asset, nothing if it is not to be shown any more."""
        shown = asset.published or asset.library in {library.PRESENT, library.ARCHIVED}
        if not shown or asset.details_key is None:
            return {}
        document: Any = self.details.get(asset.details_key)["asset"]
        return document if isinstance(document, Mapping) else {}

    def _pay(self, state: FilesState) -> FilesState:
        """Put the event that is owed on the bus, and the reports into the queue of commands.

        Returns the state without them.
        """
        if state.pending is None and not state.commands:
            return state
        if state.pending:
            self.bus.put(state.pending)
        for command in state.commands:
            self.commands.put(json.loads(command))
        return self.files.write(replace(state, pending=None, commands=()))


@dataclass(slots=True)
class Visit:
    """One visit to an asset's files, which writes down each step; `ends_at` is in ms."""

    parts: Mirroring
    lease: Lease
    state: FilesState
    ends_at: int

    def drop_unfinished(self, plan: FilePlan) -> None:
        """Give up an upload of what is no longer wanted."""
        unfinished = self.state.unfinished
        if unfinished and not plan.wants(unfinished):
            self.parts.store.discard(unfinished)
            self._write(replace(self.state, unfinished=None))

    def claim(self, places: frozenset[Place]) -> None:
        """Write down where objects may be from now on."""
        if places - self.state.claims:
            self._write(replace(self.state, claims=self.state.claims | places))

    def withdraw(self, places: frozenset[Place]) -> None:
        """Forget files, delete their objects, then give up their places.

        In this order, since the asset may be wanted again before what died in between is repeated:
        then nothing may pass for being there.
        """
        if not places:
            return
        bucket = self.parts.store.bucket
        left = {
            slot: replace(file, copy=None) if file.copy in places else file
            for slot, file in self.state.files.items()
            if Place(bucket, file.stored.key) not in places
        }
        if left != self.state.files:
            self._write(replace(self.state, files=left))
        folders = self.parts.folders
        if not folders.keep_withdrawn:
            for place in sorted(filter(folders.owns, places), key=str):
                self.parts.store.delete(place.bucket, place.key)
        self._write(replace(self.state, claims=self.state.claims - places))

    def bring_all(self, plan: FilePlan) -> list[CmpRelayError]:
        """Bring every file that is not there in its present version, and return what has failed.

        Raises UnavailableError, and PostponedError when the visit's time is over.
        """
        missing = [slot for slot in plan.order(self.state) if not self._holds(plan.sources[slot])]
        failed = self._bring_each(plan, {slot: plan.sources[slot].url for slot in missing}, _counts)
        private = [slot for slot, error in failed.items() if isinstance(error, FileDeniedError)]
        if private:
            left = {slot: error for slot, error in failed.items() if slot not in private}
            failed = left | self._bring_private(plan, private, left)
        return list(failed.values())

    def _bring_private(
        self, plan: FilePlan, slots: Sequence[str], failed: Mapping[str, CmpRelayError]
    ) -> dict[str, CmpRelayError]:
        """Bring files by links with a token: there was no getting them without one."""
        sources = [plan.sources[slot] for slot in slots]
        try:
            links = self.parts.links.links(self.state.asset_id, sources, self.lease)
        except PostponedError:
            if not _counts(failed):
                raise
            return {}  # the same as below
        except OF_ONE_FILE as error:
            return dict.fromkeys(slots, error)
        unknown = {
            slot: FileGuidUnknownError("CMP knows the file by none of the guids that it may have")
            for slot in slots
            if slot not in links
        }
        return unknown | self._bring_each(
            plan, links, lambda now: bool(now or unknown) or _counts(failed)
        )

    def _bring_each(
        self,
        plan: FilePlan,
        urls: Mapping[str, str],
        counts: Callable[[Mapping[str, CmpRelayError]], bool],
    ) -> dict[str, CmpRelayError]:
        """Bring files from these URLs; return what has failed, which `counts` as an attempt."""
        failed: dict[str, CmpRelayError] = {}
        for slot, url in urls.items():
            try:
                self._bring(plan, slot, url)
            except OF_ONE_FILE as error:
                failed[slot] = error
            except PostponedError:
                if not counts(failed):
                    raise
                break  # to come back for the others without an attempt counted might never end
        return failed

    def older(self, plan: FilePlan) -> frozenset[Place]:
        """Return the places of older versions that stay because the present one has failed."""
        bucket = self.parts.store.bucket
        held = {
            slot: file
            for slot, file in self.state.files.items()
            if slot in plan.sources and not self._holds(plan.sources[slot])
        }
        copies = {file.copy for slot, file in held.items() if file.copy and slot in plan.copies}
        return frozenset({*copies, *(Place(bucket, file.stored.key) for file in held.values())})

    def _bring(self, plan: FilePlan, slot: str, url: str) -> None:
        store, source, place = self.parts.store, plan.sources[slot], plan.objects[slot]
        begun = self._begun(place)
        start = begun.start if begun else 0
        validator = begun.unfinished.validator if begun else None
        with self.parts.downloads.open(url, start=start, validator=validator) as download:
            stored = store.receive(
                download, source, place.key, keep=self._keep, go_on=self._has_time, begun=begun
            )
        held = self.state.files.get(slot)
        # Elsewhere an older copy waits for the new one; in the same place it is written over.
        waits = held is not None and held.copy != plan.copies.get(slot)
        file = MirroredFile(source.version, stored, held.copy if held and waits else None)
        self._write(replace(self.state, files={**self.state.files, slot: file}, unfinished=None))

    def copy(self, plan: FilePlan) -> None:
        """Copy each file that is there in its present version to where its rule wants it."""
        for slot, target in plan.copies.items():
            file = self.state.files.get(slot)
            if file and self._holds(plan.sources[slot]) and file.copy != target:
                self.parts.store.copy(file.stored.key, target.bucket, target.key)
                files = {**self.state.files, slot: replace(file, copy=target)}
                self.state = replace(self.state, files=files)

    def note(self) -> None:
        """Write down how far the visit has come."""
        self._write(self.state)

    def _holds(self, source: Source) -> bool:
        held = self.state.files.get(source.slot)
        return held is not None and held.version == source.version

    def _begun(self, place: Place) -> Begun | None:
        """Look how far an upload to this place has come; one to another place is given up."""
        unfinished = self.state.unfinished
        if unfinished is None:
            return None
        if unfinished.key == place.key:
            return self.parts.store.resume(unfinished)
        self.parts.store.discard(unfinished)
        return None

    def _has_time(self) -> bool:
        return self.parts.now() < self.ends_at

    def _keep(self, unfinished: Unfinished) -> None:
        self._write(replace(self.state, unfinished=unfinished))

    def _write(self, state: FilesState) -> None:
        self.state = self.parts.files.write(state)


def _counts(failed: Mapping[str, CmpRelayError]) -> bool:
    """Tell whether a visit has failed for a file: that it wants a token is no failure yet."""
    return any(not isinstance(error, FileDeniedError) for error in failed.values())


def work(environment: Mapping[str, str]) -> Callable[[FileJob, Attempt], Ending]:
    """Return what is done with a job: it waits while the environment holds what cannot be read.

    People write FolderRules. A function that does not start leaves its messages invisible for an
    hour and a half, also after a deployment that mends them.
    """
    try:
        return build(environment).apply
    except SettingsError as error:
        problem = str(error)

    def wait(_job: FileJob, _attempt: Attempt) -> NoReturn:
        logger.error("settings cannot be read", detail=problem)
        metrics.add_metric(name="FileSettingsUnreadable", unit=MetricUnit.Count, value=1)
        raise WrongSettingsError(problem, delay=SETTINGS_SECONDS)

    return wait


def build(environment: Mapping[str, str]) -> Mirroring:
    """Build what a function's environment names; raises SettingsError."""
    own = settings.read(settings.WorkerSettings, environment)
    about = settings.read(settings.FileSettings, environment)
    reports = settings.read(settings.PublicationSettings, environment)
    bucket = settings.read(settings.StoreSettings, environment).asset_bucket
    access = lookup.build_access(environment, own.catalogue_table, "bulk")
    table = clients.dynamodb()
    return Mirroring(
        catalogue=Catalogue(table, own.catalogue_table),
        details=Documents(clients.s3(), bucket),
        files=Files(table, own.catalogue_table),
        leases=Leases(table, own.catalogue_table),
        bus=Bus(clients.events(), own.event_bus),
        downloads=Downloads(
            build_client(),
            FileOrigins.parse(about.file_origins),
            about.max_file_megabytes * MILLION,
        ),
        store=FileStore(clients.files(), bucket),
        links=PrivateLinks(access.api, access.permits),
        folders=Folders(
            bucket=bucket,
            repository=about.image_repository_bucket,
            rules=folder_rules.parse(about.folder_rules),
            keep_withdrawn=about.keep_withdrawn,
        ),
        duties=Duties(
            is_on=reports.report_publications,
            base=reports.public_base_url,
            bucket=about.image_repository_bucket,
            own_bucket=bucket,
        ),
        commands=CommandQueue(clients.sqs(), reports.command_queue_url),
    )
