"""The sample deliveries, as this machine's CMP would send them."""

import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmp_relay import routing
from tools.local_stack.folders import PROJECT
from tools.stand_in.client import StandIn

SAMPLES = PROJECT / "events" / "webhooks"
KINDS = {
    "articles": "article",
    "images": "image",
    "videos": "video",
    "raw_files": "raw_file",
    "structured_contents": "structured_content",
}
STAGES = (
    *("asset_published", "asset_synced", "asset_unpublished"),
    *("asset_added", "asset_modified", "asset_renditions_created", "asset_removed"),
)


@dataclass(frozen=True)
class Sample:
    """One sample and the publishing channel that it is sent through."""

    file: Path
    channel: str | None

    def body(self, cmp_url: str) -> str:
        """Return the raw body as the CMP at `cmp_url` would send it."""
        return at_home(self.file.read_text(), cmp_url)


def at_home(text: str, cmp_url: str) -> str:
    """Return a text with both of CMP's API hosts replaced by the two names of the one here."""
    second_name = cmp_url.replace("127.0.0.1", "localhost")
    text = text.replace("https://api.cmp.optimizely.com", cmp_url)
    return text.replace("https://api.welcomesoftware.com", second_name)


def stage(name: str) -> list[Sample]:
    """Return both generations of one event, as far as there are two samples of it.

    The older one comes through a channel of its own.
    """
    both = [
        Sample(SAMPLES / f"{name}.json", None),
        Sample(SAMPLES / f"{name}.old.json", "website"),
    ]
    return [sample for sample in both if sample.file.exists()]


def prepare(cmp: StandIn, body: str) -> None:
    """Let the stand-in hold what a delivery speaks of, in the state that it announces."""
    delivery = json.loads(body)
    if routing.is_external(routing.canonical(delivery["event_name"])):
        _prepare_step(cmp, delivery["data"])
    if routing.is_library(delivery["event_name"]):
        _prepare_library(cmp, delivery["event_name"], delivery["data"]["asset"])
    if not routing.is_publish(routing.canonical(delivery["event_name"])):
        return
    assets: dict[str, list[dict[str, Any]]] = delivery["data"]["assets"]
    for key, entries in assets.items():
        for entry in entries:
            if "modified_at" in entry:
                shown = {name: entry[name] for name in ("id", "title", "modified_at", "labels")}
                cmp.add_asset(KINDS[key], **shown)


def _prepare_step(cmp: StandIn, told: dict[str, Any]) -> None:
    """Let a task wait for the step; a new title each time, so that there is something to tell."""
    cmp.tasks.add(
        id=told["task"]["id"],
        step_id=told["step"]["id"],
        sub_step_id=told["sub_step"]["id"],
        title=f"Sample task {uuid.uuid4()}",
    )


def _prepare_library(cmp: StandIn, event_name: str, told: dict[str, Any]) -> None:
    """Let something be new to tell: library deliveries themselves hold nothing but ids."""
    cmp.add_asset(told["type"], id=told["id"], title=f"Sample of {event_name}")
    if event_name == "asset_removed":
        cmp.move_asset(told["id"], "deleted")
