"""What a rule on an event bus hears, as far as patterns of the docs go.

EventBridge matches by Event Ruler (github.com/aws/event-ruler, "JSON Array Matching"): lists are
looked into, and all fields that are asked of a list of objects have to be those of one object.
moto asks fields of lists of nothing, and has no TestEventPattern.
"""

from collections.abc import Mapping
from typing import Any

Pattern = Mapping[str, Any]
_ABSENT = object()


def matches(pattern: Pattern, event: object) -> bool:
    """Tell whether a rule hears an event; raises ValueError for a pattern that is none."""
    if isinstance(event, list):
        return any(matches(pattern, each) for each in event)
    fields = event if isinstance(event, dict) else {}
    return all(_fits(asked, fields.get(name, _ABSENT)) for name, asked in pattern.items())


def _fits(asked: object, value: object) -> bool:
    match asked:
        case dict():
            return matches(asked, value)
        case [_, *_]:
            return any(_is(one, value) for one in asked)
    raise ValueError(f"neither an object nor a list of values: {asked}")


def _is(asked: object, value: object) -> bool:
    """Tell whether a value, or one of a list of values, is as asked."""
    match asked:
        case {"exists": bool(wanted), **rest} if not rest:
            return (value is not _ABSENT and not isinstance(value, dict)) == wanted
        case {"prefix": str(beginning), **rest} if not rest:
            return any(isinstance(one, str) and one.startswith(beginning) for one in _each(value))
        case str() | bool() | int() | None:
            return any(type(one) is type(asked) and one == asked for one in _each(value))
    raise ValueError(f"no such comparison: {asked}")


def _each(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
