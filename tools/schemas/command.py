"""The schema of a command, for whoever puts one into the queue."""

from cmp_relay.commands import COMMANDS, Envelope
from tools.schemas import plain
from tools.schemas.plain import Schema


def schema() -> Schema:
    """Return the schema of the queue's messages, with the arguments of each command."""
    envelope = plain.of(Envelope)
    envelope["properties"]["command"]["enum"] = list(COMMANDS)
    kinds = list(dict.fromkeys(COMMANDS.values()))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:cmp-relay:command:1",
        "title": "Command",
        **envelope,
        "allOf": [
            {
                "if": {"properties": {"command": {"enum": names}}},
                "then": {"properties": {"arguments": {"$ref": f"#/$defs/{kind.__name__}"}}},
            }
            for kind in kinds
            if (names := [name for name, taken in COMMANDS.items() if taken is kind])
        ],
        "$defs": {kind.__name__: plain.of(kind) for kind in kinds},
    }
