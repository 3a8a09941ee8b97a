"""The running of commands: each kind has a hand that tells CMP; every end is told on the bus."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from cmp_relay import clients, composition, desk, reports, settings
from cmp_relay.asset_changes import AssetChanges
from cmp_relay.asset_versions import AssetVersions
from cmp_relay.bus import Bus
from cmp_relay.command_results import CommandResults
from cmp_relay.commands import CommandJob, read_command_job
from cmp_relay.comments import Comments
from cmp_relay.echoes import Echoes
from cmp_relay.errors import InvalidCommandError
from cmp_relay.exchanges import build_client
from cmp_relay.external_links import ExternalLinks
from cmp_relay.origins import FileOrigins
from cmp_relay.outcomes import Attempt, Ending
from cmp_relay.previews import Previews
from cmp_relay.storage import Storage
from cmp_relay.sub_steps import SubSteps
from cmp_relay.told_links import ToldLinks
from cmp_relay.upload_notes import UploadNotes
from cmp_relay.uploads import Uploads
from cmp_relay.worker import Worker


class Hand(Protocol):
    """What carries out commands of one kind."""

    def run(self, job: CommandJob, attempt: Attempt) -> Ending:
        """Tell CMP; raises ApiErrors, PostponedError, and InvalidCommandError."""


@dataclass(frozen=True, slots=True)
class Running:
    """The work of run_command: hands by the command's name."""

    hands: Mapping[str, Hand]

    def apply(self, job: CommandJob, attempt: Attempt) -> Ending:
        """Run one command; raises InvalidCommandError if it says nothing that can be done."""
        if job.problem or job.command not in self.hands:
            raise InvalidCommandError(job.problem or "there is no such command")
        return self.hands[job.command].run(job, attempt)


def build(environment: Mapping[str, str], *, reserve_seconds: float) -> Worker[CommandJob]:
    """Build the worker that a function's environment names; raises SettingsError."""
    own = settings.read(settings.WorkerSettings, environment)
    cmp = desk.build(environment, own.catalogue_table)
    echoes = Echoes(clients.dynamodb(), own.catalogue_table)
    sub_steps = SubSteps(cmp, echoes)
    hands: dict[str, Hand] = {
        "link_ticket": ExternalLinks(cmp, ToldLinks(clients.dynamodb(), own.catalogue_table)),
        "comment": Comments(cmp, echoes),
        "update_asset": AssetChanges(cmp),
        "report_publication": reports.build(environment, cmp, own.catalogue_table),
        "add_version": AssetVersions(
            cmp,
            _uploads(environment, cmp.access.base),
            UploadNotes(clients.dynamodb(), own.catalogue_table),
        ),
        **dict.fromkeys(("acknowledge_preview", "complete_preview"), Previews(cmp)),
        **dict.fromkeys(("start", "complete", "skip", "assign"), sub_steps),
    }
    worker = composition.assemble(own, read_command_job, Running(hands).apply, reserve_seconds)
    results = CommandResults(Bus(clients.events(), own.event_bus), worker.now)
    return replace(worker, announce=results.tell)


def _uploads(environment: Mapping[str, str], base: str) -> Uploads:
    origins = settings.read(settings.UploadSettings, environment).upload_origins
    return Uploads(
        objects=clients.files(),
        bucket=settings.read(settings.StoreSettings, environment).asset_bucket,
        storage=Storage(build_client(), FileOrigins.parse(origins, "UPLOAD_ORIGINS")),
        base=base,
    )
