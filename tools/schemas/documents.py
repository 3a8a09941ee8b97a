"""Every schema under docs, as the models give it."""

import json
from collections.abc import Mapping
from pathlib import Path

from tools.schemas import command, events

DOCS = Path(__file__).resolve().parents[2] / "docs"


def documents() -> Mapping[Path, str]:
    """Return the text of each schema by its place."""
    schemas = {
        DOCS / "commands" / "Command.schema.json": command.schema(),
        **{DOCS / "events" / f"{name}.schema.json": events.schema(name) for name in events.DETAILS},
    }
    return {path: json.dumps(schema, indent=2) + "\n" for path, schema in schemas.items()}
