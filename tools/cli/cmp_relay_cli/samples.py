"""The bodies that CMP sends: samples that come with the project, or files of one's own."""

import json
from pathlib import Path
from typing import NamedTuple

from cmp_relay_cli.errors import MissingError, UsageError
from cmp_relay_cli.stack import Stack

FOLDERS = (
    Path(__file__).with_name("samples"),  # in the package
    Path(__file__).parents[3] / "events" / "webhooks",  # in the project
)
HOSTS = ("https://api.cmp.optimizely.com", "https://api.welcomesoftware.com")


class Body(NamedTuple):
    """A raw body and the event that it tells of."""

    event_name: str
    text: str


def names() -> list[str]:
    """Return the names of the samples."""
    return sorted(file.stem for folder in FOLDERS for file in folder.glob("*.json"))


def read(stack: Stack, name: str) -> Body:
    """Read a sample by its name, or a file; raises OperatorError.

    Its links lead to the CMP of this stack: one with a stand-in trusts no other.
    """
    files = [Path(name), *(folder / f"{name}.json" for folder in FOLDERS)]
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        message = f"{name} is neither a file nor a sample: those are {', '.join(names())}"
        raise MissingError(message)
    try:
        text = file.read_text("utf-8")
        event_name = json.loads(text)["event_name"]
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{name} is no delivery: it is not JSON with an event_name") from None
    origins = stack.parameters["CmpApiOrigins"].split(",")
    for host, own in zip(HOSTS, [*origins, origins[0]], strict=False):
        if host not in origins:
            text = text.replace(host, own)
    return Body(str(event_name), text)
