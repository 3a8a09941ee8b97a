"""The sample deliveries under events/webhooks, as bytes and as JSON."""

import json
from pathlib import Path
from typing import Any

from cmp_relay import routing

FOLDER = Path(__file__).resolve().parents[2] / "events" / "webhooks"


def names() -> list[str]:
    """Return the names of all samples, `asset_published.old` for `asset_published.old.json`."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def publish_names() -> list[str]:
    """Return the names of the samples of publish events."""
    return [name for name in names() if routing.is_publish(name.removesuffix(".old"))]


def library_names() -> list[str]:
    """Return the names of the samples of library events."""
    return [name for name in names() if routing.is_library(name)]


def other_names() -> list[str]:
    """Return the names of the samples of events that have no worker of their own."""
    return [
        name for name in names() if routing.route(name.removesuffix(".old")) == routing.OTHER_EVENT
    ]


def raw(name: str) -> bytes:
    """Return a sample as CMP sends it."""
    return (FOLDER / f"{name}.json").read_bytes()


def sample(name: str) -> dict[str, Any]:
    """Return a sample as parsed JSON."""
    document: dict[str, Any] = json.loads(raw(name))
    return document
