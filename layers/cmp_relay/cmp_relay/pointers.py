"""JSON pointers (RFC 6901): where in a delivery's body something stands."""

from typing import Any


def join(pointer: str, *steps: str | int) -> str:
    """Return the pointer that leads `steps` further, with `~` and `/` in names escaped."""
    names = (str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    return "/".join((pointer, *names))


def resolve(document: Any, pointer: str) -> Any:  # noqa: ANN401  # JSON can be anything
    """Return what a pointer leads to; raises LookupError if that is nothing."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(document, list):
            document = document[_index(name)]
        elif isinstance(document, dict):
            document = document[name]
        else:
            raise LookupError(pointer)
    return document


def _index(name: str) -> int:
    if not (name.isascii() and name.isdigit()):
        raise LookupError(name)
    return int(name)
