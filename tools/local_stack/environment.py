"""The file of shell variables that describes a running stack."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from tools.local_stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write(file: Path, variables: Mapping[str, str]) -> None:
    """Write the variables so that a shell can `source` them; for their owner's eyes alone."""
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    file.touch(mode=0o600)
    file.write_text("".join(lines))


def read(file: Path) -> dict[str, str]:
    """Read the variables back.

    Raises:
        StackError: there is no such file, so no stack is up.
    """
    if not file.is_file():
        message = "the local stack is not up: start it with `make up`"
        raise StackError(message)
    words = shlex.split(file.read_text(), comments=True)
    return dict(word.split("=", 1) for word in words if "=" in word)
