"""What the relay reports by itself: what became of an asset's publications, and where its file is.

Owed together with the files (`files`), as the event of a change of files is, and paid to the queue
of commands. No I/O but for a line of log, no clock.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError

from cmp_relay import commands, times
from cmp_relay.catalogue import PublicationState, Record
from cmp_relay.commands import ReportPublication
from cmp_relay.file_sources import OWN
from cmp_relay.files import FilesState, Told
from cmp_relay.report_states import UNPUBLISHED, states
from cmp_relay.telemetry import logger

MOST = 100
"""Reports of one job: their messages wait in one item, of 400 KB at most. The next job goes on."""


@dataclass(frozen=True, slots=True)
class Duties:
    """The reports of one stack, if it gives any (`is_on`).

    `base` stands for a bucket of files in public URLs, `bucket`: what is elsewhere is not public.
    `own_bucket` is the relay's.
    """

    is_on: bool
    base: str
    bucket: str
    own_bucket: str

    def owe(self, record: Record, files: FilesState, now: int) -> FilesState:
        """Return the state of the files owing the reports that were not given yet (ms)."""
        due = self._due(record, files) if self.is_on else {}
        for key, status in due.items():
            name = _name(key)
            told = Told(status, files.reported[name].number + 1 if name in files.reported else 1)
            command = self._command(record, key, told, files, now)
            if command:
                files = replace(
                    files,
                    reported={**files.reported, name: told},
                    commands=(*files.commands, json.dumps(command)),
                )
        return files

    def _due(self, record: Record, files: FilesState) -> dict[tuple[str, str], str]:
        """Return what is to be reported: nothing is published whose file is not there."""
        wanted = {
            key: status
            for key, status in states(record).items()
            if status != _told(files, key) and (status == UNPUBLISHED or self._key(files))
        }
        newest = sorted(wanted, key=lambda key: -record.publications[key].sequence)
        return {key: wanted[key] for key in newest[:MOST]}

    def _command(
        self, record: Record, key: tuple[str, str], told: Told, files: FilesState, now: int
    ) -> Mapping[str, Any] | None:
        """Return the message of one report, None if the publication came with no usable link."""
        publication = record.publications[key]
        arguments = self._arguments(record.asset.asset_id, publication, told.status, files)
        try:
            report = ReportPublication.model_validate(arguments)
        except ValidationError:
            logger.warning("publication cannot be reported", publishing_event_id=key[1])
            return None
        identity = json.dumps([*key, record.asset.asset_id, told.status, told.number])
        command_id = f"relay.{told.status}.{hashlib.sha256(identity.encode()).hexdigest()[:32]}"
        return commands.message("report_publication", command_id, times.moment(now), report)

    def _arguments(
        self, asset_id: str, publication: PublicationState, status: str, files: FilesState
    ) -> dict[str, Any]:
        arguments = {
            "publishing_metadata_link": publication.metadata_href,
            "publishing_event_id": publication.facts.publishing_event_id,
            "asset_id": asset_id,
            "status": status,
            # Whoever has reported by itself knows better.
            "keep_existing": True,
        }
        key = self._key(files)
        if status != UNPUBLISHED and key and self.base:
            arguments["public_url"] = f"{self.base}/{quote(key)}"
        return arguments

    def _key(self, files: FilesState) -> str | None:
        """Return the key of the asset's file in the public bucket, None if it is not there."""
        file = files.files.get(OWN)
        if file is None:
            return None
        if file.copy and file.copy.bucket == self.bucket:
            return file.copy.key
        return file.stored.key if self.bucket == self.own_bucket else None


def _told(files: FilesState, key: tuple[str, str]) -> str | None:
    told = files.reported.get(_name(key))
    return told.status if told else None


def _name(key: tuple[str, str]) -> str:
    """Name a publication; the receiver has quoted what could be a `#` in the channel."""
    return "#".join(key)
